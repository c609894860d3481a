package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"authsome"
	"authsome/internal/keysource"
)

// maxPassphraseInput bounds what is read from standard input, in bytes.
const maxPassphraseInput = 16 << 10

// givenPassphrases reads standard input, a passphrase a line, if that is asked for.
func (a *app) givenPassphrases(fromStdin bool) ([]authsome.Secret, error) {
	if !fromStdin {
		return nil, nil
	}
	content, err := io.ReadAll(io.LimitReader(a.env.Stdin, maxPassphraseInput))
	if err != nil {
		return nil, fmt.Errorf("read the passphrase: %w", err)
	}
	defer clear(content)
	var given []authsome.Secret
	for line := range bytes.Lines(content) {
		line = bytes.TrimRight(line, "\r\n")
		given = append(given, authsome.NewSecret(string(line)))
	}
	if len(given) == 0 || given[0].IsZero() || len(given) > 2 {
		return nil, &authsome.Error{
			Kind: authsome.KindUsage, Message: "standard input has to hold one passphrase a line, two at most",
			Hint: "authsome key passphrase --passphrase-stdin < FILE",
		}
	}
	return given, nil
}

// newPassphrase gets a passphrase that is to be used from now on. The file of the environment holds it only if it is not
// the present one.
func (a *app) newPassphrase(ctx context.Context, given []authsome.Secret, fileIsNew bool) (authsome.Secret, error) {
	path := a.env.getenv(keysource.EnvPassphraseFile)
	switch {
	case len(given) > 0:
		return given[0], nil
	case path != "" && fileIsNew:
		secret, err := keysource.ReadPassphrase(path)
		if err != nil {
			return secret, keyProblem(err)
		}
		return secret, nil
	case a.env.UI.ReadSecret == nil:
		return authsome.Secret{}, &authsome.Error{
			Kind: authsome.KindVaultUnavailable, Message: "a new passphrase is needed, and there is nobody to ask",
			Hint: "run it at a terminal, or with --passphrase-stdin < FILE",
		}
	}
	fresh, err := a.askPassphrase(ctx, "New passphrase")
	if err != nil {
		return fresh, err
	}
	again, err := a.askPassphrase(ctx, "The same again")
	if err == nil && again.Reveal() != fresh.Reveal() {
		err = &authsome.Error{
			Kind: authsome.KindUsage, Message: "the two passphrases are not the same; nothing was changed", Hint: "try again",
		}
	}
	return fresh, err
}

func (a *app) askPassphrase(ctx context.Context, prompt string) (authsome.Secret, error) {
	secret, err := a.env.UI.ReadSecret(ctx, prompt)
	if err != nil {
		return secret, &authsome.Error{Kind: authsome.KindCancelled, Message: "the passphrase was not given", Err: err}
	}
	return secret, nil
}

// keyProblem gives an error of a key source the kind and the hint it deserves.
func keyProblem(err error) error {
	e := &authsome.Error{Kind: authsome.KindVaultUnavailable, Message: err.Error(), Err: err}
	if p, ok := errors.AsType[*keysource.Problem](err); ok {
		e.Hint = p.Advice
	}
	return e
}
