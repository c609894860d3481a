package cli

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"authsome"
	"authsome/internal/doctor"
	"authsome/local"
)

func (a *app) initCommand() *cobra.Command {
	return &cobra.Command{
		Use: "init", Short: "Make the home, the key and the vault, unless they are there", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := a.auth(cmd.Context()); err != nil {
				return err
			}
			if kind := doctor.NetworkFileSystem(a.home); kind != "" {
				a.warn(&authsome.Error{
					Message: "the home lies on a network file system (" + kind + "), whose locks may not keep two machines apart",
					Hint:    "set AUTHSOME_HOME to a directory of this machine",
				})
			}
			vault := filepath.Join(a.home, local.VaultFile)
			source, err := a.keySource(cmd.Context())
			if err != nil {
				return err
			}
			if a.flags.json {
				return a.printJSON(object{
					{"status", "ready"}, {"home", a.home}, {"vault", vault}, {"key_source", source.name}, {"key_source_reason", source.why},
				})
			}
			a.say("the vault is ready: %s (key: %s)", vault, source.name)
			return nil
		},
	}
}
