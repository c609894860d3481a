package cli

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"authsome"
)

func (a *app) profileCommand() *cobra.Command {
	cmd := group(&cobra.Command{Use: "profile", Short: "Manage profiles: separate sets of connections"})
	var force bool
	remove := &cobra.Command{
		Use: "delete NAME", Short: "Delete a profile and everything in it", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.deleteProfile(cmd, authsome.ProfileName(args[0]), force)
		},
	}
	remove.Flags().BoolVar(&force, "force", false, "delete it although it has connections")
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
	held, err := layer.List(cmd.Context(), name)
	if err != nil {
		return err
	}
	if len(held) > 0 && !force {
		return &authsome.Error{
			Kind: authsome.KindUsage, Message: fmt.Sprintf("the profile %s has %d connections", name, len(held)),
			Hint: fmt.Sprintf("authsome profile delete %s --force deletes them too, without telling the providers", name),
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

func (a *app) doneProfile(status string, name authsome.ProfileName, format string, args ...any) error {
	if a.flags.json {
		return a.printJSON(object{{"status", status}, {"profile", name}})
	}
	a.say(format, args...)
	return nil
}
