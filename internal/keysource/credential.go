package keysource

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"authsome/vault"
)

// What systemd hands to a service, with LoadCredential= or LoadCredentialEncrypted=.
const (
	envCredentials = "CREDENTIALS_DIRECTORY"
	// CredentialName is the name of the credential that holds the key.
	CredentialName = "authsome-key"
)

// credentialPath returns where systemd has put the key, or "".
func (s *Set) credentialPath() string {
	if dir := s.getenv(envCredentials); dir != "" {
		return filepath.Join(dir, CredentialName)
	}
	return ""
}

// hasCredential reports whether systemd has handed this process a key.
func (s *Set) hasCredential() bool {
	path := s.credentialPath()
	if path == "" {
		return false
	}
	_, err := os.Stat(path)
	return err == nil
}

// credentialSource is the source of a key that systemd hands to the service: 32 bytes, their base64, or a key file. Its mode
// is systemd's business: services of a user get it as 0440.
func (s *Set) credentialSource() vault.KeySource {
	h := &held{kind: Credential, where: "the credential " + CredentialName}
	h.fetch = func(context.Context, bool) (masterKey, error) {
		const advice = "run it in the service that has LoadCredentialEncrypted=" + CredentialName
		path := s.credentialPath()
		if path == "" {
			return masterKey{}, locked("systemd has handed over no credentials", advice, nil)
		}
		content, err := readAtMost(path, maxFileSize)
		if errors.Is(err, fs.ErrNotExist) {
			return masterKey{}, locked("systemd has handed over no credential "+CredentialName, advice, nil)
		}
		if err != nil {
			return masterKey{}, unavailable("the credential "+CredentialName+" cannot be read", advice, err)
		}
		defer clear(content)
		key, err := parseLoose(content)
		if err != nil {
			return masterKey{}, fmt.Errorf("the credential %s: %w: %w", CredentialName, vault.ErrUnavailable, err)
		}
		return key, nil
	}
	return h
}
