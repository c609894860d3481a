package keysource

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"

	"authsome/internal/keysource/helper"
	"authsome/vault"
)

// KMSHelper is the program that speaks with key management services.
const KMSHelper = "authsome-kms"

// kmsParameters say which key of which service, as a URL: hashivault://NAME, awskms://…, gcpkms://…, azurekeyvault://….
type kmsParameters struct {
	Key string `json:"key"`
}

// kms is the source of a key that never leaves a key management service.
type kms struct {
	parameters kmsParameters
	set        *Set
}

var _ vault.Parametric = (*kms)(nil)

// checkKMS refuses a URL that is none, or that would put a secret into the envelope.
func checkKMS(key string) error {
	u, err := url.Parse(key)
	switch {
	case err != nil || u.Scheme == "":
		return fmt.Errorf("%w: that is no URL of a key, such as hashivault://NAME", vault.ErrUnavailable)
	case u.User != nil || u.Scheme == "base64key":
		return fmt.Errorf("%w: the URL of a key must not hold a secret", vault.ErrUnavailable)
	}
	return nil
}

// Name implements [vault.KeySource].
func (*kms) Name() string { return string(KMS) }

// Parameters implements [vault.Parametric].
func (k *kms) Parameters() json.RawMessage {
	b, _ := json.Marshal(k.parameters) // a string
	return b
}

// Wrap implements [vault.KeySource].
func (k *kms) Wrap(ctx context.Context, dataKey []byte) ([]byte, error) {
	return k.ask(ctx, helper.Encrypt, dataKey)
}

// Unwrap implements [vault.KeySource].
func (k *kms) Unwrap(ctx context.Context, wrapped []byte) ([]byte, error) {
	return k.ask(ctx, helper.Decrypt, wrapped)
}

func (k *kms) ask(ctx context.Context, operation string, data []byte) ([]byte, error) {
	request := helper.Request{Key: k.parameters.Key, Data: data}
	answer, err := k.set.call(ctx, KMSHelper, operation, "the key "+k.parameters.Key, request)
	return answer.Data, err
}
