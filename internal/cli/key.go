package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"authsome"
	"authsome/internal/keysource"
	"authsome/local"
	"authsome/vault"
)

func (a *app) keyCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use: "key", Short: "Where the key of the vault comes from, and how to change that",
		Long: "The records of the vault are sealed with a data key, and a key source keeps that one. The source can be changed at\n" +
			"any time; records stay as they are.",
	})
	cmd.AddCommand(a.keyStatusCommand(), a.keyUseCommand(), a.keyRotateCommand(), a.keyPassphraseCommand())
	return cmd
}

func (a *app) keyStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show the key source, why it is that one, and what it protects from", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.keyStatus(cmd.Context()) },
	}
}

// keyStatus does not open the vault, so that it can be asked when the vault is locked.
func (a *app) keyStatus(ctx context.Context) error {
	keys, err := a.keySources()
	if err != nil {
		return err
	}
	e, err := local.KeyEnvelope(ctx, a.home)
	if errors.Is(err, vault.ErrNotFound) {
		return &authsome.Error{
			Kind: authsome.KindVaultUnavailable, Message: "there is no vault yet, and no key", Hint: "authsome init", Err: err,
		}
	}
	if err != nil {
		return err
	}
	name, why := local.KeyReason(e, keys)
	facts := local.FactsOf(keysource.Kind(name))
	o := object{
		{"key_source", name},
		{"reason", why},
		{"unattended", facts.Unattended},
		{"since", e.Since},
		{"rotated", e.Rotated},
		{"protects_from", facts.Protects},
		{"not_from", facts.NotFrom},
		{"parameters", keyParameters(e)},
		{"key_file_left", keys.KeyFileLeft(e)},
	}
	if a.flags.json {
		return a.printJSON(o)
	}
	o.set("parameters", parametersText(e))
	if err := a.printMembers(o); err != nil {
		return err
	}
	if left := keys.KeyFileLeft(e); left != "" {
		a.warn(&authsome.Error{Message: left + " is not used any more", Hint: "authsome key use " + e.KeySource + " removes it, if given what it was given"})
	}
	return nil
}

// keyParameters returns the parameters of the source that the envelope names; there is nothing secret in them.
func keyParameters(e vault.Envelope) any {
	if len(e.Parameters) == 0 {
		return object{}
	}
	return e.Parameters
}

// parametersText is the same for people.
func parametersText(e vault.Envelope) string {
	var members map[string]any
	if json.Unmarshal(e.Parameters, &members) != nil {
		return ""
	}
	delete(members, "salt")
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(members)) {
		value := fmt.Sprint(members[name])
		if words, ok := members[name].([]any); ok {
			value = strings.Trim(fmt.Sprint(words), "[]")
		}
		fmt.Fprintf(&b, "%s=%s ", name, value)
	}
	return strings.TrimSpace(b.String())
}

type keyUseOptions struct {
	identity        string
	recipients      []string
	passphraseStdin bool
}

// keyKinds are the words that "key use" takes, in the order of the help.
func keyKinds() []keysource.Kind {
	return []keysource.Kind{
		keysource.FileKind, keysource.EnvKind, keysource.Keyring, keysource.Passphrase, keysource.Command, keysource.Age,
		keysource.Credential, keysource.KMS,
	}
}

