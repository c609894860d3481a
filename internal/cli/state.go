package cli

import (
	"path/filepath"
	"runtime"

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

func (a *app) whoamiCommand() *cobra.Command {
	return &cobra.Command{
		Use: "whoami", Short: "Show the profile, the home and the key in use", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.whoami(cmd) },
	}
}

func (a *app) whoami(cmd *cobra.Command) error {
	layer, profile, err := a.inProfile(cmd.Context())
	if err != nil {
		return err
	}
	all, err := layer.List(cmd.Context(), profile)
	if err != nil {
		return err
	}
	source, err := a.keySource(cmd.Context())
	if err != nil {
		return err
	}
	o := object{
		{"profile", profile},
		{"home", a.home},
		{"key_source", source.name},
		{"key_source_reason", source.why},
		{"connections", len(all)},
	}
	o = append(o, count(all).members(a.flags.json)...)
	o = append(o, member{"version", version()})
	if a.flags.json {
		return a.printJSON(o)
	}
	return a.printMembers(o)
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: exactly(0),
		RunE: func(*cobra.Command, []string) error { return a.printVersion() },
	}
}

func (a *app) printVersion() error {
	if a.flags.json {
		return a.printJSON(object{
			{"version", version()}, {"go", runtime.Version()}, {"os", runtime.GOOS}, {"arch", runtime.GOARCH},
		})
	}
	a.printf("authsome %s\n", version())
	return nil
}
