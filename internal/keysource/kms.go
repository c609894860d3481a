package keysource

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os/exec"

	"authsome/vault"
)

// KMSHelper is the program that speaks with key management services, to be found on $PATH. It is a program of its own
// because the libraries of the clouds are larger than all of this one.
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
		return fmt.Errorf("%w: %q is no URL of a key, such as hashivault://NAME", vault.ErrUnavailable, key)
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
	return k.call(ctx, "encrypt", dataKey)
}

// Unwrap implements [vault.KeySource].
func (k *kms) Unwrap(ctx context.Context, wrapped []byte) ([]byte, error) {
	return k.call(ctx, "decrypt", wrapped)
}

// kmsRequest and kmsAnswer are what goes to the helper's standard input and comes from its standard output, one JSON value
// each. The operation is the helper's only argument.
type kmsRequest struct {
	Key  string `json:"key"`
	Data []byte `json:"data"`
}

type kmsAnswer struct {
	Data  []byte `json:"data"`
	Error string `json:"error"`
	// Refused says that the service has answered, and will give the same answer again.
	Refused bool `json:"refused"`
}

func (k *kms) call(ctx context.Context, operation string, data []byte) ([]byte, error) {
	request, err := json.Marshal(kmsRequest{Key: k.parameters.Key, Data: data})
	if err != nil {
		return nil, err
	}
	defer clear(request)
	out, err := k.set.program(ctx, []string{KMSHelper, operation}, bytes.NewReader(request))
	if errors.Is(err, exec.ErrNotFound) {
		return nil, unavailable("the key management service cannot be asked", "install "+KMSHelper, err)
	}
	message := "the key management service cannot be asked for " + k.parameters.Key
	if err != nil {
		return nil, unavailable(message, "check its address and your credentials for it", err)
	}
	defer clear(out)
	var answer kmsAnswer
	if err := json.Unmarshal(out, &answer); err != nil {
		return nil, unavailable(message, "reinstall "+KMSHelper, errors.New("the answer of "+KMSHelper+" is no JSON"))
	}
	switch {
	case answer.Error != "" && answer.Refused:
		return nil, &Problem{
			Message: message, Advice: "check the name of the key and its version",
			Err: fmt.Errorf("%w: %s", vault.ErrWrongKey, answer.Error),
		}
	case answer.Error != "":
		return nil, unavailable(message, "check its address and your credentials for it", errors.New(answer.Error))
	case len(answer.Data) == 0:
		return nil, unavailable(message, "reinstall "+KMSHelper, errors.New("the answer of "+KMSHelper+" is empty"))
	}
	return answer.Data, nil
}