func (a *app) keyUseCommand() *cobra.Command {
	var o keyUseOptions
	cmd := &cobra.Command{
		Use: "use SOURCE [flags] [URL | -- COMMAND [ARGUMENT]...]", Short: "Change the key source; no record is touched",
		Long: "Change what keeps the data key. SOURCE is one of\n\n" +
			"  file            a key file in the home, the default\n" +
			"  environment     " + local.EnvMasterKey + ", base64 of 32 bytes\n" +
			"  keyring         the keyring of the system: Secret Service, Keychain, Credential Manager\n" +
			"  passphrase      what you know, by Argon2id; asked for, or the first line of the file " + keysource.EnvPassphraseFile + "\n" +
			"  command         what a command prints: the base64 of 32 bytes\n" +
			"  age             an identity file of age, or a private key of SSH (--identity)\n" +
			"  credential      the credential " + keysource.CredentialName + " that systemd hands to a service\n" +
			"  kms             a key of HashiCorp Vault or of a cloud, by the program " + keysource.KMSHelper + "\n\n" +
			"The old key is removed once the new one holds. After that it may still open old copies of the vault: see key rotate.",
		Example: "  authsome key use keyring\n  authsome key use command -- pass show authsome\n" +
			"  authsome key use age --identity ~/.ssh/id_ed25519\n  authsome key use kms hashivault://authsome",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return a.keyUse(cmd, args, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.identity, "identity", "", "file with the identity of age, or the private key of SSH")
	f.StringArrayVar(&o.recipients, "recipient", nil, "for age: another recipient that can open the vault, too")
	f.BoolVar(&o.passphraseStdin, "passphrase-stdin", false, "read the present passphrase and the new one, where there is one, as lines of standard input")
	return cmd
}

// keySpec checks the arguments of "key use".
func keySpec(cmd *cobra.Command, args []string, o keyUseOptions) (keysource.Spec, error) {
	var spec keysource.Spec
	if len(args) == 0 {
		return spec, usageError(cmd, "missing argument SOURCE")
	}
	for _, kind := range keyKinds() {
		if args[0] == string(kind) {
			spec.Kind = kind
		}
	}
	rest := args[1:]
	switch {
	case spec.Kind == "":
		return spec, usageError(cmd, "there is no key source "+args[0]+"; there are "+joined(keyKinds()))
	case spec.Kind == keysource.Command && len(rest) == 0:
		return spec, &authsome.Error{
			Kind: authsome.KindUsage, Message: "there is no command to run", Hint: "authsome key use command -- pass show authsome",
		}
	case spec.Kind == keysource.KMS && len(rest) != 1:
		return spec, &authsome.Error{
			Kind: authsome.KindUsage, Message: "there is no key to use", Hint: "authsome key use kms hashivault://NAME",
		}
	case spec.Kind == keysource.Age && o.identity == "":
		return spec, &authsome.Error{
			Kind: authsome.KindUsage, Message: "there is no identity to use",
			Hint: "authsome key use age --identity ~/.ssh/id_ed25519",
		}
	case spec.Kind != keysource.Age && (o.identity != "" || len(o.recipients) > 0):
		return spec, usageError(cmd, "--identity and --recipient belong to the source age")
	case spec.Kind != keysource.Command && spec.Kind != keysource.KMS && len(rest) > 0:
		return spec, usageError(cmd, "unexpected argument "+rest[0])
	}
	switch spec.Kind {
	case keysource.Command:
		spec.Command = rest
	case keysource.KMS:
		spec.KMS = rest[0]
	case keysource.Age:
		path, err := filepath.Abs(o.identity)
		if err != nil {
			return spec, err
		}
		spec.Identity, spec.Recipients = path, o.recipients
	}
	return spec, nil
}

func (a *app) keyUse(cmd *cobra.Command, args []string, o keyUseOptions) error {
	ctx := cmd.Context()
	spec, err := keySpec(cmd, args, o)
	if err != nil {
		return err
	}
	present, err := a.presentSource(ctx)
	if err != nil {
		return err
	}
	if present == spec.Kind && present == keysource.Passphrase {
		return &authsome.Error{
			Kind: authsome.KindUsage, Message: "the vault is opened by a passphrase already", Hint: "authsome key passphrase",
		}
	}
	given, err := a.givenPassphrases(o.passphraseStdin)
	if err != nil {
		return err
	}
	if present == keysource.Passphrase && len(given) > 0 {
		a.access.passphrase, given = given[0], given[1:]
	}
	layer, err := a.keyLayer(ctx)
	if err != nil {
		return err
	}
	if spec.Kind == keysource.Passphrase {
		if spec.Passphrase, err = a.newPassphrase(ctx, given, present != keysource.Passphrase); err != nil {
			return err
		}
	}
	changed, err := layer.UseKey(ctx, spec)
	if err != nil {
		return err
	}
	return a.reportUse(ctx, layer, changed)
}

func (a *app) reportUse(ctx context.Context, layer *local.Layer, changed bool) error {
	e, err := layer.KeyEnvelope(ctx)
	if err != nil {
		return err
	}
	if a.flags.json {
		status := "unchanged"
		if changed {
			status = "changed"
		}
		return a.printJSON(object{{"status", status}, {"key_source", e.KeySource}, {"since", e.Since}})
	}
	if !changed {
		a.say("the key source is %s already", e.KeySource)
		return nil
	}
	a.say("the vault is opened by the key source %s now", e.KeySource)
	facts := local.FactsOf(keysource.Kind(e.KeySource))
	a.say("it protects from: %s", facts.Protects)
	if e.KeySource == string(keysource.EnvKind) {
		a.say("nothing but %s opens it: keep the value where it survives this shell", local.EnvMasterKey)
	}
	a.say("the old key still opens copies that were made before; to put them out of use: authsome key rotate")
	return nil
}

func (a *app) keyRotateCommand() *cobra.Command {
	var passphraseStdin bool
	cmd := &cobra.Command{
		Use: "rotate", Short: "Make a new data key and seal every record with it", Args: exactly(0),
		Long: "Make a new data key and seal every record with it, in one step: whatever happens, all records are sealed with the\n" +
			"old key or all with the new one. Runs in progress go on. The key source stays the same.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.keyRotate(cmd.Context(), passphraseStdin) },
	}
	cmd.Flags().BoolVar(&passphraseStdin, "passphrase-stdin", false, "read the passphrase from standard input")
	return cmd
}

func (a *app) keyRotate(ctx context.Context, passphraseStdin bool) error {
	given, err := a.givenPassphrases(passphraseStdin)
	if err != nil {
		return err
	}
	if len(given) > 0 {
		a.access.passphrase = given[0]
	}
	layer, err := a.keyLayer(ctx)
	if err != nil {
		return err
	}
	if err := layer.RotateKey(ctx); err != nil {
		return err
	}
	e, err := layer.KeyEnvelope(ctx)
	if err != nil {
		return err
	}
	if a.flags.json {
		return a.printJSON(object{{"status", "rotated"}, {"key_source", e.KeySource}, {"rotated", e.Rotated}})
	}
	a.say("every record is sealed with a new data key, of %s", e.Rotated.Format(time.RFC3339))
	return nil
}

func (a *app) keyPassphraseCommand() *cobra.Command {
	var passphraseStdin bool
	cmd := &cobra.Command{
		Use: "passphrase", Short: "Change the passphrase", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.keyPassphrase(cmd.Context(), passphraseStdin) },
	}
	cmd.Flags().BoolVar(&passphraseStdin, "passphrase-stdin", false,
		"read the present passphrase and the new one as two lines of standard input; one line is the new one")
	return cmd
}

