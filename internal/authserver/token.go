package authserver

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// response is an answer before it is written, so that a fault can spoil it.
type response struct {
	status int
	header http.Header
	body   map[string]any
}

func (a response) write(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	writeJSON(w, a.status, a.body)
}

// fail is an error of RFC 6749 section 5.2.
func fail(status int, code, description string) response {
	body := map[string]any{"error": code}
	if description != "" {
		body["error_description"] = description
	}
	return response{status: status, body: body}
}

// serveToken serves the token endpoint: the next fault if there is one, otherwise as it should be.
func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	form, malformed := readForm(r)
	process := func() response {
		if malformed != nil {
			return *malformed
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.token(r, form)
	}
	s.mu.Lock()
	fault := s.nextFault()
	s.record(Request{
		Endpoint: PathToken, GrantType: form.Get("grant_type"), ClientID: claimedClient(r, form), Form: form,
		Header: r.Header.Clone(), Fault: fault.name,
	})
	released := s.released
	s.setNonce(w)
	s.mu.Unlock()
	if fault.serve == nil {
		process().write(w)
		return
	}
	fault.serve(&exchange{w: w, r: r, released: released, process: process})
}

// token processes a token request. The lock is held.
func (s *Server) token(r *http.Request, form url.Values) response {
	jkt := ""
	if s.config.DPoP {
		var refusal *response
		if jkt, refusal = s.proof(r, ""); refusal != nil {
			return *refusal
		}
	}
	if a, served := s.unattended(r, form, jkt); served {
		return a
	}
	client, refusal := s.authenticate(r, form)
	if refusal != nil {
		return *refusal
	}
	switch form.Get("grant_type") {
	case "authorization_code":
		sum := sha256.Sum256([]byte(form.Get("code_verifier")))
		challenge := base64.RawURLEncoding.EncodeToString(sum[:])
		g, code := s.redeem(client.ID, form.Get("code"), form.Get("redirect_uri"), challenge)
		if code != "" {
			return fail(http.StatusBadRequest, code, "the code is unknown, used, expired or not yours")
		}
		if a := s.codes[form.Get("code")]; a.jkt != "" && a.jkt != jkt {
			return fail(http.StatusBadRequest, "invalid_grant", "the code is bound to another key")
		}
		g.jkt = jkt
		if code = g.aim(s, form); code != "" {
			return fail(http.StatusBadRequest, code, "the resource is missing, unknown or not granted")
		}
		return success(s.issue(g, true))
	case "refresh_token":
		if t := s.refresh[form.Get("refresh_token")]; t != nil && t.grant.jkt != jkt {
			return fail(http.StatusBadRequest, "invalid_grant", "the refresh token is bound to another key")
		}
		return s.refreshGrant(client, form)
	case GrantTypeDeviceCode:
		return s.deviceGrant(client, form.Get("device_code"), jkt)
	case "":
		return fail(http.StatusBadRequest, "invalid_request", "grant_type is missing")
	default:
		return fail(http.StatusBadRequest, "unsupported_grant_type", "")
	}
}

func (s *Server) refreshGrant(client *Client, form url.Values) response {
	token := form.Get("refresh_token")
	if token == "" {
		return fail(http.StatusBadRequest, "invalid_request", "refresh_token is missing")
	}
	var granted []string
	if t := s.refresh[token]; t != nil {
		granted = t.grant.scopes
		if code := t.grant.aim(s, form); code != "" {
			return fail(http.StatusBadRequest, code, "the resource is missing, unknown or not granted")
		}
	}
	scopes, ok := narrowed(granted, form.Get("scope"))
	if !ok {
		return fail(http.StatusBadRequest, "invalid_scope", "")
	}
	t, code := s.rotate(client.ID, token)
	if code != "" {
		return fail(http.StatusBadRequest, code, "the refresh token is unknown, used, expired, revoked or not yours")
	}
	t.Scopes = scopes
	return success(t)
}

func success(t Tokens) response {
	body := map[string]any{
		"access_token": t.AccessToken,
		"token_type":   cmp.Or(t.Type, "Bearer"),
		"expires_in":   int64(t.ExpiresIn.Seconds()),
		"scope":        strings.Join(t.Scopes, " "),
	}
	if t.RefreshToken != "" {
		body["refresh_token"] = t.RefreshToken
	}
	return response{status: http.StatusOK, body: body}
}

// readForm reads a body that RFC 6749 section 3.2 allows: form-encoded, no parameter twice.
func readForm(r *http.Request) (url.Values, *response) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		a := fail(http.StatusUnsupportedMediaType, "invalid_request", "the body must be form-encoded")
		return url.Values{}, &a
	}
	if err := r.ParseForm(); err != nil || hasDuplicates(r.PostForm) {
		a := fail(http.StatusBadRequest, "invalid_request", "the body is malformed or has a parameter twice")
		return r.PostForm, &a
	}
	return r.PostForm, nil
}

// authenticate checks the client by the one method it is registered for. The lock is held.
func (s *Server) authenticate(r *http.Request, form url.Values) (*Client, *response) {
	id, secret, method := form.Get("client_id"), form.Get("client_secret"), ClientAuthNone
	if secret != "" {
		method = ClientAuthPost
	}
	if user, password, ok := r.BasicAuth(); ok {
		if method == ClientAuthPost {
			a := fail(http.StatusBadRequest, "invalid_request", "more than one client authentication method")
			return nil, &a
		}
		var err1, err2 error
		id, err1 = url.QueryUnescape(user) // RFC 6749 section 2.3.1
		secret, err2 = url.QueryUnescape(password)
		if err1 != nil || err2 != nil {
			a := fail(http.StatusBadRequest, "invalid_request", "Basic credentials are not form-encoded")
			return nil, &a
		}
		method = ClientAuthBasic
	}
	client := s.client(id)
	if client == nil || client.auth() != method || s.secretLapsed(id) ||
		subtle.ConstantTimeCompare([]byte(client.Secret), []byte(secret)) != 1 {
		a := fail(http.StatusUnauthorized, "invalid_client", "")
		a.header = http.Header{"Www-Authenticate": {`Basic realm="token"`}}
		return nil, &a
	}
	return client, nil
}

// claimedClient returns the identifier that a request names, for the record.
func claimedClient(r *http.Request, form url.Values) string {
	if user, _, ok := r.BasicAuth(); ok {
		if id, err := url.QueryUnescape(user); err == nil {
			return id
		}
		return user
	}
	return form.Get("client_id")
}

// serveRevoke serves RFC 7009. A refresh token stands for its grant, an access token for itself; an unknown token is
// revoked already (section 2.2).
func (s *Server) serveRevoke(w http.ResponseWriter, r *http.Request) {
	form, malformed := readForm(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record(Request{
		Endpoint: PathRevoke, ClientID: claimedClient(r, form), Form: form, Header: r.Header.Clone(),
	})
	if malformed != nil {
		malformed.write(w)
		return
	}
	client, refusal := s.authenticate(r, form)
	if refusal != nil {
		refusal.write(w)
		return
	}
	token := form.Get("token")
	if token == "" {
		fail(http.StatusBadRequest, "invalid_request", "token is missing").write(w)
		return
	}
	if t := s.refresh[token]; t != nil && t.grant.clientID == client.ID {
		t.grant.revoked = true
	}
	if t := s.access[token]; t != nil && t.grant.clientID == client.ID {
		t.revoked = true
	}
	w.WriteHeader(http.StatusOK)
}

// encoded returns the body as it would be written.
func (a response) encoded() []byte {
	b, _ := json.Marshal(a.body) // strings and numbers cannot fail
	return b
}
