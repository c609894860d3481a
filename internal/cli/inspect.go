package cli

import (
	"encoding/json"
	"os"

	"github.com/spf13/cobra"

	"authsome"
)

func (a *app) inspectCommand() *cobra.Command {
	var match string
	cmd := &cobra.Command{
		Use: "inspect PROVIDER", Short: "Show a definition with its connections", Args: exactly(1),
		Example: "  authsome inspect github\n  authsome inspect github --match https://api.github.com/user",
		RunE:    func(cmd *cobra.Command, args []string) error { return a.inspect(cmd, args[0], match) },
	}
	cmd.Flags().StringVar(&match, "match", "", "say whether a request for this URL would get the credential, and why")
	return cmd
}

func (a *app) inspect(cmd *cobra.Command, provider, match string) error {
	layer, ref, err := a.at(cmd.Context(), provider, "")
	if err != nil {
		return err
	}
	p, err := layer.Provider(cmd.Context(), ref.Profile, ref.Provider)
	if err != nil {
		return err
	}
	if match != "" {
		return a.inspectMatch(p, match)
	}
	if !a.flags.json {
		return a.printDefinition(p)
	}
	definition, err := definitionObject(p)
	if err != nil {
		return err
	}
	return a.printJSON(definition)
}

// definitionObject is the definition's own JSON with the profile's view of it behind.
func definitionObject(p *authsome.ProviderState) (object, error) {
	b, err := json.Marshal(p.Provider)
	if err != nil {
		return nil, err
	}
	return object{
		{"name", p.Name},
		{"source", p.Source},
		{"state", state(*p)},
		{"configured", p.Configured},
		{"connections", summaries(p.Connections)},
		{"definition", json.RawMessage(b)},
		{"facts_from", factsFrom(p)},
	}, nil
}

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
