package cli

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"authsome/internal/authserver"
	"authsome/internal/mitm"
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

	auth    *authserver.Server
	address string // of the authorization server
	servers map[string]*http.Server

	mu      sync.Mutex
	secrets map[string]bool
}

func newScriptWorld(work, home string) *scriptWorld {
	w := &scriptWorld{
		work: work, home: home, clientSecret: "cs-" + rand.Text(), apiKey: "key-" + strings.ToLower(rand.Text()),
		servers: make(map[string]*http.Server), secrets: make(map[string]bool),
	}
	w.secret(w.clientSecret, w.apiKey, base64.StdEncoding.EncodeToString([]byte(clientID+":"+w.clientSecret)))
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
	w.auth = authserver.New(config)
	if err := w.listen("127.0.0.1:0"); err != nil {
		return err
	}
	for name, doc := range w.definitions() {
		if err := os.WriteFile(filepath.Join(w.work, name), doc, 0o600); err != nil {
			return err
		}
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
	w.serve("auth", l, w.watched(w.auth))
	return nil
}

func (w *scriptWorld) serve(name string, l net.Listener, h http.Handler) {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	w.servers[name] = server
	go func() { _ = server.Serve(l) }()
}

// startAPI starts the API. It answers below any name, with what it saw.
func (w *scriptWorld) startAPI() (address, roots string, err error) {
	ca, err := mitm.NewCA(time.Now)
	if err != nil {
		return "", "", err
	}
	roots = filepath.Join(w.work, "api-ca.pem")
	if err := os.WriteFile(roots, ca.CertificatePEM(), 0o600); err != nil {
		return "", "", err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	w.serve("api", tls.NewListener(l, &tls.Config{
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return ca.Leaf(hello.ServerName) },
	}), http.HandlerFunc(w.serveAPI))
	return l.Addr().String(), roots, nil
}

// serveAPI says what a request looked like when it arrived, but no secret. Below /private it wants a credential.
func (w *scriptWorld) serveAPI(rw http.ResponseWriter, r *http.Request) {
	seen := w.credentialOf(r)
	status := http.StatusOK
	if strings.HasPrefix(r.URL.Path, "/private") && seen != "valid" {
		status = http.StatusUnauthorized
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(map[string]string{
		"host": r.Host, "method": r.Method, "path": r.URL.Path, "credential": seen,
	})
}

func (w *scriptWorld) credentialOf(r *http.Request) string {
	sent := r.Header.Get("Authorization") + r.Header.Get("X-Api-Key")
	_, bearer := w.auth.Authenticate(r)
	switch {
	case sent == "":
		return "none"
	case bearer || r.Header.Get("X-Api-Key") == w.apiKey:
		return "valid"
	case strings.Contains(sent, "authsome-proxy-managed"):
		return "placeholder"
	default:
		return "unknown"
	}
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
			"api_key": {
				"header_name": "X-Api-Key", "header_prefix": "", "env_var": "KEYS_API_KEY",
				"key_pattern": "key-[a-z0-9]+", "key_pattern_hint": "begins with key-"
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

var issuedSecret = regexp.MustCompile(`\b(?:at|rt|code)-[A-Z2-7]{26}\b`)

// watched remembers every secret that leaves a server or arrives there.
func (w *scriptWorld) watched(h http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(&watchedWriter{ResponseWriter: rw, world: w}, r)
		for _, name := range []string{"code_verifier", "client_secret", "refresh_token", "token", "code"} {
			if v := r.PostForm.Get(name); v != "" {
				w.secret(v)
			}
		}
		w.secret(issuedSecret.FindAllString(rw.Header().Get("Location"), -1)...)
	})
}

type watchedWriter struct {
	http.ResponseWriter
	world *scriptWorld
}

func (w *watchedWriter) Write(b []byte) (int, error) {
	w.world.secret(issuedSecret.FindAllString(string(b), -1)...)
	return w.ResponseWriter.Write(b)
}

// Unwrap lets a fault reset the connection.
func (w *watchedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// checkSecrets looks for secrets where none may be.
func (w *scriptWorld) checkSecrets(t testing.TB) {
	w.mu.Lock()
	secrets := slices.Collect(maps.Keys(w.secrets))
	w.mu.Unlock()
	for _, root := range []string{w.home, filepath.Join(w.work, ".tmp"), filepath.Join(w.work, "transcript")} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			content, err := os.ReadFile(path)
			for _, s := range secrets {
				if bytes.Contains(content, []byte(s)) {
					t.Errorf("%s holds a secret: %s…", path, s[:3])
				}
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// environment is what a script needs to use the servers.
func (w *scriptWorld) environment() map[string]string {
	return map[string]string{
		"ACME_CLIENT_ID": clientID, "ACME_CLIENT_SECRET": w.clientSecret, "AUTH_URL": "http://" + w.address,
	}
}

func (w *scriptWorld) apiEnvironment(address, roots string) map[string]string {
	return map[string]string{
		"SSL_CERT_FILE": roots, "API_ADDRESS": address,
		"RESOLVE":       fmt.Sprintf("api.acme.test:443:%s", address),
		"RESOLVE_KEYS":  fmt.Sprintf("keys.acme.test:443:%s", address),
		"RESOLVE_MIXED": fmt.Sprintf("api.mixed.test:443:%s", address),
		"RESOLVE_OTHER": fmt.Sprintf("other.test:443:%s", address),
	}
}
