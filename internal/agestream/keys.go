package agestream

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"golang.org/x/crypto/ssh"

	"authsome/internal/backup/helper"
)

// recipients returns whom a request wants to encrypt to.
func recipients(work int, request helper.Request) (all []age.Recipient, err error) {
	if len(request.Recipients) == 0 {
		r, err := age.NewScryptRecipient(request.Passphrase)
		if err == nil && work > 0 {
			r.SetWorkFactor(work)
		}
		return []age.Recipient{r}, err
	}
	for _, text := range request.Recipients {
		r, err := recipient(strings.TrimSpace(text))
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

// recipient reads a public key: age1… or a line of an SSH public key file.
func recipient(text string) (age.Recipient, error) {
	if strings.HasPrefix(text, "ssh-") {
		r, err := agessh.ParseRecipient(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", shortened(text), err)
		}
		return r, nil
	}
	if strings.HasPrefix(strings.ToUpper(text), "AGE-SECRET-KEY-") {
		return nil, errors.New("this is a secret key, which is for reading: age-keygen -y prints its recipient")
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

// maxWorkFactor is how much work a backup may make of its passphrase, as the power of two that scrypt is given (RFC 7914): four
// times what age writes, which takes 1 GiB of memory. Whoever has made up a file must not be able to exhaust the machine.
const maxWorkFactor = 20

// identities returns what a request decrypts with.
func identities(request helper.Request) (all []age.Identity, err error) {
	if len(request.Identities) == 0 {
		i, err := age.NewScryptIdentity(request.Passphrase)
		if err != nil {
			return nil, err
		}
		i.SetMaxWorkFactor(maxWorkFactor)
		return []age.Identity{i}, nil
	}
	for _, content := range request.Identities {
		some, err := identitiesIn(bytes.TrimSpace(content), request.Passphrase)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// identitiesIn reads a file of age identities or an SSH private key.
func identitiesIn(content []byte, passphrase string) ([]age.Identity, error) {
	if !bytes.HasPrefix(content, []byte("-----BEGIN")) {
		return age.ParseIdentities(bytes.NewReader(content))
	}
	identity, err := agessh.ParseIdentity(content)
	if missing, ok := errors.AsType[*ssh.PassphraseMissingError](err); ok {
		if passphrase == "" {
			return nil, &failure{helper.Ask, err}
		}
		if missing.PublicKey == nil {
			return nil, errors.New("an encrypted SSH key of this old kind cannot be used: ssh-keygen -p makes it one of the new kind")
		}
		identity, err = agessh.NewEncryptedSSHIdentity(missing.PublicKey, content, func() ([]byte, error) {
			return []byte(passphrase), nil
		})
	}
	if err != nil {
		return nil, err
	}
	return []age.Identity{identity}, nil
}
