package oauth

import (
	"slices"
	"strings"
	"time"

	"authsome"
)

// Token is a successful answer of the token endpoint, RFC 6749 section 5.1.
type Token struct {
	AccessToken  authsome.Secret
	RefreshToken authsome.Secret // zero: none was issued; after a refresh, the old one stays
	TokenType    string          // "Bearer", however the server spelled it, or as the definition has it
	Scopes       []string        // as granted; nil: the answer names none, so as requested
	// ExpiresAt and Lifetime are zero when the token does not expire or nobody knows. They count from SentAt.
	ExpiresAt time.Time
	Lifetime  time.Duration
	// RefreshExpiresAt is when the refresh token lapses, as far as the server or the definition says: a hint.
	RefreshExpiresAt time.Time
	// RefreshLifeSaid: the server has spoken of it, so that a zero RefreshExpiresAt means never.
	RefreshLifeSaid bool
	SentAt          time.Time // when the request left
	// ClockSkew is the server's clock minus ours, by the Date header (RFC 9110 section 6.6.1), which counts whole
	// seconds; zero when there was none.
	ClockSkew time.Duration

	answer authsome.Secret // all of the answer as JSON; for Member and IDToken
}

// readToken takes the token out of an answer, or says why there is none.
func (c *Client) readToken(r *request, a *answer) (*Token, error) {
	m, err := c.granted(r, a)
	if err != nil {
		return nil, err
	}
	whole := m
	m = c.tokenObject(m)
	if hasControl(m.text("refresh_token")) {
		return nil, a.useless(r.op, "control characters in a token")
	}
	t := &Token{
		RefreshToken: authsome.NewSecret(m.text("refresh_token")),
		SentAt:       a.sentAt,
		ClockSkew:    a.clockSkew(),
	}
	t.RefreshExpiresAt, t.RefreshLifeSaid = c.refreshExpiry(m, a.sentAt)
	tokenType, e := c.usable(r, a, m)
	if e != nil {
		return nil, e.rotating(r, t)
	}
	t.AccessToken, t.TokenType = authsome.NewSecret(m.text("access_token")), tokenType
	t.Scopes, t.answer = c.grantedScopes(m), sealAnswer(whole)
	t.ExpiresAt, t.Lifetime = c.accessExpiry(m, a.sentAt)
	return t, nil
}

// usable returns the type of the access token in an answer, or says why the token is of no use.
func (c *Client) usable(r *request, a *answer, m members) (tokenType string, _ *Error) {
	switch access := m.text("access_token"); {
	case access == "":
		return "", a.useless(r.op, "no access token in the answer")
	case hasControl(access):
		return "", a.useless(r.op, "control characters in the access token")
	}
	tokenType, known := c.tokenType(r, m)
	if !known {
		clean := r.redact.with(tokensIn(string(a.body))...)
		reason := strings.TrimSpace("unsupported token type " + clean.short(m.text("token_type")))
		return "", &Error{Class: ClassRequest, Status: a.status, Reason: reason, op: r.op}
	}
	return tokenType, nil
}

// rotating completes the failure of an access token that is of no use with the refresh token beside it: it has taken the
// place of the one that was sent, which must not be sent again.
func (e *Error) rotating(r *request, t *Token) *Error {
	if r.op == opRefresh && !t.RefreshToken.IsZero() {
		e.Class, e.Rotated = ClassRequest, t
	}
	return e
}

// tokenObject returns the object that holds the token. Servers that nest it in one answer may not in another.
func (c *Client) tokenObject(m members) members {
	if c.Provider.ResponsePath == "" {
		return m
	}
	if nested, ok := m.at(c.Provider.ResponsePath); ok && nested.text("access_token") != "" {
		return nested
	}
	return m
}

// tokenType refuses a type other than the one that was asked for (RFC 6749 section 7.1): such a token needs more than to
// be sent, or has less than was wanted. Servers that leave the type out mean Bearer, or at a refresh the type that the token
// had before.
func (c *Client) tokenType(r *request, m members) (name string, known bool) {
	if c.Provider.TokenType != "" {
		return c.Provider.TokenType, true
	}
	said := strings.ToLower(m.text("token_type"))
	v := m["token_type"]
	missing := v == nil || v == ""
	if c.DPoPKey != nil {
		// RFC 9449 section 5: Bearer would mean that the token is bound to nothing.
		return "DPoP", said == "dpop" || missing && r.op == opRefresh
	}
	switch said {
	case "bearer", "user", "bot": // the latter two are Slack's, and say on whose behalf
		return "Bearer", true
	default:
		return "Bearer", missing
	}
}

// grantedScopes reads scope as RFC 6749 section 3.3 has it, with commas, or as an array, and "scopes" likewise. A scope
// that is there but empty is the truth, too: nothing was granted.
func (c *Client) grantedScopes(m members) []string {
	for _, name := range []string{"scope", "scopes"} {
		switch v := m[name].(type) {
		case string:
			return slices.DeleteFunc(append([]string{}, strings.FieldsFunc(v, c.isSeparator)...), steers)
		case []any:
			scopes := []string{}
			for _, s := range v {
				if s, ok := s.(string); ok && s != "" && !steers(s) {
					scopes = append(scopes, s)
				}
			}
			return scopes
		}
	}
	return nil
}

// isSeparator is generous: servers answer with commas although they are asked with spaces.
func (c *Client) isSeparator(r rune) bool {
	return r == ' ' || r == ',' || strings.ContainsRune(c.scopeSeparator(), r)
}
