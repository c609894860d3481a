package cli

import "github.com/spf13/cobra"

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
