package cli

import (
	"crypto/rand"
	"encoding/base64"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"authsome/internal/authserver"
)

type worldKey struct{}

// clientID is the OAuth client of all scripts.
const clientID = "script-client"

// scriptWorld is what surrounds the authsome of one script: an authorization server, and an HTTPS API with a
// certificate authority of its own, both on loopback.
type scriptWorld struct {
	work, home   string
	clientSecret string
	apiKey       string
	secondKey    string
	serviceKey   string // a private key in PEM

	auth    *authserver.Server
	address string // of the authorization server
	servers map[string]*http.Server

	mu      sync.Mutex
	secrets map[string]bool
	asked   []string // of the corporate proxy
}

func newScriptWorld(work, home string) *scriptWorld {
	w := &scriptWorld{
		work: work, home: home, clientSecret: "cs-" + rand.Text(), apiKey: "key-" + strings.ToLower(rand.Text()),
		servers: make(map[string]*http.Server), secrets: make(map[string]bool),
	}
	w.secondKey = "app-" + strings.ToLower(rand.Text())
	w.secret(w.clientSecret, w.apiKey, w.secondKey, base64.StdEncoding.EncodeToString([]byte(scriptUser+":"+w.apiKey)), base64.StdEncoding.EncodeToString([]byte(clientID+":"+w.clientSecret)))
	return w
}

// secret remembers what must not be seen.
func (w *scriptWorld) secret(values ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, v := range values {
		w.secrets[v] = true
	}
}

// start starts both servers and writes the definitions that lead to them.
func (w *scriptWorld) start(config authserver.Config) error {
	config.Clients = []authserver.Client{{
		ID: clientID, Secret: w.clientSecret, RedirectURIs: []string{"http://127.0.0.1/callback"},
	}}
	if err := w.makeServiceKey(&config); err != nil {
		return err
	}
	config.Registration = true
	w.auth = authserver.New(config)
	if err := w.listen("127.0.0.1:0"); err != nil {
		return err
	}
	for name, doc := range w.definitions() {
		if err := os.WriteFile(filepath.Join(w.work, name), doc, 0o600); err != nil {
			return err
		}
	}
	if err := w.writeKeys(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(w.work, "api.key"), []byte(w.apiKey+"\n"), 0o600)
}

// listen serves the authorization server at an address.
func (w *scriptWorld) listen(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	w.address = l.Addr().String()
	w.serve("auth", l, w.watched(w.resource(w.auth)))
	return nil
}

func (w *scriptWorld) serve(name string, l net.Listener, h http.Handler) {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	w.servers[name] = server
	go func() { _ = server.Serve(l) }()
}

// stop closes the port of the authorization server, as an outage does.
func (w *scriptWorld) stop() {
	if w.auth != nil {
		w.auth.Release()
	}
	if s := w.servers["auth"]; s != nil {
		_ = s.Close()
	}
}

func (w *scriptWorld) close() {
	w.stop()
	for _, s := range w.servers {
		_ = s.Close()
	}
}

func (w *scriptWorld) definitions() map[string][]byte {
	base := "http://" + w.address
	replace := strings.NewReplacer("BASE", base)
	docs := make(map[string][]byte)
	for name, doc := range kindsOf() {
		docs[name] = []byte(replace.Replace(doc))
	}
	for name, doc := range map[string]string{
		"acme.json": `{
			"schema_version": 1, "name": "acme", "display_name": "Acme", "auth_type": "oauth2", "flow": "pkce",
			"host_url": "api.acme.test",
			"export": {"env": {"access_token": "ACME_TOKEN", "refresh_token": "ACME_REFRESH_TOKEN"}},
			"client": {"client_id_env": "ACME_CLIENT_ID", "client_secret_env": "ACME_CLIENT_SECRET"},
			"oauth": {
				"base_url": "BASE", "authorization_url": "{base_url}/authorize", "token_url": "{base_url}/token",
				"revocation_url": "{base_url}/revoke", "scopes": ["read", "write"], "pkce": true
			}
		}`,
		"keys.json": `{
			"schema_version": 1, "name": "keys", "display_name": "Keys", "auth_type": "api_key", "flow": "api_key",
			"host_url": "keys.acme.test", "export": {"env": {"api_key": "KEYS_TOKEN"}},
			"credential_paths": ["POST keys.acme.test/v1/keys"],
			"api_key": {
				"header_name": "X-Api-Key", "header_prefix": "", "env_var": "KEYS_API_KEY",
				"key_pattern": "key-[a-z0-9]+", "key_pattern_hint": "begins with key-"
			}
		}`,
		// It can do without a browser on this machine.
		"lamp.json": `{
			"schema_version": 1, "name": "lamp", "display_name": "Lamp", "auth_type": "oauth2", "flow": "pkce",
			"host_url": "api.lamp.test", "export": {"env": {"access_token": "LAMP_TOKEN"}},
			"client": {"client_id_env": "ACME_CLIENT_ID", "client_secret_env": "ACME_CLIENT_SECRET"},
			"oauth": {
				"base_url": "BASE", "authorization_url": "{base_url}/authorize", "token_url": "{base_url}/token",
				"device_authorization_url": "{base_url}/device_authorization", "supports_device_flow": true,
				"scopes": ["read", "write"], "pkce": true
			}
		}`,
		// Its own endpoints lie on the host that it protects.
		"mixed.json": `{
			"schema_version": 1, "name": "mixed", "display_name": "Mixed", "auth_type": "oauth2", "flow": "pkce",
			"host_url": "api.mixed.test", "export": {"env": {"access_token": "MIXED_TOKEN"}},
			"oauth": {
				"authorization_url": "https://api.mixed.test/oauth/authorize",
				"token_url": "https://api.mixed.test/oauth/token", "pkce": true
			}
		}`,
	} {
		docs[name] = []byte(replace.Replace(doc))
	}
	return docs
}

// environment is what a script needs to use the servers.
func (w *scriptWorld) environment() map[string]string {
	return map[string]string{
		"ACME_CLIENT_ID": clientID, "ACME_CLIENT_SECRET": w.clientSecret, "AUTH_URL": "http://" + w.address,
		"MCP_NAME": strings.ReplaceAll(w.address, ":", "-"),
	}
}
