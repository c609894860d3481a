package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"authsome"
)

func (a *app) profileCommand() *cobra.Command {
	cmd := group(&cobra.Command{Use: "profile", Short: "Manage profiles: separate sets of connections"})
	var force bool
	remove := &cobra.Command{
		Use: "delete NAME", Short: "Delete a profile and everything in it; asks if that is something", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.deleteProfile(cmd, authsome.ProfileName(args[0]), force)
		},
	}
	remove.Flags().BoolVar(&force, "force", false, "delete it with all that it has, without asking")
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Short: "List the profiles", Args: exactly(0),
			RunE: func(cmd *cobra.Command, _ []string) error { return a.listProfiles(cmd) },
		},
		&cobra.Command{
			Use: "create NAME", Short: "Add a profile", Args: exactly(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return a.createProfile(cmd, authsome.ProfileName(args[0]))
			},
		},
		&cobra.Command{
			Use: "use NAME", Short: "Choose the profile that commands are about", Args: exactly(1),
			RunE: func(cmd *cobra.Command, args []string) error { return a.useProfile(cmd, authsome.ProfileName(args[0])) },
		},
		remove,
	)
	return cmd
}

func (a *app) listProfiles(cmd *cobra.Command) error {
	layer, current, err := a.inProfile(cmd.Context())
	if err != nil {
		return err
	}
	names, err := layer.ListProfiles(cmd.Context())
	if err != nil {
		return err
	}
	if a.flags.json {
		return a.printJSON(object{{"current", current}, {"profiles", names}})
	}
	for _, n := range names {
		star := ""
		if n == current {
			star = " *"
		}
		a.printf("%s%s\n", n, star)
	}
	return nil
}

func (a *app) createProfile(cmd *cobra.Command, name authsome.ProfileName) error {
	layer, err := a.auth(cmd.Context())
	if err != nil {
		return err
	}
	if err := layer.CreateProfile(cmd.Context(), name); err != nil {
		return err
	}
	return a.doneProfile("created", name, "created the profile %s; authsome profile use %s chooses it", name, name)
}

func (a *app) useProfile(cmd *cobra.Command, name authsome.ProfileName) error {
	layer, err := a.auth(cmd.Context())
	if err != nil {
		return err
	}
	names, err := layer.ListProfiles(cmd.Context())
	if err != nil {
		return err
	}
	if !slices.Contains(names, name) {
		return &authsome.Error{
			Kind: authsome.KindUsage, Message: fmt.Sprintf("there is no profile %s", name),
			Hint: fmt.Sprintf("authsome profile create %s", name),
		}
	}
	cfg, err := a.config()
	if err != nil {
		return err
	}
	if err := cfg.setDefaultProfile(name); err != nil {
		return err
	}
	return a.doneProfile("chosen", name, "the profile in use is %s", name)
}

func (a *app) deleteProfile(cmd *cobra.Command, name authsome.ProfileName, force bool) error {
	layer, err := a.auth(cmd.Context())
	if err != nil {
		return err
	}
	if !force {
		if err := a.mayDelete(cmd.Context(), layer, name); err != nil {
			return err
		}
	}
	if err := layer.DeleteProfile(cmd.Context(), name); err != nil {
		return err
	}
	cfg, err := a.config()
	if err != nil {
		return err
	}
	if cfg.DefaultProfile == name {
		if err := cfg.setDefaultProfile(authsome.DefaultProfile); err != nil {
			return err
		}
	}
	return a.doneProfile("deleted", name, "deleted the profile %s", name)
}

// mayDelete asks whether a profile may go that holds what somebody has logged in for or typed. Where there is nobody to ask
// it may not.
func (a *app) mayDelete(ctx context.Context, layer authsome.AuthLayer, name authsome.ProfileName) error {
	states, _, err := layer.Providers(ctx, name)
	if err != nil {
		return err
	}
	connections, clients := 0, 0
	for _, s := range states {
		connections += len(s.Connections)
		if s.Configured {
			clients++
		}
	}
	var held string
	switch {
	case connections > 0:
		held = plural(connections, "connection")
	case clients > 0:
		held = plural(clients, "OAuth client")
	default:
		return nil
	}
	if a.env.UI.ReadLine == nil || a.flags.json {
		return &authsome.Error{
			Kind: authsome.KindUsage, Message: fmt.Sprintf("the profile %s has %s", name, held),
			Hint: fmt.Sprintf("authsome profile delete %s --force deletes all of it, without telling the providers", name),
		}
	}
	answer, err := a.env.UI.ReadLine(ctx, fmt.Sprintf("Delete the profile %s with %s, without telling the providers? [y/N]", name, held))
	if answer = strings.ToLower(answer); err == nil && (answer == "y" || answer == "yes") {
		return nil
	}
	return &authsome.Error{Kind: authsome.KindCancelled, Message: fmt.Sprintf("the profile %s was kept", name), Err: err}
}

// plural is a number of things.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// liveOnRefreshTokens says how many of the connections of a backup are in one place only.
func liveOnRefreshTokens(n int) string {
	if n == 1 {
		return "1 of the connections lives on a refresh token"
	}
	return fmt.Sprintf("%d of the connections live on a refresh token", n)
}

// pluralAre is a number of things, and the verb that follows them.
func pluralAre(n int, thing string) string {
	if n == 1 {
		return plural(n, thing) + " is"
	}
	return plural(n, thing) + " are"
}

func (a *app) doneProfile(status string, name authsome.ProfileName, format string, args ...any) error {
	if a.flags.json {
		return a.printJSON(object{{"status", status}, {"profile", name}})
	}
	a.say(format, args...)
	return nil
}
