// Package migration_test imports what programs in other languages have written.
package migration_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"authsome/internal/authserver"
	"authsome/tests/internal/acme"
	"authsome/tests/internal/process"
)

func TestMain(m *testing.M) { os.Exit(process.Main(m)) }

// record is a JSON object.
type record map[string]any

// plan is what testdata/store02.py is to write.
type plan struct {
	Directory   string                     `json:"directory"`
	Definitions map[string]json.RawMessage `json:"definitions"`
	Records     map[string]record          `json:"records"`
	CleanEnd    bool                       `json:"clean_end"`
}

// python returns an interpreter with the package cryptography, as the old authsome needs it.
func python(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(program, "-c", "import cryptography, sqlite3").Run() == nil {
			return program
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal("there is no Python with the package cryptography; run tests/prepare")
	}
	t.Skip("there is no Python with the package cryptography")
	return ""
}

func (p plan) write(t *testing.T) {
	t.Helper()
	stdin, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python(t), filepath.Join("testdata", "store02.py"))
	cmd.Stdin = bytes.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("write the store: %v\n%s", err, out)
	}
}

// definition is the provider as a definition of the 0.2 generation describes it.
func definition(p *acme.Provider) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{
		"schema_version": 1, "name": "acme", "display_name": "Acme", "auth_type": "oauth2", "flow": "pkce",
		"host_url": "api.acme.test", "export": {"env": {"access_token": "ACME_TOKEN", "refresh_token": "ACME_REFRESH_TOKEN"}},
		"oauth": {
			"base_url": "%s", "authorization_url": "{base_url}/authorize", "token_url": "{base_url}/token",
			"scopes": ["read"], "pkce": true, "supports_device_flow": false, "supports_dcr": false
		}
	}`, p.URL))
}

func connection(profile, provider, name, authType string, members record) record {
	r := record{
		"schema_version": 2, "provider": provider, "profile": profile, "connection_name": name, "auth_type": authType,
		"status": "connected", "base_url": nil, "host_url": nil, "scopes": nil, "access_token": nil, "refresh_token": nil,
		"token_type": nil, "expires_at": nil, "obtained_at": time.Now().UTC().Format("2006-01-02T15:04:05.000000Z"),
		"api_key": nil, "account": record{"id": nil, "label": nil}, "metadata": record{},
	}
	for member, value := range members {
		r[member] = value
	}
	return r
}

func TestStoreWrittenByPythonIsImported(t *testing.T) {
	t.Parallel()
	for name, clean := range map[string]bool{"closed": true, "killed": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testImport(t, clean)
		})
	}
}

func testImport(t *testing.T, clean bool) {
	provider := acme.Start(t, authserver.Config{Rotation: authserver.RotateStrict}, nil)
	issued := provider.Issue(acme.ClientID, "read")
	const apiKey = "sk-python-0123456789abcdefghij"
	old := filepath.Join(t.TempDir(), "old")
	plan{
		Directory: old, CleanEnd: clean, Definitions: map[string]json.RawMessage{"acme": definition(provider)},
		Records: map[string]record{
			"profile:default:acme:connection:default": connection("default", "acme", "default", "oauth2", record{
				"access_token": issued.AccessToken, "refresh_token": issued.RefreshToken, "token_type": "Bearer",
				"scopes": []string{"read"}, "expires_at": time.Now().UTC().Add(time.Hour).Format(time.RFC3339Nano),
				"base_url": provider.URL,
			}),
			"profile:default:acme:client": {
				"schema_version": 2, "profile": "default", "provider": "acme", "client_id": acme.ClientID,
				"client_secret": acme.ClientSecret, "scopes": []string{"read"}, "metadata": record{},
			},
			"profile:default:acme:metadata": {
				"schema_version": 2, "profile": "default", "provider": "acme", "default_connection": "default",
				"connection_names": []string{"default"}, "last_used_connection": "default", "metadata": record{},
			},
			"profile:team:openai:connection:default": connection("team", "openai", "default", "api_key", record{"api_key": apiKey}),
		},
	}.write(t)

	log, err := os.Stat(filepath.Join(old, "profiles", "default", "store.db-wal"))
	if left := err == nil && log.Size() > 0; left == clean {
		t.Fatalf("whether there is a write-ahead log: %v", left)
	}
	h := process.NewHome(t)
	if out := h.Must(t, "import", "--from", old); strings.Contains(out, apiKey) || strings.Contains(out, issued.AccessToken) {
		t.Fatal("a secret was printed")
	}
	if got := h.Must(t, "--profile", "team", "get", "openai", "--field", "api_key", "--show-secret"); got != apiKey {
		t.Error("the API key is another one")
	}
	if got := h.Must(t, "get", "acme", "--field", "access_token", "--show-secret"); got != issued.AccessToken {
		t.Error("the access token is another one")
	}
	if n := provider.TokenRequests("refresh_token"); n != 0 {
		t.Errorf("%d refreshes of a fresh token", n)
	}
	renewed := h.Must(t, "get", "acme", "--refresh", "--field", "access_token", "--show-secret")
	if renewed == issued.AccessToken || !provider.AccessTokenValid(renewed) {
		t.Error("the token was not refreshed")
	}
	if n := provider.TokenRequests("refresh_token"); n != 1 {
		t.Errorf("%d refreshes, want 1", n)
	}
}
