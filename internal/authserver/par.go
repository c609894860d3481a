package authserver

import (
	"net/http"
	"net/url"
	"time"
)

// PathPAR takes pushed authorization requests, RFC 9126.
const PathPAR = "/par"

// requestURILifetime is how long a reference to a pushed request can be used.
const requestURILifetime = time.Minute

// pushed is an authorization request that waits for its browser.
type pushed struct {
	clientID  string
	params    url.Values
	expiresAt time.Time
}

// servePAR keeps the parameters of an authorization request, RFC 9126 section 2.
func (s *Server) servePAR(w http.ResponseWriter, r *http.Request) {
	form, malformed := readForm(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record(Request{Endpoint: PathPAR, ClientID: claimedClient(r, form), Form: form, Header: r.Header.Clone()})
	if malformed != nil {
		malformed.write(w)
		return
	}
	client, refusal := s.authenticate(r, form)
	if refusal == nil {
		refusal = s.refuseProof(r, form)
	}
	switch {
	case refusal != nil:
		s.setNonce(w)
		refusal.write(w)
		return
	case form.Has("request_uri") || !client.allowsRedirect(form.Get("redirect_uri")):
		fail(http.StatusBadRequest, "invalid_request", "request_uri must not be there, redirect_uri must be registered").write(w)
		return
	}
	params := make(url.Values)
	for name, values := range form {
		if name != "client_secret" {
			params[name] = values
		}
	}
	params.Set("client_id", client.ID)
	reference := "urn:ietf:params:oauth:request_uri:" + random("")
	s.pushed[reference] = &pushed{clientID: client.ID, params: params, expiresAt: s.now().Add(requestURILifetime)}
	writeJSON(w, http.StatusCreated, map[string]any{
		"request_uri": reference, "expires_in": int64(requestURILifetime.Seconds()),
	})
}

// refuseProof checks the proof of a request that need not have one. The lock is held.
func (s *Server) refuseProof(r *http.Request, form url.Values) *response {
	if r.Header.Get("DPoP") == "" {
		return nil
	}
	jkt, refusal := s.proof(r, "")
	if refusal == nil && form.Get("dpop_jkt") != "" && form.Get("dpop_jkt") != jkt {
		a := fail(http.StatusBadRequest, "invalid_dpop_proof", "the proof is not of the key that dpop_jkt names")
		refusal = &a
	}
	return refusal
}

// unpushed returns the parameters of an authorization request: those in the URL, or those that its request_uri stands
// for, once. It returns nil when the reference is not good, or when there must be one. The lock is held.
func (s *Server) unpushed(q url.Values) url.Values {
	reference := q.Get("request_uri")
	if reference == "" {
		if s.config.RequirePAR {
			return nil
		}
		return q
	}
	p := s.pushed[reference]
	delete(s.pushed, reference)
	if p == nil || p.clientID != q.Get("client_id") || !s.now().Before(p.expiresAt) || len(q) != 2 {
		return nil
	}
	return p.params
}
