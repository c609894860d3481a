package cli

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"authsome/internal/authserver"
)

// Public halves of the scripts' credentials.
const (
	scriptUser      = "person@acme.test"
	scriptAccessKey = "AKIASCRIPT"
)

// kindsOf are definitions of credentials that are not one header value. Their API checks what arrives.
func kindsOf() map[string]string {
	return map[string]string{
		"door.json": `{
			"name": "door", "display_name": "Door", "auth_type": "basic", "flow": "basic", "host_url": "door.acme.test",
			"api_key": {"env_var": "DOOR_PASSWORD", "fields": [{"name": "username", "label": "E-mail", "public": true, "env_var": "DOOR_USER"}]}
		}`,
		"pair.json": `{
			"name": "pair", "display_name": "Pair", "auth_type": "api_key", "flow": "api_key", "host_url": "pair.acme.test",
			"api_key": {"env_var": "PAIR_KEY", "fields": [{"name": "application_key", "label": "Application key", "env_var": "PAIR_APP_KEY"}]},
			"inject": {"headers": {"X-Pair-Key": "{api_key}", "X-Pair-App": "{application_key}", "X-Version": "1"}}
		}`,
		"ask.json": `{
			"name": "ask", "display_name": "Ask", "auth_type": "api_key", "flow": "api_key", "host_url": "ask.acme.test",
			"inject": {"query": {"key": "{api_key}"}}
		}`,
		"own.json": `{
			"name": "own", "display_name": "Own", "auth_type": "api_key", "flow": "api_key", "hosts": ["{base_url}/api"],
			"api_key": {"header_name": "X-Own-Key", "header_prefix": ""}
		}`,
		"cloud.json": `{
			"name": "cloud", "display_name": "Cloud", "auth_type": "aws_sigv4", "flow": "aws_sigv4", "host_url": "*.cloud.acme.test",
			"inject": {"service": "things"}
		}`,
		"forge.json": `{
			"name": "forge", "display_name": "Forge", "auth_type": "api_key", "flow": "api_key", "host_url": "forge.acme.test/api",
			"variants": [{
				"hosts": ["forge.acme.test/*/*/info/refs", "forge.acme.test/*/*/git-upload-pack"],
				"inject": {"user": "x-access-token", "password": "{api_key}"}
			}],
			"safe_posts": ["forge.acme.test/api/search", "forge.acme.test/*/*/git-upload-pack"]
		}`,
		"robot.json": `{
			"name": "robot", "display_name": "Robot", "auth_type": "oauth2", "flow": "client_credentials", "host_url": "api.acme.test",
			"client": {"client_id_env": "ACME_CLIENT_ID", "client_secret_env": "ACME_CLIENT_SECRET"},
			"oauth": {"token_url": "BASE/token", "scopes": ["read"]}
		}`,
		"staff.json": `{
			"name": "staff", "display_name": "Staff", "auth_type": "oauth2", "flow": "jwt_bearer", "host_url": "api.acme.test",
			"oauth": {"token_url": "BASE/token", "scopes": ["read"], "assertion": "google_service_account"}
		}`,
		"swap.json": `{
			"name": "swap", "display_name": "Swap", "auth_type": "oauth2", "flow": "token_exchange", "host_url": "api.acme.test",
			"client": {"client_id_env": "ACME_CLIENT_ID", "client_secret_env": "ACME_CLIENT_SECRET"},
			"oauth": {"token_url": "BASE/token", "scopes": ["read"]}
		}`,
		"tenant.json": `{
			"name": "tenant", "display_name": "Tenant", "auth_type": "oauth2", "flow": "pkce", "hosts": ["{api_host}/v1"],
			"client": {"client_id_env": "ACME_CLIENT_ID", "client_secret_env": "ACME_CLIENT_SECRET"},
			"account": {"url": "{api_host}/v1/me", "id": "id", "label": "user.name"},
			"oauth": {
				"authorization_url": "BASE/authorize", "token_url": "BASE/token", "scopes": ["read", "write"],
				"api_host": {"member": "instance_url", "within": ["*.tenants.acme.test"]}
			}
		}`,
	}
}

