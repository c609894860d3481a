// Package clients_test starts real programs below authsome run, and lets them talk to real servers: docs/clients.md has the
// table of what works, and the tests hold it to that.
package clients_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"authsome/tests/internal/process"
)

// world is one vault with the keys of several services, which all clients of a test use at the same time.
type world struct {
	home  *process.Home
	cert  tls.Certificate
	roots string // the certificate authority of all servers, PEM
}

// hosts are the names of the servers. None of them leads here by DNS, so whatever goes direct fails.
var hosts = []string{
	"api.clients.test", "basic.clients.test", "api.github.com", "api.openai.com", "api.anthropic.com", "registry.npmjs.org",
	"github.com", "gitlab.com", "bitbucket.org",
}

const (
	password    = "pass-4e1f0c8b7a"
	placeholder = "authsome-proxy-managed"
)

// keys are what the servers want, by the provider that holds them.
var keys = map[string]string{
	"clients":    "key-7c1d09e2f4b85a63",
	"github-key": "ghp_7c1d09e2f4b85a637c1d09e2f4b85a63abcd",
	"openai":     "sk-7c1d09e2f4b85a637c1d09e2f4b85a63",
	"anthropic":  "sk-ant-7c1d09e2f4b85a637c1d09e2",
	"npm":        "npm_7c1d09e2f4b85a637c1d09e2f4b85a63",
	"gitlab":     "glpat-7c1d09e2f4b85a637c1d",
	"bitbucket":  "bb-7c1d09e2f4b85a637c1d09e2f4b85a63",
}

const (
	clientsDefinition = `{"name": "clients", "display_name": "Clients", "auth_type": "api_key", "flow": "api_key",
		"hosts": ["api.clients.test"], "export": {"env": {"api_key": "CLIENTS_API_KEY"}},
		"api_key": {"header_name": "Authorization", "header_prefix": "Bearer", "env_var": "CLIENTS_API_KEY"}}`
	basicDefinition = `{"name": "basic", "display_name": "Basic", "auth_type": "basic", "flow": "basic",
		"hosts": ["basic.clients.test"],
		"export": {"env": {"username": "BASIC_USER", "password": "BASIC_PASSWORD"}}}`
)

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{home: process.NewHome(t)}
	authority := w.certify(t)
	w.roots = filepath.Join(t.TempDir(), "roots.pem")
	write(t, w.roots, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority})))
	for name, definition := range map[string]string{"clients": clientsDefinition, "basic": basicDefinition} {
		path := filepath.Join(t.TempDir(), name+".json")
		write(t, path, definition)
		w.home.Must(t, "register", path)
	}
	for provider, key := range keys {
		w.home.MustWith(t, key, "login", provider, "--with-token", "--force")
	}
	w.home.MustWith(t, "username=me\npassword="+password+"\n", "login", "basic", "--with-token")
	return w
}

// certify makes a certificate authority, and a certificate for all hosts.
func (w *world) certify(t *testing.T) (authority []byte) {
	t.Helper()
	caKey, key := newKey(t), newKey(t)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Clients Test CA"}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, NotAfter: time.Now().Add(24 * time.Hour),
	}
	authority, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "Clients Test"}, DNSNames: hosts,
		KeyUsage: x509.KeyUsageDigitalSignature, NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	if err != nil {
		t.Fatal(err)
	}
	w.cert = tls.Certificate{Certificate: [][]byte{der, authority}, PrivateKey: key}
	return authority
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// origin is the server behind all hosts. Each client has its own, and a word that it cannot know from elsewhere.
type origin struct {
	nonce        string
	address      string
	plain        string // the address of what answers plain HTTP, without asking for anything
	repositories string // the directory of those that Git serves

	mu       sync.Mutex // guards what follows
	requests int
	problems []string // requests that should not have come
	seen     map[string]chan struct{}
	ranges   []string // that were asked for of what is large
}

// serve starts a server. Each of the hosts is reached through the function that knows it.
func (w *world) serve(t *testing.T) *origin {
	t.Helper()
	o := &origin{nonce: "nonce-" + strings.ToLower(rand.Text()), seen: make(map[string]chan struct{})}
	srv := httptest.NewUnstartedServer(o)
	srv.EnableHTTP2 = true
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{w.cert}}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	o.address = srv.Listener.Addr().String()
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, o.nonce+" "+r.Header.Get("Authorization"))
	}))
	t.Cleanup(plain.Close)
	o.plain = plain.Listener.Addr().String()
	return o
}

