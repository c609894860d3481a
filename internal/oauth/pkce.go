package oauth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"

	"authsome"
)

// NewVerifier returns a code verifier, RFC 7636 section 4.1: 32 random bytes as 43 unreserved characters.
func NewVerifier() authsome.Secret { return authsome.NewSecret(random()) }

// Challenge returns the code challenge of a verifier by the method S256, RFC 7636 section 4.2.
func Challenge(verifier authsome.Secret) string {
	sum := sha256.Sum256([]byte(verifier.Reveal()))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// challenge is Challenge in the encoding that the provider wants.
func (c *Client) challenge(verifier authsome.Secret) string {
	if c.Provider.ChallengeEncoding == authsome.ChallengeHex {
		sum := sha256.Sum256([]byte(verifier.Reveal()))
		return hex.EncodeToString(sum[:])
	}
	return Challenge(verifier)
}

// NewState returns a state that cannot be guessed, RFC 6749 section 10.12: 256 random bits.
func NewState() string { return random() }

func random() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // it does not fail: the program ends if the system has no randomness
	return base64.RawURLEncoding.EncodeToString(b)
}
