package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"authsome"
)

func (a *app) logoutCommand() *cobra.Command {
	var connection string
	cmd := &cobra.Command{
		Use: "logout PROVIDER", Short: "Forget one connection, without telling the provider", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.logout(cmd, args[0], connection) },
	}
	cmd.Flags().StringVar(&connection, "connection", "", "connection to forget (default: the provider's default one)")
	return cmd
}

func (a *app) logout(cmd *cobra.Command, provider, connection string) error {
	layer, ref, err := a.at(cmd.Context(), provider, connection)
	if err != nil {
		return err
	}
	if ref, err = defaulted(cmd.Context(), layer, ref); err != nil {
		return err
	}
	if err := layer.Logout(cmd.Context(), ref); err != nil {
		return err
	}
	return a.done("logged_out", ref, "logged out of %s", ref)
}

// defaulted names the connection that is meant where none is, so that what is said to be gone is what has gone. Where there
// is no default one, the layer has the better words for it.
func defaulted(ctx context.Context, layer authsome.AuthLayer, ref authsome.Ref) (authsome.Ref, error) {
	if ref.Connection != "" {
		return ref, nil
	}
	all, err := layer.List(ctx, ref.Profile)
	if err != nil {
		return ref, err
	}
	for _, c := range all {
		if c.Provider == ref.Provider && c.Default {
			return c.Ref, nil
		}
	}
	return ref, nil
}

func (a *app) revokeCommand() *cobra.Command {
	var connection string
	cmd := &cobra.Command{
		Use: "revoke PROVIDER", Short: "Revoke at the provider, then forget: all connections and the OAuth client",
		Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.revoke(cmd, args[0], connection) },
	}
	cmd.Flags().StringVar(&connection, "connection", "", "revoke this connection only, and keep the OAuth client")
	return cmd
}

func (a *app) revoke(cmd *cobra.Command, provider, connection string) error {
	layer, ref, err := a.at(cmd.Context(), provider, connection)
	if err != nil {
		return err
	}
	report, err := layer.Revoke(cmd.Context(), ref)
	if err != nil {
		return err
	}
	revoked := make([]object, len(report.Connections))
	for i, c := range report.Connections {
		revoked[i] = object{{"connection", c.Ref.Connection}, {"remote", c.Remote}, {"problem", c.Problem}}
		if c.Problem == "" {
			a.say("revoked %s", c.Ref)
			continue
		}
		a.say("deleted %s here", c.Ref)
		a.warn(&authsome.Error{
			Message: fmt.Sprintf("%s was not revoked at the provider: %s", c.Ref, c.Problem),
			Hint:    "take the access back on the provider's own page if it must end at once",
		})
	}
	if len(report.Connections) == 0 && report.RegistrationDeleted {
		a.say("deleted the OAuth client of %s", ref.Provider)
	}
	if a.flags.json {
		return a.printJSON(object{
			{"status", "revoked"},
			{"provider", ref.Provider},
			{"connections", revoked},
			{"registration_deleted", report.RegistrationDeleted},
		})
	}
	return nil
}

func (a *app) removeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "remove PROVIDER", Short: "Delete connections, OAuth client and a definition of your own", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			layer, ref, err := a.at(cmd.Context(), args[0], "")
			if err != nil {
				return err
			}
			if err := layer.Remove(cmd.Context(), ref.Profile, ref.Provider); err != nil {
				return err
			}
			return a.done("removed", ref, "removed %s", ref.Provider)
		},
	}
}

// done reports a command that has nothing else to tell.
func (a *app) done(status string, ref authsome.Ref, format string, args ...any) error {
	if a.flags.json {
		return a.printJSON(object{{"status", status}, {"provider", ref.Provider}, {"connection", ref.Connection}})
	}
	a.say(format, args...)
	return nil
}
