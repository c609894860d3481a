package attack_test

import (
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// 33: another site, or who has seen the address of a login, answers it with a code of the attacker's, so that the victim
// works in the attacker's account; or with a code that another server gave out.
func loginForgery(t *testing.T) {
	i := newIssuer(t)
	var states []string
	for _, forgery := range []struct {
		name   string
		forge  func(r response, theirs string)
		ignore bool // the login goes on, and the honest answer still counts
	}{
		{"a guessed state", func(r response, theirs string) { r.Set("state", "state"); r.Set("code", theirs) }, true},
		{"no state", func(r response, theirs string) { r.Del("state"); r.Set("code", theirs) }, true},
		{"an empty state", func(r response, theirs string) { r.Set("state", ""); r.Set("code", theirs) }, true},
		{"a refusal without a state", func(r response, _ string) { r.Del("state"); r.Del("code"); r.Set("error", "access_denied") }, true},
		{"the state of the login before", func(r response, theirs string) {
			r.Set("code", theirs)
			r.Set("state", "none")
			if len(states) > 1 {
				r.Set("state", states[len(states)-2])
			}
		}, true},
		{"two states", func(r response, theirs string) { r.Add("state", "state"); r.Set("code", theirs) }, true},
		{"a code of another login", func(r response, _ string) { r.Set("code", "injected") }, false},
		{"two codes", func(r response, theirs string) { r.Add("code", theirs) }, false},
		{"another issuer", func(r response, theirs string) { r.Set("iss", "https://"+evilHost) }, false},
		{"no issuer", func(r response, theirs string) { r.Del("iss") }, false},
	} {
		t.Run(forgery.name, func(t *testing.T) {
			h := i.newHome(t, i.URL+"/token")
			r := h.Login(t, func(address string) error {
				honest, err := i.honest(address, "good")
				if err != nil {
					return err
				}
				states = append(states, honest.Get("state"))
				i.mu.Lock()
				i.challenges["attackers"], i.challenges["injected"] = "", "" // good for any login
				if i.challenges["good"] != "" {
					i.challenges["injected"] = "of-another-login"
				}
				i.mu.Unlock()
				forged := response{honest.redirect, maps.Clone(honest.Values)}
				forgery.forge(forged, "attackers")
				if err := forged.send(); err != nil || !forgery.ignore {
					return err
				}
				return honest.send()
			}, "victim")
			if forgery.ignore {
				if r.Code != 0 || !strings.Contains(r.Stderr, "ignored") && !strings.Contains(r.Stderr, "did not say to which login") {
					t.Errorf("a forged answer ends the login: %s", r)
				}
				if got := token(t, h); !strings.HasPrefix(got, "access-good-") {
					t.Errorf("the login ends with the token %s", got)
				}
				return
			}
			if r.Code != 4 {
				t.Errorf("the login ends with exit code %d: %s", r.Code, r)
			}
			if got := token(t, h); got != "" {
				t.Errorf("the login ends with the token %s", got)
			}
		})
	}
	slices.Sort(states)
	for n, s := range states {
		if len(s) < 22 || n > 0 && s == states[n-1] { // 128 bits in base64
			t.Errorf("the state %q is short, or was used before", s)
		}
	}
	i.login(t, i.newHome(t, i.URL+"/token"))
}

// 34: the metadata of the issuer change, and name the attacker's token endpoint, or the attacker.
func issuerMixUp(t *testing.T) {
	i, evil := newIssuer(t), newIssuer(t)
	evil.leads("issuer", i.URL) // it claims to be the other one
	h := i.newHome(t, "")
	i.login(t, h)
	first := token(t, h)
	i.leads("token_endpoint", evil.URL+"/token")
	h.Must(t, "get", "victim", "--refresh")
	evil.ignorant(t, "a refresh")
	if token(t, h) == first {
		t.Error("the refresh has not gone where the refresh token belongs")
	}
	r := i.attempt(t, h, "login", "victim", "--force", "--no-browser")
	if r.Code != 4 || !strings.Contains(r.Stderr, "--accept-issuer "+i.URL) || !strings.Contains(r.Stderr, evil.URL) {
		t.Errorf("a login with another token endpoint does not ask for consent: %s", r)
	}
	i.leads("issuer", evil.URL)
	if r := i.attempt(t, h, "login", "victim", "--force", "--no-browser"); r.Code != 4 {
		t.Errorf("a login with metadata of another issuer goes on: %s", r)
	}
	evil.ignorant(t, "the logins")
	if got := token(t, h); got == "" {
		t.Error("the connection is lost")
	}
}

// 35: somebody edits the definition, so that the refresh token is sent to the attacker, in the clear, or to a server of the
// network inside.
func tokenEndpointEdited(t *testing.T) {
	i, evil := newIssuer(t), newIssuer(t)
	h := i.newHome(t, i.URL+"/token")
	i.login(t, h)
	file := filepath.Join(h.Dir, "providers", "victim.json")
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sent := len(i.got())
	for _, to := range []string{evil.URL + "/token", evil.URL + "/token?x=" + url.QueryEscape(i.URL), "http://10.0.0.1/token", "http://" + evilHost + "/token"} {
		edited := strings.ReplaceAll(string(before), i.URL+"/token", to)
		if edited == string(before) {
			t.Fatalf("the definition does not name the endpoint: %s", before)
		}
		if err := os.WriteFile(file, []byte(edited), 0o600); err != nil {
			t.Fatal(err)
		}
		r := h.Try(t, "get", "victim", "--refresh", "--field", "status")
		if r.Code == 0 && !strings.Contains(r.Stderr, "login victim") {
			t.Errorf("with the token endpoint %s nobody is told to log in again: %s", to, r)
		}
		evil.ignorant(t, to)
	}
	if n := len(i.got()); n != sent {
		t.Errorf("the true token endpoint got %d requests that nobody has agreed to", n-sent)
	}
	if err := os.WriteFile(file, before, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := h.Try(t, "get", "victim", "--refresh", "--field", "status"); strings.TrimSpace(r.Stdout) != "connected" {
		t.Errorf("the connection does not survive: %s", r)
	}
	if r := h.Try(t, "register", write(t, strings.ReplaceAll(i.definition(i.URL+"/token"), i.URL+"/token", "http://"+evilHost+"/token"))); r.Code == 0 {
		t.Errorf("a token endpoint without TLS is registered: %s", r)
	}
}

// write writes a definition to a file.
func write(t *testing.T, definition string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "definition.json")
	if err := os.WriteFile(path, []byte(definition), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
