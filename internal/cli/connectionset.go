package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"authsome"
)

// guardFlags are the words of a Guard, each allow or withhold, and on or off for redaction.
type guardFlags struct {
	redact, cookies, newCredentials, connection string
}

func (a *app) connectionSetCommand() *cobra.Command {
	var f guardFlags
	cmd := &cobra.Command{
		Use: "set PROVIDER", Short: "Choose what a run lets come back in answers to requests with a login's credential", Args: exactly(1),
		Long: "Choose what a run lets come back to a program in answers to requests with a login's credential. By default nothing does:\n" +
			"the credential is covered wherever an answer holds it, cookies of sessions that it opens are taken out, and requests\n" +
			"that would be answered with a new credential are not sent. A new login goes back to that.",
		Example: "  authsome connection set github --new-credentials allow\n  authsome connection set acme --connection work --redact off",
		RunE:    func(cmd *cobra.Command, args []string) error { return a.setGuard(cmd, args[0], f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.connection, "connection", "", "name of the login, if it is not the default one")
	flags.StringVar(&f.redact, "redact", "", "on or off: whether answers are looked through for the credential")
	flags.StringVar(&f.cookies, "cookies", "", "allow or withhold: cookies that the API sets")
	flags.StringVar(&f.newCredentials, "new-credentials", "", "allow or withhold: answers that bring new credentials")
	return cmd
}

func (a *app) setGuard(cmd *cobra.Command, provider string, f guardFlags) error {
	if err := a.notInARun("change what comes back to it"); err != nil {
		return err
	}
	layer, ref, err := a.at(cmd.Context(), provider, f.connection)
	if err != nil {
		return err
	}
	c, err := storedConnection(cmd, layer, ref)
	if err != nil {
		return err
	}
	guard := c.Guard
	if err := f.apply(&guard); err != nil {
		return usageError(cmd, err.Error())
	}
	if guard == c.Guard {
		return a.done("unchanged", c.Ref, "%s: %s", c.Ref, guardText(guard))
	}
	if err := layer.SetGuard(cmd.Context(), c.Ref, guard); err != nil {
		return err
	}
	a.note(authsome.EventGuard, c.Ref, map[string]string{"guard": guardText(guard)})
	return a.done("set", c.Ref, "%s: %s", c.Ref, guardText(guard))
}

// storedConnection describes a connection as it is stored; nothing is refreshed for a change of its settings.
func storedConnection(cmd *cobra.Command, layer authsome.AuthLayer, ref authsome.Ref) (*authsome.Connection, error) {
	return layer.Connection(cmd.Context(), ref, authsome.CredentialOptions{Stored: true})
}

// apply changes what the flags say.
func (f guardFlags) apply(g *authsome.Guard) error {
	for _, one := range []struct {
		flag, value, yes, no string
		set                  *bool
	}{
		{"--redact", f.redact, "off", "on", &g.Off},
		{"--cookies", f.cookies, "allow", "withhold", &g.Cookies},
		{"--new-credentials", f.newCredentials, "allow", "withhold", &g.NewCredentials},
	} {
		switch one.value {
		case "":
		case one.yes:
			*one.set = true
		case one.no:
			*one.set = false
		default:
			return fmt.Errorf("%s is %s or %s, not %q", one.flag, one.no, one.yes, one.value)
		}
	}
	return nil
}

// guardText says what comes back.
func guardText(g authsome.Guard) string {
	if g.Off {
		return "answers are passed on as they are"
	}
	parts := []string{"credentials are covered in answers"}
	if g.Cookies {
		parts = append(parts, "cookies are let through")
	}
	if g.NewCredentials {
		parts = append(parts, "new credentials are let through")
	}
	return strings.Join(parts, ", ")
}
