package attack_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"authsome/tests/internal/process"
)

// issuer is an authorization server that leaves every defence to its clients, as far as RFC 6749 lets it: it exchanges any
// code, and checks the verifier of one only if there was a challenge. It writes down what reaches it.
type issuer struct {
	*httptest.Server

	mu         sync.Mutex
	challenges map[string]string // by code
	metadata   map[string]any    // what it says of itself
	forms      []url.Values      // what its token endpoint has got
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{challenges: make(map[string]string)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", func(w http.ResponseWriter, _ *http.Request) {
		i.mu.Lock()
		defer i.mu.Unlock()
		answerJSON(w, http.StatusOK, i.metadata)
	})
	mux.HandleFunc("POST /", i.token)
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	i.metadata = map[string]any{
		"issuer": i.URL, "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token",
		"response_types_supported": []string{"code"}, "code_challenge_methods_supported": []string{"S256"},
		"token_endpoint_auth_methods_supported": []string{"none"}, "authorization_response_iss_parameter_supported": true,
	}
	return i
}

func (i *issuer) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.forms = append(i.forms, r.PostForm)
	code := r.PostForm.Get("code")
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	if c := i.challenges[code]; c != "" && c != base64.RawURLEncoding.EncodeToString(sum[:]) {
		answerJSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	answerJSON(w, http.StatusOK, map[string]any{
		"access_token": fmt.Sprintf("access-%s-%d", code, len(i.forms)), "refresh_token": fmt.Sprintf("refresh-%s-%d", code, len(i.forms)),
		"token_type": "Bearer", "expires_in": 3600,
	})
}

func answerJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// leads makes the metadata name another place for something.
func (i *issuer) leads(member, to string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.metadata[member] = to
}

// got returns what has reached the token endpoint.
func (i *issuer) got() []url.Values {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.forms)
}

// ignorant fails the test when the token endpoint has got anything at all.
func (i *issuer) ignorant(t *testing.T, what string) {
	t.Helper()
	if forms := i.got(); len(forms) > 0 {
		t.Fatalf("%s: the attacker's token endpoint has got %v", what, forms)
	}
}

// definition describes the provider by where its metadata are.
func (i *issuer) definition(tokenURL string) string {
	oauth := map[string]any{
		"issuer": i.URL, "authorization_url": i.URL + "/authorize", "token_url": tokenURL, "pkce": "required", "client_auth": "none",
		"iss_required": true,
	}
	if tokenURL == "" {
		oauth = map[string]any{"discovery": "issuer", "issuer": i.URL}
	}
	definition, _ := json.Marshal(map[string]any{
		"schema_version": 1, "name": "victim", "display_name": "Victim", "auth_type": "oauth2", "flow": "pkce",
		"host_url": victimHost, "client": map[string]any{"client_id_env": "VICTIM_CLIENT_ID"}, "oauth": oauth,
	})
	return string(definition)
}

// newHome is a home that knows the provider and is not logged in. An empty tokenURL means that the metadata tell it.
func (i *issuer) newHome(t *testing.T, tokenURL string) *process.Home {
	t.Helper()
	h := process.NewHome(t)
	h.Env = append(h.Env, "VICTIM_CLIENT_ID=client-1")
	h.Register(t, i.definition(tokenURL))
	return h
}

// response is an authorization response, as its parts.
type response struct {
	redirect *url.URL
	url.Values
}

// honest is the response that a login waits for, with a code that belongs to it.
func (i *issuer) honest(address, code string) (response, error) {
	u, err := url.Parse(address)
	if err != nil {
		return response{}, err
	}
	asked := u.Query()
	redirect, err := url.Parse(asked.Get("redirect_uri"))
	i.mu.Lock()
	defer i.mu.Unlock()
	i.challenges[code] = asked.Get("code_challenge")
	return response{redirect, url.Values{"state": {asked.Get("state")}, "code": {code}, "iss": {i.URL}}}, err
}

// send has the browser of the victim go there.
func (r response) send() error {
	r.redirect.RawQuery = r.Encode()
	resp, err := process.Browser().Get(r.redirect.String())
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// login logs in as it should be.
func (i *issuer) login(t *testing.T, h *process.Home, args ...string) {
	t.Helper()
	r := h.Login(t, func(address string) error {
		honest, err := i.honest(address, "good")
		if err != nil {
			return err
		}
		return honest.send()
	}, append([]string{"victim"}, args...)...)
	if r.Code != 0 {
		t.Fatalf("the honest login fails: %s", r)
	}
}

// attempt is a login that had better not come to ask for consent; if it does, it gets it.
func (i *issuer) attempt(t *testing.T, h *process.Home, args ...string) process.Result {
	t.Helper()
	cmd := h.Command(t.Context(), args...)
	var said strings.Builder
	pipe, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(io.TeeReader(pipe, &said)); lines.Scan(); {
		if address := strings.TrimSpace(lines.Text()); strings.HasPrefix(address, "http") {
			honest, err := i.honest(address, "good")
			if err != nil {
				t.Fatal(err)
			}
			go func() { _ = honest.send() }()
		}
	}
	_ = cmd.Wait()
	return process.Result{Stderr: said.String(), Code: cmd.ProcessState.ExitCode()}
}

// token returns the access token that is stored; empty if there is none.
func token(t *testing.T, h *process.Home) string {
	t.Helper()
	return strings.TrimSpace(h.Try(t, "get", "victim", "--field", "access_token", "--show-secret").Stdout)
}
