package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"authsome"
	"authsome/local"
)

type getOptions struct {
	connection string
	field      string
	show       bool
	refresh    bool
}

func (a *app) getCommand() *cobra.Command {
	var o getOptions
	cmd := &cobra.Command{
		Use: "get PROVIDER", Short: "Show a connection, refreshed if need be", Args: exactly(1),
		Example: "  authsome get github --field status\n  authsome get github --field access_token --show-secret",
		RunE:    func(cmd *cobra.Command, args []string) error { return a.get(cmd, args[0], o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.connection, "connection", "", "connection to show (default: the provider's default one)")
	f.StringVar(&o.field, "field", "", "print this field's bare value")
	f.BoolVar(&o.show, "show-secret", false, "print the access token or API key instead of "+authsome.Redacted)
	f.BoolVar(&o.refresh, "refresh", false, "refresh although the credential is good")
	return cmd
}

func (a *app) get(cmd *cobra.Command, provider string, o getOptions) error {
	layer, ref, err := a.at(cmd.Context(), provider, o.connection)
	if err != nil {
		return err
	}
	if o.show && (o.field == fieldAccessToken || o.field == fieldAPIKey) {
		return a.getSecret(cmd, layer, ref, o)
	}
	if o.show && o.field != "" {
		return a.getValue(cmd, layer, ref, o)
	}
	c, err := layer.Connection(cmd.Context(), ref, authsome.CredentialOptions{Refresh: o.refresh})
	if err != nil {
		return err
	}
	described := describe(c)
	if o.show && o.field == "" {
		cred, err := layer.Credential(cmd.Context(), c.Ref, authsome.CredentialOptions{})
		if err != nil {
			return err
		}
		if err := a.record(authsome.EventReveal, c.Ref, nil); err != nil {
			return err
		}
		described.set(secretField(c.AuthType), cred.Value.Reveal())
	}
	a.warn(c.Warning)
	return a.printConnection(cmd, described, o.field)
}

// getSecret prints the credential alone. It is what scripts call most, so it asks the layer once.
func (a *app) getSecret(cmd *cobra.Command, layer authsome.AuthLayer, ref authsome.Ref, o getOptions) error {
	cred, err := layer.Credential(cmd.Context(), ref, authsome.CredentialOptions{Refresh: o.refresh})
	if err != nil {
		return err
	}
	a.warn(cred.Warning)
	a.warn(boundToKey(cred))
	if err := a.record(authsome.EventReveal, cred.Ref, nil); err != nil {
		return err
	}
	return a.printField(o.field, cred.Value.Reveal())
}

// boundToKey is the warning that a token is of no use to whoever does not have the key that it is bound to (RFC 9449).
func boundToKey(cred *authsome.Credential) *authsome.Error {
	if !strings.EqualFold(cred.TokenType, "DPoP") {
		return nil
	}
	return &authsome.Error{
		Kind: authsome.KindDenied, Ref: cred.Ref,
		Message: fmt.Sprintf("the token of %s is bound to a key that does not leave the vault; nobody can use it alone", cred.Ref),
		Hint:    "authsome run -- COMMAND",
	}
}

// getValue prints a field that may be one of the credential's further values, such as the second of two keys.
func (a *app) getValue(cmd *cobra.Command, layer authsome.AuthLayer, ref authsome.Ref, o getOptions) error {
	cred, err := layer.Credential(cmd.Context(), ref, authsome.CredentialOptions{Refresh: o.refresh})
	if err == nil {
		value := cred.Fields[authsome.FieldName(o.field)]
		if o.field == secretField(cred.AuthType) {
			value = cred.Value
		}
		if !value.IsZero() {
			a.warn(cred.Warning)
			if err := a.record(authsome.EventReveal, cred.Ref, nil); err != nil {
				return err
			}
			return a.printField(o.field, value.Reveal())
		}
	}
	c, err := layer.Connection(cmd.Context(), ref, authsome.CredentialOptions{})
	if err != nil {
		return err
	}
	a.warn(c.Warning)
	if o.field == fieldRefreshToken {
		a.warn(&authsome.Error{
			Message: "refresh tokens never leave the vault",
			Hint:    "authsome get " + local.ArgumentsOf(*c) + " --field " + fieldAccessToken + " --show-secret",
		})
	}
	return a.printConnection(cmd, describe(c), o.field)
}

func (a *app) printConnection(cmd *cobra.Command, described object, field string) error {
	if field == "" {
		if a.flags.json {
			return a.printJSON(described)
		}
		return a.printMembers(described)
	}
	value, ok := described.get(field)
	if !ok && (field == fieldAccessToken || field == fieldAPIKey) {
		value, ok = authsome.Redacted, true // the one name stands for the other
	}
	if !ok {
		return usageError(cmd, fmt.Sprintf("no field %q; there are %s", field, strings.Join(described.names(), ", ")))
	}
	return a.printField(field, value)
}

func (a *app) printField(field string, value any) error {
	if a.flags.json {
		return a.printJSON(object{{field, value}})
	}
	_, err := fmt.Fprintln(a.out, text(value))
	return err
}
