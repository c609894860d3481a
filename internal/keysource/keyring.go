package keysource

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/zalando/go-keyring"

	"authsome/vault"
)

// keyringService is what the entries of the system's keyring are filed under.
const keyringService = "authsome"

// How long the keyring may take. It answers within milliseconds, unless it asks a person to unlock it, for which there has
// to be a screen.
const (
	keyringTimeout       = 3 * time.Second
	keyringPersonTimeout = 60 * time.Second
)

// keyringParameters say which entry holds the key. It is another one at each change to the keyring, so that the old key
// is still there if the change does not come about.
type keyringParameters struct {
	Account string `json:"account"`
}

// keyringSource is the source of a key in the keyring of the system: the Secret Service, the Keychain, the Credential
// Manager.
func (s *Set) keyringSource(p keyringParameters) vault.KeySource {
	h := &held{kind: Keyring, parameters: p, where: "the key in the system's keyring"}
	h.fetch = func(ctx context.Context, create bool) (masterKey, error) {
		text, err := s.callKeyring(ctx, func() (string, error) { return keyring.Get(keyringService, p.Account) })
		if errors.Is(err, keyring.ErrNotFound) && create {
			text = newKeyLine()
			_, err = s.callKeyring(ctx, func() (string, error) { return "", keyring.Set(keyringService, p.Account, text) })
		}
		switch {
		case errors.Is(err, keyring.ErrNotFound):
			return masterKey{}, &Problem{
				Message: "the system's keyring has no key for this vault (service " + keyringService + ", account " + p.Account + ")",
				Advice:  "restore the keyring from a backup, or move the vault away and log in again",
				Err:     fmt.Errorf("%w: %w", vault.ErrWrongKey, ErrMissing),
			}
		case err != nil:
			return masterKey{}, locked("the system's keyring cannot be used",
				"unlock the keyring, or run it in a session that has one; authsome key use --help names other sources", err)
		}
		key, err := parse([]byte(text))
		if err != nil {
			return masterKey{}, fmt.Errorf("the key in the system's keyring: %w: %w", vault.ErrUnavailable, err)
		}
		return key, nil
	}
	return h
}

// forgetKeyring removes an entry.
func (s *Set) forgetKeyring(ctx context.Context, p keyringParameters) error {
	_, err := s.callKeyring(ctx, func() (string, error) { return "", keyring.Delete(keyringService, p.Account) })
	if errors.Is(err, keyring.ErrNotFound) {
		return nil
	}
	return err
}

// callKeyring waits for the keyring for a while. A call that does not return is left behind.
func (s *Set) callKeyring(ctx context.Context, call func() (string, error)) (string, error) {
	timeout := keyringTimeout
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" || s.getenv("DISPLAY")+s.getenv("WAYLAND_DISPLAY") != "" {
		timeout = keyringPersonTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	type answer struct {
		text string
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		text, err := call()
		done <- answer{text, err}
	}()
	select {
	case a := <-done:
		return a.text, a.err
	case <-ctx.Done():
		return "", fmt.Errorf("it does not answer: %w", ctx.Err())
	}
}

// newKeyLine makes a key and writes it as a key file has it.
func newKeyLine() string {
	var secret [KeySize]byte
	_, _ = rand.Read(secret[:]) // never fails
	defer clear(secret[:])
	return filePrefix + base64.StdEncoding.EncodeToString(secret[:])
}
