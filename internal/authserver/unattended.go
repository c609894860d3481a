package authserver

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Grant types that need nobody to agree.
const (
	GrantTypeJWTBearer     = "urn:ietf:params:oauth:grant-type:jwt-bearer"     // RFC 7523
	GrantTypeTokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange" //nolint:gosec // RFC 8693; no credential
)

// PathIntrospect is where a token is asked about, RFC 7662.
const PathIntrospect = "/introspect"

// assertionLifetime is how long an assertion may be good for.
const assertionLifetime = time.Hour

// unattended serves the grants that need nobody to agree. It reports false for any other. jkt is the thumbprint of the key
// that the token is bound to, if any. The lock is held.
func (s *Server) unattended(r *http.Request, form url.Values, jkt string) (response, bool) {
	switch form.Get("grant_type") {
	case GrantTypeJWTBearer:
		return s.assertionGrant(r, form, jkt), true
	case "client_credentials", GrantTypeTokenExchange:
	default:
		return response{}, false
	}
	client, refusal := s.authenticate(r, form)
	scopes := strings.Fields(form.Get("scope"))
	switch {
	case refusal != nil:
		return *refusal, true
	case !s.supports(scopes):
		return fail(http.StatusBadRequest, "invalid_scope", ""), true
	case form.Get("grant_type") == GrantTypeTokenExchange:
		return s.exchangeGrant(client, form, scopes, jkt), true
	case client.auth() == ClientAuthNone: // RFC 6749 section 4.4: confidential clients only
		return fail(http.StatusBadRequest, "unauthorized_client", ""), true
	}
	return success(s.issue(&grant{clientID: client.ID, scopes: scopes, jkt: jkt}, false)), true
}

// assertionGrant serves RFC 7523 section 2.1: the assertion is all that authenticates.
func (s *Server) assertionGrant(r *http.Request, form url.Values, jkt string) response {
	refuse := func(why string) response { return fail(http.StatusBadRequest, "invalid_grant", why) }
	var claims struct {
		Iss   string `json:"iss"`
		Aud   string `json:"aud"`
		Scope string `json:"scope"`
		JTI   string `json:"jti"`
		Iat   int64  `json:"iat"`
		Exp   int64  `json:"exp"`
	}
	parts := strings.Split(form.Get("assertion"), ".")
	if len(parts) != 3 || !decodePart(parts[1], &claims) {
		return refuse("the assertion is no JWT")
	}
	key, ok := s.config.AssertionKeys[claims.Iss].(*rsa.PublicKey)
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if !ok || err != nil || rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) != nil {
		return refuse("the assertion is not signed by a key that is known")
	}
	now, issued, expires := s.now(), time.Unix(claims.Iat, 0), time.Unix(claims.Exp, 0)
	switch {
	case claims.Aud != s.issuer(r)+PathToken:
		return refuse("the assertion is for somebody else")
	case issued.After(now.Add(time.Minute)) || !now.Before(expires) || expires.Sub(issued) > assertionLifetime:
		return refuse("the assertion is not of now")
	case claims.JTI == "" || s.seenProofs[claims.JTI]:
		return refuse("the assertion was used before")
	}
	s.seenProofs[claims.JTI] = true
	return success(s.issue(&grant{clientID: claims.Iss, scopes: strings.Fields(claims.Scope), jkt: jkt}, false))
}

// exchangeGrant serves RFC 8693 section 2.1 for access tokens of this server.
func (s *Server) exchangeGrant(client *Client, form url.Values, scopes []string, jkt string) response {
	subject := s.access[form.Get("subject_token")]
	if form.Get("subject_token_type") != "urn:ietf:params:oauth:token-type:access_token" || !s.accepts(subject) {
		return fail(http.StatusBadRequest, "invalid_request", "the subject token is not good")
	}
	a := success(s.issue(&grant{clientID: client.ID, scopes: scopes, use: form["resource"], jkt: jkt}, false))
	a.body["issued_token_type"] = "urn:ietf:params:oauth:token-type:access_token"
	return a
}

// serveIntrospect serves RFC 7662 section 2.
func (s *Server) serveIntrospect(w http.ResponseWriter, r *http.Request) {
	form, malformed := readForm(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record(Request{Endpoint: PathIntrospect, ClientID: claimedClient(r, form), Form: form, Header: r.Header.Clone()})
	if malformed != nil {
		malformed.write(w)
		return
	}
	if _, refusal := s.authenticate(r, form); refusal != nil {
		refusal.write(w)
		return
	}
	t := s.access[form.Get("token")]
	if !s.accepts(t) {
		writeJSON(w, http.StatusOK, map[string]any{"active": false})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"active": true, "exp": t.expiresAt.Unix(), "client_id": t.grant.clientID, "scope": strings.Join(t.grant.scopes, " "),
	})
}
