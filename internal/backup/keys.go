package backup

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"golang.org/x/crypto/ssh"

	"authsome"
)

// Recipient reads a public key: age1… or a line of an SSH public key file.
func Recipient(text string) (age.Recipient, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "ssh-") {
		r, err := agessh.ParseRecipient(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", shortened(text), err)
		}
		return r, nil
	}
	if strings.HasPrefix(text, "AGE-SECRET-KEY-") {
		return nil, errors.New("this is a secret key, which is for reading: age-keygen -y prints the recipient")
	}
	all, err := age.ParseRecipients(strings.NewReader(text))
	if err != nil || len(all) != 1 {
		return nil, fmt.Errorf("%s is neither an age recipient nor an SSH public key", shortened(text))
	}
	return all[0], nil
}

func shortened(text string) string {
	const enough = 24
	if len(text) <= enough {
		return fmt.Sprintf("%q", text)
	}
	return fmt.Sprintf("%q", text[:enough]+"…")
}

// Passphrase returns what encrypts to a passphrase.
func Passphrase(passphrase authsome.Secret) (age.Recipient, error) {
	return age.NewScryptRecipient(passphrase.Reveal())
}

// PassphraseIdentity returns what decrypts with a passphrase.
func PassphraseIdentity(passphrase authsome.Secret) (age.Identity, error) {
	return age.NewScryptIdentity(passphrase.Reveal())
}

// Identities reads a file of age identities or an SSH private key. An SSH key that is itself encrypted asks for its
// passphrase when it is used; it cannot be if ask is nil.
func Identities(content []byte, ask func() (authsome.Secret, error)) ([]age.Identity, error) {
	if !bytes.HasPrefix(bytes.TrimSpace(content), []byte("-----BEGIN")) {
		return age.ParseIdentities(bytes.NewReader(content))
	}
	identity, err := agessh.ParseIdentity(content)
	if missing, ok := errors.AsType[*ssh.PassphraseMissingError](err); ok {
		identity, err = encrypted(missing.PublicKey, content, ask)
	}
	if err != nil {
		return nil, err
	}
	return []age.Identity{identity}, nil
}

func encrypted(public ssh.PublicKey, content []byte, ask func() (authsome.Secret, error)) (age.Identity, error) {
	if public == nil || ask == nil {
		return nil, errors.New("the SSH key is encrypted, and there is nobody to ask for its passphrase")
	}
	return agessh.NewEncryptedSSHIdentity(public, content, func() ([]byte, error) {
		passphrase, err := ask()
		return []byte(passphrase.Reveal()), err
	})
}
