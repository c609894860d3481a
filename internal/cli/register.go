package cli

import (
	"os"

	"github.com/spf13/cobra"

	"authsome"
)

func (a *app) registerCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use: "register PATH", Short: "Check a provider definition and add it", Args: exactly(1),
		Long: "Check a provider definition (JSON, comments allowed) and add it to your own. PATH may be - for standard input.",
		RunE: func(cmd *cobra.Command, args []string) error { return a.register(cmd, args[0], force) },
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace a definition of the same name")
	return cmd
}

// register adds a definition. A program in a run replaces none: it says where a credential goes, and runs heed it.
func (a *app) register(cmd *cobra.Command, path string, force bool) error {
	if force {
		if err := a.notInARun("replace a definition"); err != nil {
			return err
		}
	}
	read := func() ([]byte, error) { return os.ReadFile(path) }
	if path == "-" {
		read = func() ([]byte, error) { return a.readStdin(cmd.Context()) }
	}
	doc, err := read()
	if err != nil {
		return &authsome.Error{Kind: authsome.KindUsage, Message: err.Error(), Hint: "authsome provider new NAME > NAME.json writes a definition", Err: err}
	}
	layer, err := a.auth(cmd.Context())
	if err != nil {
		return err
	}
	p, err := layer.Register(cmd.Context(), doc, force)
	if err != nil {
		return err
	}
	return a.done("registered", authsome.Ref{Provider: p.Name}, "registered %s; authsome login %s connects to it", p.Name, p.Name)
}
