package demo

import (
	"encoding/json"
	"fmt"
)

// The names of the provider that the demo makes up.
const (
	apiHost        = "api.acme.test" // RFC 6761: no DNS answers for .test
	account        = "ada@acme.test"
	definitionFile = "acme.json"
	envToken       = "ACME_TOKEN"
	envClientID    = "ACME_CLIENT_ID"
	envSecret      = "ACME_CLIENT_SECRET"
	clientID       = "acme-demo-client"
)

// definition describes the provider to authsome. Its comment is part of the document: definitions may have them.
func definition(issuer string) []byte {
	doc := map[string]any{
		"schema_version": 1,
		"name":           "acme",
		"display_name":   "Acme",
		"auth_type":      "oauth2",
		"flow":           "pkce",
		"host_url":       apiHost,
		"export":         map[string]any{"env": map[string]any{"access_token": envToken}},
		"client":         map[string]any{"client_id_env": envClientID, "client_secret_env": envSecret},
		"oauth": map[string]any{
			"issuer":            issuer,
			"authorization_url": issuer + "/authorize",
			"token_url":         issuer + "/token",
			"revocation_url":    issuer + "/revoke",
			"scopes":            []string{"profile"},
			"pkce":              "required",
			"client_auth":       "basic",
		},
	}
	b, _ := json.MarshalIndent(doc, "", "  ") // maps of strings cannot fail
	return fmt.Appendf(nil, "// Acme exists on this computer only, while the demo runs.\n%s\n", b)
}
