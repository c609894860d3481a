package cli

import (
	"os"
	"strings"

	"github.com/spf13/cobra"

	"authsome"
	"authsome/internal/audit"
	"authsome/internal/doctor"
	"authsome/local"
	"authsome/vault"
)

func (a *app) doctorCommand() *cobra.Command {
	var repair, accept bool
	cmd := &cobra.Command{
		Use: "doctor", Short: "Find out what is wrong with this installation, changing nothing unless told to", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case repair && accept:
				return usageError(cmd, "--repair and --accept-vault are two things: look first, with authsome doctor")
			case repair:
				return a.repairVault(cmd.Context())
			case accept:
				return a.acceptVault(cmd.Context())
			}
			return a.doctor(cmd)
		},
	}
	cmd.Flags().BoolVar(&repair, "repair", false, "make a new vault of what can be read of a damaged one; the old one is kept aside")
	cmd.Flags().BoolVar(&accept, "accept-vault", false, "go on with a vault that was put back or exchanged: it was you who did it")
	return cmd
}

// doctor does not open the layer: it has to work when that cannot be done.
func (a *app) doctor(cmd *cobra.Command) error {
	home, err := a.homeDir()
	if err != nil {
		return err
	}
	_, settings := a.config()
	var keys vault.KeySource
	if set, err := a.keySources(); err == nil { // what is wrong with them is for the doctor to find out
		keys = set
	}
	checks := doctor.Run(cmd.Context(), doctor.Config{
		Home: home, MasterKey: authsome.NewSecret(a.env.getenv(local.EnvMasterKey)), UserHome: a.userHome(),
		Environ: a.env.Environ, Now: a.env.Now, Settings: settings, Keys: keys,
		Sandbox: a.env.Sandbox,
	})
	if err := cmd.Context().Err(); err != nil {
		return err
	}
	if a.flags.json {
		if err := a.printJSON(doctorObject(checks)); err != nil {
			return err
		}
	} else {
		a.printChecks(checks)
	}
	if !doctor.OK(checks) {
		return exitStatus(1)
	}
	return nil
}

// userHome is the person's own home, where the settings of other programs lie.
func (a *app) userHome() string {
	if home := a.env.getenv("HOME"); home != "" {
		return home
	}
	home, _ := os.UserHomeDir() // without one there is nothing to look for
	return home
}

func doctorObject(checks []doctor.Check) object {
	objects := make([]object, len(checks))
	for i, c := range checks {
		objects[i] = object{{"name", c.Name}, {"ok", c.OK}, {"detail", c.Detail}, {"hint", c.Hint}}
	}
	return object{{"ok", doctor.OK(checks)}, {"checks", objects}}
}

// printChecks prints a line per check, and below it what more there is to say. With --quiet only failures are shown.
func (a *app) printChecks(checks []doctor.Check) {
	const indent = "                         "
	for _, c := range checks {
		verdict := "ok"
		if !c.OK {
			verdict = "FAIL"
		} else if a.flags.quiet {
			continue
		}
		detail := strings.Split(c.Detail, "\n")
		a.printf("%-4s  %-17s  %s\n", verdict, c.Name, audit.Printable(detail[0]))
		for _, line := range detail[1:] {
			a.printf("%s%s\n", indent, audit.Printable(line))
		}
		if c.Hint != "" {
			a.printf("%shint: %s\n", indent, audit.Printable(c.Hint))
		}
	}
}