// credentialOfKind says what the API of one of the definitions above makes of a request; empty: it is none of them.
func (w *scriptWorld) credentialOfKind(r *http.Request) string {
	var valid bool
	switch host, _, _ := strings.Cut(r.Host, "."); host {
	case "door":
		user, password, _ := r.BasicAuth()
		valid = user == scriptUser && password == w.apiKey
	case "pair":
		valid = r.Header.Get("X-Pair-Key") == w.apiKey && r.Header.Get("X-Pair-App") == w.secondKey && r.Header.Get("X-Version") == "1"
	case "ask":
		valid = len(r.URL.Query()["key"]) == 1 && r.URL.Query().Get("key") == w.apiKey && r.URL.Query().Get("q") == "a b"
	case "own":
		valid = r.Header.Get("X-Own-Key") == w.apiKey
	case "forge":
		if r.Header.Get("Authorization") == "" {
			return "none"
		}
		user, password, _ := r.BasicAuth()
		api := strings.HasPrefix(r.URL.Path, "/api")
		valid = api && r.Header.Get("Authorization") == "Bearer "+w.apiKey || !api && user == "x-access-token" && password == w.apiKey
	case "eu-west-1":
		valid = w.verifySigned(r)
	default:
		return ""
	}
	if valid {
		return "valid"
	}
	return "unknown"
}

// serveRefs answers git's first request (gitprotocol-http) for a repository with one branch.
func (w *scriptWorld) serveRefs(rw http.ResponseWriter, r *http.Request) {
	if w.credentialOf(r) != "valid" {
		rw.Header().Set("WWW-Authenticate", `Basic realm="forge"`)
		rw.WriteHeader(http.StatusUnauthorized)
		return
	}
	line := func(s string) string { return fmt.Sprintf("%04x%s", len(s)+4, s) }
	rw.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
	_, _ = io.WriteString(rw, line("# service=git-upload-pack\n")+"0000"+
		line(strings.Repeat("1234567890", 4)+" refs/heads/main\x00agent=script\n")+"0000")
}

// verifySigned signs a request again with what its signature says it covers, and compares.
func (w *scriptWorld) verifySigned(r *http.Request) bool {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return false
	}
	sent := r.Header.Get("Authorization")
	_, names, found := strings.Cut(sent, "SignedHeaders=")
	names, _, _ = strings.Cut(names, ",")
	again := httptest.NewRequest(r.Method, "https://"+r.Host+r.URL.RequestURI(), strings.NewReader(string(body)))
	again.ContentLength = 0 // not signed
	for name := range strings.SplitSeq(names, ";") {
		if v := r.Header.Get(name); v != "" {
			again.Header.Set(name, v)
		}
	}
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if !found || err != nil {
		return false
	}
	key := aws.Credentials{AccessKeyID: scriptAccessKey, SecretAccessKey: w.apiKey}
	if err := v4.NewSigner().SignHTTP(context.Background(), key, again, sum(body), "things", "eu-west-1", at); err != nil {
		return false
	}
	return again.Header.Get("Authorization") == sent
}

// writeKeys writes what the logins of scripts are given: a service account's key file, and two values for one login.
func (w *scriptWorld) writeKeys() error {
	account, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "robot@acme.test", "private_key_id": "1",
		"private_key": w.serviceKey, "token_uri": "http://" + w.address + "/token",
	})
	if err != nil {
		return err
	}
	for name, content := range map[string]string{
		"service-account.json": string(account),
		"pair.env":             "PAIR_KEY=" + w.apiKey + "\napplication_key=" + w.secondKey + "\n",
		"cloud.env":            "access_key_id=" + scriptAccessKey + "\nsecret_access_key=" + w.apiKey + "\nregion=eu-west-1\n",
	} {
		if err := os.WriteFile(filepath.Join(w.work, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// makeServiceKey makes the key that assertions are signed with.
func (w *scriptWorld) makeServiceKey(config *authserver.Config) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	w.serviceKey = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	w.secret(strings.Split(w.serviceKey, "\n")[1:4]...)
	config.AssertionKeys = map[string]crypto.PublicKey{"robot@acme.test": &key.PublicKey}
	return nil
}

// resource serves a protected resource next to the authorization server, as an MCP server is one.
func (w *scriptWorld) resource(auth http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", auth)
	place := "/.well-known/oauth-protected-resource/mcp"
	mux.HandleFunc(place, func(rw http.ResponseWriter, r *http.Request) {
		w.auth.ResourceMetadata("http://"+w.address+"/mcp", "read").ServeHTTP(rw, r)
	})
	mux.HandleFunc("/mcp", func(rw http.ResponseWriter, r *http.Request) {
		at := "http://" + w.address
		w.auth.ProtectedResource(at+"/mcp", at+place, []string{"read"}, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			_, _ = rw.Write([]byte(`{"resource": "served"}`))
		})).ServeHTTP(rw, r)
	})
	return mux
}

func sum(body []byte) string {
	s := sha256.Sum256(body)
	return hex.EncodeToString(s[:])
}
