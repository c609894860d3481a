package attack_test

import (
	"cmp"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"authsome/internal/mitm"
	"authsome/tests/internal/process"
)

// The hosts of every world.
const (
	victimHost = "api.victim.test" // the credential is for it
	evilHost   = "evil.test"       // belongs to the attacker
)

// world is a home that is connected to one provider, the provider's API, and a server of the attacker's.
type world struct {
	home   *process.Home
	ca     *mitm.CA // of all servers
	secret string
	victim *origin
	evil   *origin
	flags  []string // of every run
}

// setup says what is special about a world. Its zero value is nothing.
type setup struct {
	hostURL string           // of the provider; victimHost if empty
	more    string           // further members of the definition, with a comma after each
	secret  string           // what the key begins with, if it matters
	apiKey  string           // further members of the definition's api_key, with a comma after each
	victim  http.HandlerFunc // answers at the provider
	evil    http.HandlerFunc
}

func newWorld(t *testing.T, s setup) *world {
	t.Helper()
	ca := newCA(t)
	w := &world{home: process.NewHome(t), ca: ca, secret: cmp.Or(s.secret, "sk-victim-") + rand.Text()}
	w.victim = serve(t, ca, victimHost, s.victim)
	w.evil = serve(t, ca, evilHost, s.evil)
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, ca.CertificatePEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	w.home.Env = append(w.home.Env, "SSL_CERT_FILE="+roots)
	w.resolve(victimHost+":443", w.victim)
	w.resolve(evilHost+":443", w.evil)
	if s.hostURL == "" {
		s.hostURL = victimHost
	}
	w.home.Register(t, fmt.Sprintf(`{
		"schema_version": 1, "name": "victim", "display_name": "Victim", "auth_type": "api_key", "flow": "api_key",
		"host_url": %q, %s "export": {"env": {"api_key": "VICTIM_KEY"}},
		"api_key": {%s "header_name": "Authorization", "header_prefix": "Bearer", "env_var": "VICTIM_KEY"}
	}`, s.hostURL, s.more, s.apiKey))
	w.home.MustWith(t, w.secret, "login", "victim", "--with-token")
	return w
}

func newCA(t *testing.T) *mitm.CA {
	t.Helper()
	ca, err := mitm.NewCA(nil)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// resolve leads a host and port to an origin, as DNS does for others.
func (w *world) resolve(authority string, o *origin) {
	w.flags = append(w.flags, "--resolve", authority+":"+o.address)
}

// run starts authsome run with this binary as its child.
func (w *world) run(t *testing.T, flags ...string) *running {
	t.Helper()
	return w.start(t, w.home.Command(t.Context(), w.arguments(t, flags...)...))
}

func (w *world) arguments(t *testing.T, flags ...string) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{"run"}, w.flags...)
	return append(append(args, flags...), "--", self, asChild)
}

// bearer is the field value that the provider wants.
func (w *world) bearer() string { return "Bearer " + w.secret }

// roots are the authorities that a client in the run trusts: the run's and the servers' own.
func (r *running) roots(t *testing.T) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(r.authority(t))
	pool.AddCert(r.w.ca.Certificate())
	return pool
}
