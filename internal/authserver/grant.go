package authserver

import (
	"slices"
	"strings"
	"time"
)

// grant is what a person has allowed one client: the family of all tokens that go back to one approval.
type grant struct {
	clientID string
	scopes   []string
	// resources are those that tokens may be issued for, RFC 8707; use those of the request that is served now.
	resources, use []string
	jkt            string // of the key that its tokens are bound to; empty: none
	revoked        bool
	issued         []*accessToken // those that a refresh may have to kill

	// For RotateOnlyLastLives: the two refresh tokens that are good.
	last, previous string
}

type accessToken struct {
	grant     *grant
	resources []string
	expiresAt time.Time
	revoked   bool
}

type refreshToken struct {
	grant     *grant
	expiresAt time.Time // zero: never
	usedAt    time.Time // the first time; zero: never
}

// Tokens is what the token endpoint issues.
type Tokens struct {
	AccessToken  string
	RefreshToken string // empty when the old one stays
	ExpiresIn    time.Duration
	Scopes       []string
	Type         string // token_type; Bearer if empty
}

// issue makes an access token, and a refresh token where one is due. The lock is held.
func (s *Server) issue(g *grant, withRefresh bool) Tokens {
	now := s.now()
	t := Tokens{AccessToken: random("at-"), ExpiresIn: s.config.AccessTokenLifetime, Scopes: g.scopes}
	access := &accessToken{grant: g, resources: g.use, expiresAt: now.Add(t.ExpiresIn)}
	s.access[t.AccessToken] = access
	if g.jkt != "" {
		t.Type = "DPoP"
	}
	g.issued = append(g.issued, access)
	if withRefresh {
		t.RefreshToken = random("rt-")
		r := &refreshToken{grant: g}
		if s.config.RefreshTokenLifetime > 0 {
			r.expiresAt = now.Add(s.config.RefreshTokenLifetime)
		}
		s.refresh[t.RefreshToken] = r
		g.last = t.RefreshToken
	}
	return t
}

// rotate is what makes servers differ: it accepts a refresh token or not, and decides over its family. It returns an
// error code of RFC 6749 section 5.2, or nothing. The lock is held.
func (s *Server) rotate(clientID, token string) (Tokens, string) {
	t := s.refresh[token]
	if t == nil || t.grant.clientID != clientID || !s.live(t) {
		return Tokens{}, "invalid_grant"
	}
	g, now := t.grant, s.now()
	used := !t.usedAt.IsZero()
	accepted := true
	switch s.config.Rotation {
	case NoRotation:
	case RotateOnlyLastLives:
		accepted = token == g.last || token == g.previous
		if accepted {
			g.previous = token
		}
	case RotateRefuse:
		accepted = !used
	case RotateGrace:
		accepted = !used || now.Sub(t.usedAt) <= s.config.Grace
		g.revoked = !accepted
	default:
		accepted = !used
		g.revoked = used
	}
	if !accepted {
		return Tokens{}, "invalid_grant"
	}
	if !used {
		t.usedAt = now
	}
	if s.config.KillOldAccessToken {
		g.killAccess()
	}
	return s.issue(g, s.config.Rotation != NoRotation), ""
}

// live reports whether neither the token has lapsed nor its grant has ended.
func (s *Server) live(t *refreshToken) bool {
	return !t.grant.revoked && (t.expiresAt.IsZero() || s.now().Before(t.expiresAt))
}

func (g *grant) killAccess() {
	for _, t := range g.issued {
		t.revoked = true
	}
	g.issued = nil
}

// accepts reports whether an access token is good.
func (s *Server) accepts(t *accessToken) bool {
	return t != nil && !t.revoked && !t.grant.revoked && s.now().Before(t.expiresAt)
}

// redeem trades a code for a grant, once; a second use ends what came of the first (RFC 6749 section 4.1.2). It returns
// an error code, or nothing. The lock is held.
func (s *Server) redeem(clientID, code, redirectURI, challenge string) (*grant, string) {
	a := s.codes[code]
	switch {
	case a == nil || a.clientID != clientID:
		return nil, "invalid_grant"
	case a.grant != nil:
		a.grant.revoked = true
		return nil, "invalid_grant"
	case !s.now().Before(a.expiresAt), a.redirectURI != redirectURI, a.challenge != challenge:
		return nil, "invalid_grant"
	}
	a.grant = &grant{clientID: clientID, scopes: slices.Clone(a.scopes), resources: a.resources}
	return a.grant, ""
}

// narrowed returns the scopes of a refresh: those asked for, if they are among those granted (RFC 6749 section 6).
func narrowed(granted []string, asked string) ([]string, bool) {
	if asked == "" {
		return granted, true
	}
	scopes := strings.Fields(asked)
	wider := slices.ContainsFunc(scopes, func(scope string) bool { return !slices.Contains(granted, scope) })
	return scopes, !wider
}
