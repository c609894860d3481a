package authserver

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Access is what an access token allows.
type Access struct {
	ClientID  string
	Scopes    []string
	ExpiresAt time.Time
	Resources []string // that it was issued for, RFC 8707
}

// Authenticate looks the bearer token of a request up, RFC 6750 section 2.1. It reports false when there is none, when it
// is unknown, expired or revoked.
func (s *Server) Authenticate(r *http.Request) (Access, bool) {
	token, ok := bearer(r)
	if !ok {
		token, ok = credentials(r, "DPoP")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.access[token]
	if !ok || !s.accepts(t) || !s.bound(r, t, token) {
		return Access{}, false
	}
	return Access{
		ClientID: t.grant.clientID, Scopes: slices.Clone(t.grant.scopes), ExpiresAt: t.expiresAt,
		Resources: slices.Clone(t.resources),
	}, true
}

// bound reports whether a request with a token that is bound to a key proves to have that key, and one with another
// token claims nothing of the kind (RFC 9449 section 7.1). The lock is held.
func (s *Server) bound(r *http.Request, t *accessToken, token string) bool {
	_, dpop := credentials(r, "DPoP")
	if t.grant.jkt == "" || !dpop {
		return t.grant.jkt == "" && !dpop
	}
	jkt, refusal := s.proof(r, token)
	return refusal == nil && jkt == t.grant.jkt
}

// Resource protects an API: requests without a good access token are answered 401 as RFC 6750 section 3 has it.
func (s *Server) Resource(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := s.Authenticate(r); ok {
			api.ServeHTTP(w, r)
			return
		}
		challenge := `Bearer realm="api"`
		body := map[string]any{"error": "unauthorized"}
		if _, dpop := credentials(r, "DPoP"); dpop {
			s.mu.Lock()
			s.setNonce(w)
			challenge = `DPoP algs="ES256"`
			if s.config.DPoPNonces {
				challenge += `, error="use_dpop_nonce"`
			}
			s.mu.Unlock()
		}
		if _, sent := bearer(r); sent {
			challenge += `, error="invalid_token", error_description="the access token expired or was revoked"`
			body["error"] = "invalid_token"
		}
		w.Header().Set("WWW-Authenticate", challenge)
		writeJSON(w, http.StatusUnauthorized, body)
	})
}

// bearer returns the token in the Authorization field; the scheme is matched whatever its case (RFC 9110 section 11.1).
func bearer(r *http.Request) (string, bool) { return credentials(r, "Bearer") }

func credentials(r *http.Request, wanted string) (string, bool) {
	scheme, token, found := strings.Cut(r.Header.Get("Authorization"), " ")
	return token, found && strings.EqualFold(scheme, wanted) && token != ""
}
