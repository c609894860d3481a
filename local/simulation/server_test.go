package simulation

import (
	"fmt"
	"net/url"
	"slices"
	"time"
)

// rules is how an authorization server behaves. They are those of servers that there are.
type rules struct {
	reuse        reuse
	grace        time.Duration // for reuseGrace
	life         time.Duration // of access tokens; 0: they have none
	silent       bool          // it does not say how long they live
	endsAccess   bool          // an access token ends with the issue of the next
	losersFail   bool          // it answers 500 to a request that comes while another one with the same token is processed
	refusalsFail bool          // it answers 500 instead of invalid_grant
	oneLogin     bool          // a login ends the one before
}

// reuse is what becomes of a refresh token that has been used.
type reuse int

const (
	reuseKills   reuse = iota // all tokens of the login end with it (oidc-provider, Hydra without grace)
	reuseRefused              // it is refused, and that is all (zitadel)
	reuseGrace                // for a while it works still, and each of its successors does; afterwards it kills
	onlyLast                  // it works, and ends its former successor (workers-oauth-provider)
	noRotation                // there is no other one (Google)
	sameToken                 // the answer repeats it
	reuses
)

func (r reuse) String() string {
	return [...]string{"kills", "refused", "grace", "only-last-lives", "no-rotation", "same-token"}[r]
}

// collision is for how long a request is processed, where losers of a race get 500.
const collision = 50 * time.Millisecond

// server is an authorization server and the API that trusts it.
type server struct {
	rules
	w      *world
	issued int // how many tokens there have been
	tokens map[string]*refreshToken
	access map[string]*accessToken
	codes  map[string]bool
	grants []*grant
}

// grant is one login.
type grant struct {
	tokens            []*refreshToken
	access            []*accessToken
	current, previous *refreshToken
	dead              bool
	excused           bool // the client could not help its death
	rotations         []*rotation
}

type refreshToken struct {
	value  string
	grant  *grant
	issued time.Time
	usedAt time.Time // for the first time; zero: never
}

type accessToken struct {
	value   string
	expires time.Time
	dead    bool
}

// rotation is one successful use of a refresh token.
type rotation struct {
	from, to *refreshToken
	access   *accessToken
	at       time.Time
	// faulty says that the world, and not the client, is to blame if nobody stores what was issued: the answer was
	// lost or late, the process died, its disk was full, or the network doubled the request.
	faulty    bool
	committed bool
}

func newServer(w *world, r rules) *server {
	return &server{
		rules: r, w: w, tokens: make(map[string]*refreshToken), access: make(map[string]*accessToken), codes: make(map[string]bool),
	}
}

func (s *server) newRefreshToken(g *grant) *refreshToken {
	s.issued++
	t := &refreshToken{value: fmt.Sprintf("rt-%d", s.issued), grant: g, issued: time.Now()}
	s.tokens[t.value] = t
	g.tokens = append(g.tokens, t)
	return t
}

func (s *server) newAccessToken(g *grant) *accessToken {
	if s.endsAccess {
		for _, old := range g.access {
			old.dead = true
		}
	}
	s.issued++
	t := &accessToken{value: fmt.Sprintf("at-%d", s.issued)}
	if s.life > 0 {
		t.expires = time.Now().Add(s.life)
	}
	s.access[t.value] = t
	g.access = append(g.access, t)
	return t
}

// newGrant lets somebody in.
func (s *server) newGrant() (*refreshToken, *accessToken) {
	if s.oneLogin {
		for _, g := range s.grants {
			s.kill(g, true)
		}
	}
	g := &grant{}
	s.grants = append(s.grants, g)
	g.current = s.newRefreshToken(g)
	return g.current, s.newAccessToken(g)
}

func (s *server) kill(g *grant, excused bool) {
	if !g.dead {
		g.dead, g.excused = true, excused
	}
	for _, t := range g.access {
		t.dead = true
	}
}

