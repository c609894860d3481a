package authsome_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"

	"authsome"
	"authsome/local"
)

// openai is a connection to a provider that takes an API key.
var openai = authsome.Ref{Provider: "openai"}

// open returns a broker in a new home with one connection. A program would open the user's own with local.Config{}.
func open(ctx context.Context) (layer *local.Layer, done func()) {
	home, err := os.MkdirTemp("", "authsome-example-*")
	if err != nil {
		log.Fatal(err)
	}
	layer, err = local.Open(ctx, local.Config{Home: home})
	if err != nil {
		log.Fatal(err)
	}
	_, err = layer.Authorize(ctx, authsome.LoginRequest{
		Ref: openai,
		Fields: map[authsome.FieldName]authsome.Secret{
			authsome.FieldAPIKey: authsome.NewSecret("sk-example-0123456789-0123456789-0123456789"),
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	return layer, func() {
		_ = layer.Close()
		_ = os.RemoveAll(home)
	}
}

// A connection is described without its secrets, and a credential does not show its own.
func ExampleAuthLayer() {
	ctx := context.Background()
	layer, done := open(ctx)
	defer done()

	connection, err := layer.Connection(ctx, openai, authsome.CredentialOptions{})
	if err != nil {
		log.Fatal(err)
	}
	credential, err := layer.Credential(ctx, openai, authsome.CredentialOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(connection.Ref, connection.Status)
	fmt.Println(credential.Value)
	// Output:
	// openai (default) connected
	// ***REDACTED***
}

// AuthHeaders is for programs that build their requests themselves.
func ExampleAuthHeaders() {
	ctx := context.Background()
	layer, done := open(ctx)
	defer done()

	header, err := authsome.AuthHeaders(ctx, layer, openai)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(header.Get("Authorization"))
	// Output: Bearer sk-example-0123456789-0123456789-0123456789
}

// A client with a Transport is logged in, and stays so. It sends the credential to the provider's hosts only.
func ExampleTransport() {
	ctx := context.Background()
	layer, done := open(ctx)
	defer done()

	client := http.Client{Transport: &authsome.Transport{Source: layer, Ref: openai}}
	_, err := client.Get("https://attacker.example/v1/models")
	fmt.Println(err)
	// Output: Get "https://attacker.example/v1/models": the credential of openai (default) may not be sent to attacker.example
}

// An error says what went wrong to programs, by its kind, and to people, by its hint.
func ExampleError() {
	ctx := context.Background()
	layer, done := open(ctx)
	defer done()

	_, err := authsome.AccessToken(ctx, layer, authsome.Ref{Provider: "github"})
	fmt.Println(authsome.KindOf(err), err)
	// Output: connection_not_found not connected to github (default)
}
