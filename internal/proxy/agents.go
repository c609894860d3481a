package proxy

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"authsome"
)

// Digest is what is kept of an agent's password: its SHA-256. The password is random and has 128 bits or more, so that
// there is nothing to guess and a slow hash would protect nothing.
type Digest [sha256.Size]byte

// DigestOf returns the digest of a password.
func DigestOf(password authsome.Secret) Digest { return sha256.Sum256([]byte(password.Reveal())) }

// Agent is somebody who may use the proxy: a name and a password of its own, which can be taken away from it alone.
type Agent struct {
	Name     string // the user name of Proxy-Authorization and of SOCKS; in the events of the agent's requests
	Password Digest
	Expires  time.Time // when it loses its access; zero: with the proxy
}

// Usage is what an agent is doing.
type Usage struct {
	Connections int       // open ones
	LastSeen    time.Time // when it last opened one; zero: never
}

// agent is an Agent and what it has open.
type agent struct {
	Agent
	quiet bool // its name stays out of events: it is the only one there is

	streams atomic.Int64 // its requests over HTTP/2 that are under way

	mu         sync.Mutex // guards all below
	expiry     *time.Timer
	gone       bool
	clients    map[*client]struct{}
	handshakes int // under way
	lastSeen   time.Time
}

// agents are those who may use the proxy. The zero value is nobody.
type agents struct {
	mu     sync.RWMutex // guards byName
	byName map[string]*agent
}

// Admit gives an agent access. One of the same name loses its own, and what it has open ends.
func (p *Proxy) Admit(a Agent) error {
	if a.Name == "" || a.Password == (Digest{}) {
		return errors.New("proxy: an agent needs a name and a password")
	}
	p.admit(&agent{Agent: a, clients: make(map[*client]struct{})})
	return nil
}

func (p *Proxy) admit(a *agent) {
	if !a.Expires.IsZero() {
		a.mu.Lock()
		a.expiry = time.AfterFunc(a.Expires.Sub(p.cfg.Now()), a.end)
		a.mu.Unlock()
	}
	p.agents.mu.Lock()
	if p.agents.byName == nil {
		p.agents.byName = make(map[string]*agent)
	}
	before := p.agents.byName[a.Name]
	p.agents.byName[a.Name] = a
	p.agents.mu.Unlock()
	if before != nil {
		before.end()
	}
}

// Revoke takes an agent's access away. Its connections, tunnels and streams have been closed when Revoke returns. It
// reports whether there was such an agent.
func (p *Proxy) Revoke(name string) bool {
	p.agents.mu.Lock()
	a := p.agents.byName[name]
	delete(p.agents.byName, name)
	p.agents.mu.Unlock()
	if a == nil {
		return false
	}
	a.end()
	return true
}

// Usage returns what an agent is doing, or the zero Usage if there is no such agent.
func (p *Proxy) Usage(name string) Usage {
	a := p.agents.find(name)
	if a == nil {
		return Usage{}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return Usage{Connections: len(a.clients), LastSeen: a.lastSeen}
}

func (s *agents) find(name string) *agent {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byName[name]
}

// stop ends the timers of all.
func (s *agents) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.byName {
		a.mu.Lock()
		if a.expiry != nil {
			a.expiry.Stop()
		}
		a.mu.Unlock()
	}
}

// wantsLogin is the refusal of a client that nobody knows.
func (p *Proxy) wantsLogin() *refusal {
	const reason = "proxy_authentication"
	if !p.cfg.Password.IsZero() {
		return refuse(http.StatusProxyAuthRequired, reason, "this proxy belongs to an authsome run; it wants the password of that run")
	}
	why := refuse(http.StatusProxyAuthRequired, reason, "this proxy of authsome wants the password of one of its agents")
	why.Hint = "it may have been revoked: authsome proxy agents lists who has access"
	return why
}

// login finds the agent of a name and a password, and lets it have the client's connection. A connection belongs to the
// agent that was the first to log in on it.
func (p *Proxy) login(c *client, user string, password authsome.Secret) *refusal {
	a := p.agents.find(user)
	digest := DigestOf(password)
	if a == nil || subtle.ConstantTimeCompare(a.Password[:], digest[:]) != 1 {
		return p.wantsLogin()
	}
	now := p.cfg.Now()
	switch before := c.agent.Load(); {
	case !a.Expires.IsZero() && !now.Before(a.Expires):
		why := refuse(http.StatusProxyAuthRequired, "agent_expired", "the access of the agent %s has expired", a.Name)
		why.Hint = "authsome proxy add " + a.Name + " --replace"
		return why
	case before == a:
		return nil
	case before != nil:
		return refuse(http.StatusProxyAuthRequired, "other_agent", "this connection belongs to another agent")
	}
	if why := a.take(c, now, p.cfg.MaxPerAgent); why != nil {
		return why
	}
	p.introduce(c)
	return nil
}

// take makes the connection the agent's.
func (a *agent) take(c *client, now time.Time, most int) *refusal {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.gone:
		return refuse(http.StatusProxyAuthRequired, "agent_revoked", "the access of the agent %s has been revoked", a.Name)
	case len(a.clients) >= most:
		return refuse(http.StatusTooManyRequests, "too_many_connections",
			"the agent %s has %d connections open, which is as many as it may", a.Name, most)
	}
	a.clients[c] = struct{}{}
	a.lastSeen = now
	c.agent.Store(a)
	return nil
}

// leave forgets a connection.
func (a *agent) leave(c *client) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.clients, c)
}

// end closes all that the agent has open, and keeps it from opening more.
func (a *agent) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.expiry != nil {
		a.expiry.Stop()
	}
	a.gone = true
	for c := range a.clients {
		c.hangUp()
	}
}

// beginHandshake counts a handshake that is about to begin, unless too many are under way: the first part of one costs
// this side more than the client.
func (a *agent) beginHandshake() *refusal {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.handshakes >= maxHandshakes {
		return refuse(http.StatusTooManyRequests, "too_many_handshakes",
			"the agent has %d handshakes under way that it does not finish", maxHandshakes)
	}
	a.handshakes++
	return nil
}

func (a *agent) endHandshake() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.handshakes--
}

// beginStream counts a request over HTTP/2 that begins, unless too many are under way: one whose answer nobody takes keeps some
// megabytes of it here, and an agent may have thousands of connections, with hundreds of streams each. endStream follows in any case.
func (a *agent) beginStream(most int64) *refusal {
	if a.streams.Add(1) > most {
		return refuse(http.StatusTooManyRequests, "too_many_requests",
			"the agent has %d requests under way over HTTP/2, which is as many as it may", most)
	}
	return nil
}

func (a *agent) endStream() { a.streams.Add(-1) }
