package keysource

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"authsome"
	"authsome/internal/keysource/helper"
	"authsome/vault"
)

// AgeHelper is the program that encrypts with age (age-encryption.org/v1).
const AgeHelper = "authsome-age"

// ageParameters say whom the data key is encrypted to, and with which file it is decrypted here.
type ageParameters struct {
	Identity   string   `json:"identity"`
	Recipients []string `json:"recipients"`
}

// ageSource encrypts the data key to an identity of age, of one of its plugins, or of SSH.
type ageSource struct {
	parameters ageParameters
	set        *Set

	mu         sync.Mutex // held while somebody is asked
	passphrase authsome.Secret
}

var _ vault.Parametric = (*ageSource)(nil)

// newAge returns a source for an identity file and further recipients. The identity's own recipients come first.
func (s *Set) newAge(ctx context.Context, identity string, others []string) (*ageSource, error) {
	a := &ageSource{parameters: ageParameters{Identity: identity}, set: s}
	answer, err := a.ask(ctx, helper.Describe, helper.Request{Identity: identity, Recipients: others})
	a.parameters.Recipients = append(answer.Recipients, others...)
	return a, err
}

// Name implements [vault.KeySource].
func (*ageSource) Name() string { return string(Age) }

// Parameters implements [vault.Parametric].
func (a *ageSource) Parameters() json.RawMessage {
	b, _ := json.Marshal(a.parameters) // strings
	return b
}

// Wrap implements [vault.KeySource]. It needs no identity.
func (a *ageSource) Wrap(ctx context.Context, dataKey []byte) ([]byte, error) {
	answer, err := a.ask(ctx, helper.Encrypt, helper.Request{Recipients: a.parameters.Recipients, Data: dataKey})
	if err == nil && len(answer.Data) == 0 {
		err = fmt.Errorf("%w: %s has encrypted nothing", vault.ErrUnavailable, AgeHelper)
	}
	return answer.Data, err
}

// Unwrap implements [vault.KeySource].
func (a *ageSource) Unwrap(ctx context.Context, wrapped []byte) ([]byte, error) {
	answer, err := a.ask(ctx, helper.Decrypt, helper.Request{Identity: a.parameters.Identity, Data: wrapped})
	return answer.Data, err
}

// ask asks the helper, and once more with a passphrase if it wants one.
func (a *ageSource) ask(ctx context.Context, operation string, request helper.Request) (helper.Answer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	subject := "the identity " + a.parameters.Identity
	request.Terminal = a.set.asker() != nil
	request.Passphrase = a.passphrase.Reveal()
	for try := 1; ; try++ {
		answer, err := a.set.call(ctx, AgeHelper, operation, subject, request)
		if !answer.Ask {
			if err == nil {
				a.passphrase = authsome.NewSecret(request.Passphrase)
			}
			return answer, err
		}
		secret, asked, obtainErr := a.set.obtain(ctx, "Passphrase of "+a.parameters.Identity, unlockAdvice)
		if obtainErr != nil {
			return answer, obtainErr
		}
		if try > 1 && !asked || try > tries {
			return answer, err
		}
		request.Passphrase = secret.Reveal()
	}
}