// accepts is what the API thinks of an access token.
func (s *server) accepts(token string) bool {
	t := s.access[token]
	return t != nil && !t.dead && (t.expires.IsZero() || time.Now().Before(t.expires))
}

// works reports whether a refresh token would be accepted now.
func (s *server) works(token string) bool {
	t := s.tokens[token]
	if t == nil || t.grant.dead {
		return false
	}
	switch s.reuse {
	case reuseKills, reuseRefused:
		return t.usedAt.IsZero()
	case reuseGrace:
		return t.usedAt.IsZero() || time.Since(t.usedAt) <= s.grace
	case onlyLast:
		return t == t.grant.current || t == t.grant.previous
	default:
		return true
	}
}

// answer is what a server says.
type answer struct {
	status   int
	body     string
	rotation *rotation // nil: nothing was issued
	refused  string    // the refresh token that was truly refused
	admitted bool      // a login
	failure  error     // of the network instead
	clear    bool      // the client knows by it what has become of its request
}

// token answers a request to the token endpoint. world says that the request is there by a fault of the world.
func (s *server) token(form url.Values, world bool) *answer {
	if form.Get("grant_type") == "authorization_code" {
		return s.exchange(form.Get("code"))
	}
	t := s.tokens[form.Get("refresh_token")]
	if t == nil {
		s.w.violated("the server has never issued %q", form.Get("refresh_token"))
		return s.refuse("")
	}
	if s.losersFail && !t.usedAt.IsZero() && time.Since(t.usedAt) < collision {
		return &answer{status: 500, body: `{"error":"server_error"}`, clear: true}
	}
	if !s.works(t.value) {
		excused := world || t.excused(s)
		if !excused {
			s.w.violated("the client has lost its login: %s is refused (%s), and nothing that got lost explains it", t.value, s.reuse)
		}
		if !t.usedAt.IsZero() && (s.reuse == reuseKills || s.reuse == reuseGrace) {
			s.kill(t.grant, excused)
		}
		return s.refuse(t.value)
	}
	return s.rotate(t)
}

// excused reports whether the world is to blame that a token does not work any more.
func (t *refreshToken) excused(s *server) bool {
	g := t.grant
	if g.dead && g.excused {
		return true
	}
	return slices.ContainsFunc(g.rotations, func(r *rotation) bool {
		return r.faulty && (r.from == t || s.reuse == onlyLast && !r.at.Before(t.issued))
	})
}

func (s *server) exchange(code string) *answer {
	if !s.codes[code] {
		return s.refuse("")
	}
	delete(s.codes, code)
	refresh, access := s.newGrant()
	return &answer{status: 200, body: s.body(refresh, access), admitted: true, clear: true}
}

func (s *server) rotate(t *refreshToken) *answer {
	g := t.grant
	r := &rotation{from: t, to: t, at: time.Now()}
	if t.usedAt.IsZero() {
		t.usedAt = r.at
	}
	named := t
	switch s.reuse {
	case noRotation:
		named = nil
	case sameToken:
	default:
		r.to = s.newRefreshToken(g)
		named, g.current, g.previous = r.to, r.to, t
	}
	r.access = s.newAccessToken(g)
	g.rotations = append(g.rotations, r)
	return &answer{status: 200, body: s.body(named, r.access), rotation: r, clear: true}
}

func (s *server) body(refresh *refreshToken, access *accessToken) string {
	body := fmt.Sprintf(`{"access_token":%q,"token_type":"Bearer"`, access.value)
	if s.life > 0 && !s.silent {
		body += fmt.Sprintf(`,"expires_in":%d`, int(s.life/time.Second))
	}
	if refresh != nil {
		body += fmt.Sprintf(`,"refresh_token":%q`, refresh.value)
	}
	return body + "}"
}

func (s *server) refuse(token string) *answer {
	if s.refusalsFail {
		return &answer{status: 500, body: "", clear: true}
	}
	return &answer{status: 400, body: `{"error":"invalid_grant"}`, refused: token, clear: true}
}