// ServeHTTP lets in whoever has the key, and remembers who has not.
func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	o.requests++
	o.mu.Unlock()
	if problem := o.check(r); problem != "" {
		o.mu.Lock()
		o.problems = append(o.problems, problem)
		o.mu.Unlock()
		http.Error(w, problem, http.StatusUnauthorized)
		return
	}
	w.Header().Set("X-Nonce", o.nonce)
	switch r.Host {
	case "api.clients.test":
		o.api(w, r)
	case "basic.clients.test":
		o.basic(w, r)
	case "registry.npmjs.org":
		o.npm(w, r)
	case "github.com", "gitlab.com", "bitbucket.org":
		o.git(w, r)
	default:
		o.sdk(w, r)
	}
}

// check returns what is wrong with what a request authenticates itself with.
func (o *origin) check(r *http.Request) string {
	for name, values := range r.Header {
		if strings.Contains(strings.Join(values, " "), placeholder) {
			return name + " holds the placeholder"
		}
	}
	wanted, header := "", "Authorization"
	if f, ok := forgeOf(r.Host); ok {
		if user, given, ok := r.BasicAuth(); ok && user == f.user && given == keys[f.provider] {
			return ""
		}
	}
	switch r.Host {
	case "api.clients.test":
		wanted = "Bearer " + keys["clients"]
	case "api.github.com":
		wanted = "Bearer " + keys["github-key"]
	case "api.openai.com":
		wanted = "Bearer " + keys["openai"]
	case "registry.npmjs.org":
		wanted = "Bearer " + keys["npm"]
	case "api.anthropic.com":
		wanted, header = keys["anthropic"], "X-Api-Key"
	case "basic.clients.test":
		if user, given, ok := r.BasicAuth(); ok && user == "me" && given == password {
			return ""
		}
	}
	if got := r.Header.Values(header); wanted == "" || len(got) != 1 || got[0] != wanted {
		return r.Method + " " + r.Host + r.URL.Path + " is without the credential: " + strings.Join(got, ", ")
	}
	return ""
}

// outcome is what a client that has ended has left.
type outcome struct {
	process.Result
	requests int
	problems []string
}

// start runs a program below authsome run, with the hosts leading to the origin.
func (w *world) start(t *testing.T, o *origin, env []string, command ...string) outcome {
	t.Helper()
	args := []string{"run", "--resolve", "plain.clients.test:80:" + o.plain}
	for _, host := range hosts {
		args = append(args, "--resolve", host+":443:"+o.address)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
	defer cancel()
	dir := t.TempDir()
	home := &process.Home{Dir: w.home.Dir, Env: append([]string{
		"SSL_CERT_FILE=" + w.roots, "HOME=" + dir, "JAVA_HOME=", "CARGO_HOME=" + filepath.Join(dir, "cargo"),
		"RUSTUP_HOME=" + rustupHome(), "GOPROXY=off", "DENO_DIR=" + filepath.Join(dir, "deno"), "NO_UPDATE_NOTIFIER=1",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
	}, env...)}
	cmd := home.Command(ctx, append(append(args, "--"), command...)...)
	cmd.Dir = dir
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if ctx.Err() != nil {
		t.Errorf("it hangs: %v", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return outcome{
		Result:   process.Result{Stdout: stdout.String(), Stderr: stderr.String(), Code: cmd.ProcessState.ExitCode()},
		requests: o.requests, problems: o.problems,
	}
}

// rustupHome is where the toolchain is that rustup's cargo looks for in the home.
func rustupHome() string {
	if dir := os.Getenv("RUSTUP_HOME"); dir != "" {
		return dir
	}
	home, _ := os.UserHomeDir()
	return filepath.Join(home, ".rustup")
}

// need returns the path of a program, and skips the test without it, or fails it where everything has to be there.
func need(t *testing.T, name string, places ...string) string {
	t.Helper()
	for _, place := range append(places, name) {
		if path, err := exec.LookPath(place); err == nil {
			path, err = filepath.Abs(path)
			if err != nil {
				t.Fatal(err)
			}
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is not installed; tests/prepare installs it", name)
	}
	t.Skipf("%s is not installed; tests/prepare installs it", name)
	return ""
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
