package cli

import (
	"github.com/spf13/cobra"

	"authsome"
)

func (a *app) connectionCommand() *cobra.Command {
	cmd := group(&cobra.Command{Use: "connection", Short: "Manage the logins of this profile"})
	cmd.AddCommand(
		&cobra.Command{
			Use: "list [PROVIDER]", Short: "List connections", Args: atMost(1),
			RunE: func(cmd *cobra.Command, args []string) error { return a.listConnections(cmd, args) },
		},
		&cobra.Command{
			Use: "set-default PROVIDER NAME", Short: "Choose the connection that is meant when none is named",
			Args: exactly(2),
			RunE: func(cmd *cobra.Command, args []string) error { return a.setDefault(cmd, args[0], args[1]) },
		},
		&cobra.Command{
			Use: "rename PROVIDER OLD NEW", Short: "Give a connection another name", Args: exactly(3),
			RunE: func(cmd *cobra.Command, args []string) error { return a.rename(cmd, args[0], args[1], args[2]) },
		},
		a.connectionSetCommand(),
	)
	return cmd
}

func (a *app) listConnections(cmd *cobra.Command, args []string) error {
	layer, profile, err := a.inProfile(cmd.Context())
	if err != nil {
		return err
	}
	all, err := layer.List(cmd.Context(), profile)
	if err != nil {
		return err
	}
	rows := [][]string{{"PROVIDER", "CONNECTION", "STATUS", "EXPIRES"}}
	objects := []object{}
	for _, c := range all {
		if len(args) == 1 && string(c.Provider) != args[0] {
			continue
		}
		rows = append(rows, []string{string(c.Provider), mark(c), string(c.Status), text(c.ExpiresAt)})
		objects = append(objects, append(object{{"provider", c.Provider}}, summary(c)...))
	}
	if a.flags.json {
		return a.printJSON(object{{"profile", profile}, {"connections", objects}})
	}
	if len(rows) == 1 {
		return a.sayNoConnections()
	}
	return a.table(rows)
}

func (a *app) setDefault(cmd *cobra.Command, provider, connection string) error {
	layer, ref, err := a.at(cmd.Context(), provider, connection)
	if err != nil {
		return err
	}
	if err := layer.SetDefault(cmd.Context(), ref); err != nil {
		return err
	}
	return a.done("default", ref, "%s is the default connection", ref)
}

func (a *app) rename(cmd *cobra.Command, provider, from, to string) error {
	layer, ref, err := a.at(cmd.Context(), provider, from)
	if err != nil {
		return err
	}
	if err := layer.Rename(cmd.Context(), ref, authsome.ConnectionName(to)); err != nil {
		return err
	}
	ref.Connection = authsome.ConnectionName(to)
	return a.done("renamed", ref, "%s is called %s now", from, ref)
}