func (a *app) keyPassphrase(ctx context.Context, passphraseStdin bool) error {
	present, err := a.presentSource(ctx)
	if err != nil {
		return err
	}
	if present != keysource.Passphrase {
		return &authsome.Error{
			Kind: authsome.KindUsage, Message: fmt.Sprintf("the vault has no passphrase, its key source is %s", present),
			Hint: "authsome key use passphrase",
		}
	}
	given, err := a.givenPassphrases(passphraseStdin)
	if err != nil {
		return err
	}
	if len(given) == 2 {
		a.access.passphrase, given = given[0], given[1:]
	}
	layer, err := a.keyLayer(ctx)
	if err != nil {
		return err
	}
	fresh, err := a.newPassphrase(ctx, given, false)
	if err != nil {
		return err
	}
	if _, err := layer.UseKey(ctx, keysource.Spec{Kind: keysource.Passphrase, Passphrase: fresh}); err != nil {
		return err
	}
	if a.flags.json {
		return a.printJSON(object{{"status", "changed"}, {"key_source", keysource.Passphrase}})
	}
	a.say("the passphrase was changed; the old one still opens copies that were made before: authsome key rotate")
	return nil
}

// keyLayer opens the vault for a change of its key.
func (a *app) keyLayer(ctx context.Context) (*local.Layer, error) {
	a.access.changing = true
	a.keys = nil // those of a look at the status were made with less
	return a.localLayer(ctx)
}

// presentSource returns the source that the vault names; one that is still to be made has a first source.
func (a *app) presentSource(ctx context.Context) (keysource.Kind, error) {
	home, err := a.homeDir()
	if err != nil {
		return "", err
	}
	e, err := local.KeyEnvelope(ctx, home)
	if errors.Is(err, vault.ErrNotFound) {
		return "", nil
	}
	return keysource.Kind(e.KeySource), err
}
