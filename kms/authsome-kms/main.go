// Command authsome-kms encrypts and decrypts the data key of authsome with a key that never leaves its key management
// service: HashiCorp Vault or OpenBao (transit), AWS KMS, Google Cloud KMS, Azure Key Vault. It is called by authsome.
//
// It is a module of its own, so that the libraries of the clouds stay out of everything else.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/vault/api"
	"gocloud.dev/gcerrors"
	"gocloud.dev/secrets"
	_ "gocloud.dev/secrets/awskms"        // awskms://
	_ "gocloud.dev/secrets/azurekeyvault" // azurekeyvault://
	_ "gocloud.dev/secrets/gcpkms"        // gcpkms://
	_ "gocloud.dev/secrets/hashivault"    // hashivault://
)

// Bounds of a request.
const (
	maxRequest = 1 << 20
	timeout    = 30 * time.Second
)

// request and answer are those of authsome's package internal/keysource/helper, as far as they concern a service.
type request struct {
	Key  string `json:"key"`
	Data []byte `json:"data"`
}

type answer struct {
	Data    []byte `json:"data,omitempty"`
	Error   string `json:"error,omitempty"`
	Hint    string `json:"hint,omitempty"`
	Refused bool   `json:"refused,omitempty"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	operation := ""
	if len(os.Args) == 2 {
		operation = os.Args[1]
	}
	os.Exit(serve(ctx, operation, os.Stdin, os.Stdout, os.Stderr))
}

// serve answers the request on in and returns the exit code.
func serve(ctx context.Context, operation string, in io.Reader, out, complaints io.Writer) int {
	var r request
	if err := json.NewDecoder(io.LimitReader(in, maxRequest)).Decode(&r); err != nil {
		fmt.Fprintln(complaints, "authsome-kms is called by authsome; it takes a request on standard input")
		return 2
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	data, err := do(ctx, operation, r)
	a := answer{Data: data}
	if err != nil {
		a = explain(r.Key, err)
	}
	if err := json.NewEncoder(out).Encode(a); err != nil {
		fmt.Fprintln(complaints, err)
		return 1
	}
	return 0
}

func do(ctx context.Context, operation string, r request) (data []byte, err error) {
	keeper, err := secrets.OpenKeeper(ctx, r.Key)
	if err != nil {
		return nil, err
	}
	defer func() {
		if closeErr := keeper.Close(); err == nil {
			err = closeErr
		}
	}()
	switch operation {
	case "encrypt":
		return keeper.Encrypt(ctx, r.Data)
	case "decrypt":
		return keeper.Decrypt(ctx, r.Data)
	}
	return nil, fmt.Errorf("unknown operation %q", operation)
}

// explain turns an error into an answer. Only what the service says of the data itself is final; that it cannot be reached,
// or does not know us, is not.
func explain(key string, err error) answer {
	a := answer{Error: err.Error(), Hint: "check " + credentials(key)}
	var fromVault *api.ResponseError
	code := gcerrors.Code(err)
	refused := code == gcerrors.InvalidArgument || code == gcerrors.NotFound ||
		errors.As(err, &fromVault) && (fromVault.StatusCode == http.StatusBadRequest || fromVault.StatusCode == http.StatusNotFound)
	if refused {
		a.Refused, a.Hint = true, "check the name of the key, and that it still has the version that the vault was made for"
	}
	return a
}

// credentials names where the library of a service looks for its address and for who we are.
func credentials(key string) string {
	u, err := url.Parse(key)
	if err != nil {
		return "the URL of the key"
	}
	switch strings.ToLower(u.Scheme) {
	case "hashivault":
		return "VAULT_SERVER_URL and VAULT_SERVER_TOKEN"
	case "awskms":
		return "the region in the URL, and the AWS credentials (AWS_PROFILE, AWS_ACCESS_KEY_ID, the role of the machine)"
	case "gcpkms":
		return "GOOGLE_APPLICATION_CREDENTIALS, or the service account of the machine"
	case "azurekeyvault":
		return "AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or the identity of the machine"
	}
	return "the scheme of the URL: hashivault, awskms, gcpkms or azurekeyvault"
}
