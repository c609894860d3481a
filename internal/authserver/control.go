package authserver

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// Request is a request that has arrived. Form and Header hold secrets as they were sent.
type Request struct {
	At        time.Time
	Endpoint  string // the path, such as /token
	GrantType string // at the token endpoint
	ClientID  string // as claimed
	Form      url.Values
	Header    http.Header
	Fault     string // the name of the fault that met it; empty: none
}

// record keeps a request. The lock is held.
func (s *Server) record(r Request) {
	r.At = s.now()
	s.requests = append(s.requests, r)
	close(s.arrived)
	s.arrived = make(chan struct{})
}

// Requests returns what has arrived, oldest first. What it returns must not be changed.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// TokenRequests returns how many requests the token endpoint has got, with one of the given grant types or, if none is
// given, at all. Faults count.
func (s *Server) TokenRequests(grantTypes ...string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.countTokenRequests(grantTypes)
}

// AwaitTokenRequests returns once the token endpoint has got n requests, counted from the server's beginning, or with
// the error of ctx.
func (s *Server) AwaitTokenRequests(ctx context.Context, n int) error {
	for {
		s.mu.Lock()
		count, arrived := s.countTokenRequests(nil), s.arrived
		s.mu.Unlock()
		if count >= n {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for token request %d: %w", n, ctx.Err())
		case <-arrived:
		}
	}
}

func (s *Server) countTokenRequests(grantTypes []string) int {
	n := 0
	for _, r := range s.requests {
		if r.Endpoint == PathToken && (len(grantTypes) == 0 || slices.Contains(grantTypes, r.GrantType)) {
			n++
		}
	}
	return n
}

// Issue makes a grant without a browser and returns its first tokens.
func (s *Server) Issue(clientID string, scopes ...string) Tokens {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.issue(&grant{clientID: clientID, scopes: scopes}, true)
}

// ApproveDevice lets in the device that shows a user code, as a person may at /device. It reports whether a device waits
// for it.
func (s *Server) ApproveDevice(userCode string) bool { return s.settleDevice(userCode, deviceApproved) }

// DenyDevice refuses the device that shows a user code.
func (s *Server) DenyDevice(userCode string) bool { return s.settleDevice(userCode, deviceDenied) }

func (s *Server) settleDevice(userCode string, decision deviceDecision) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.decideDevice(userCode, decision)
}

// SetClientSecret changes a client's secret, as its owner may at the provider. It reports whether there is such a client.
func (s *Server) SetClientSecret(clientID, secret string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.client(clientID)
	if c != nil {
		c.Secret = secret
	}
	return c != nil
}

// SetAccessTokenLifetime changes the lifetime of the access tokens issued from now on.
func (s *Server) SetAccessTokenLifetime(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.config.AccessTokenLifetime = d
}

// SetConsent changes who decides on authorization requests from now on.
func (s *Server) SetConsent(c Consent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.config.Consent = c
}

// RevokeAll ends every grant, as a person may who removes the application from the account.
func (s *Server) RevokeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.refresh {
		t.grant.revoked = true
	}
	for _, t := range s.access {
		t.grant.revoked = true
	}
}

// RevokeAccessTokens makes the API refuse every access token there is; refresh tokens stay good.
func (s *Server) RevokeAccessTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.access {
		t.revoked = true
	}
}

// AccessTokenValid reports whether the API would accept an access token now.
func (s *Server) AccessTokenValid(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepts(s.access[token])
}

// RefreshTokenValid reports whether a refresh request with the token would succeed now. It changes nothing.
func (s *Server) RefreshTokenValid(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.refresh[token]
	if t == nil || !s.live(t) {
		return false
	}
	switch s.config.Rotation {
	case NoRotation:
		return true
	case RotateOnlyLastLives:
		return token == t.grant.last || token == t.grant.previous
	case RotateGrace:
		return t.usedAt.IsZero() || s.now().Sub(t.usedAt) <= s.config.Grace
	default:
		return t.usedAt.IsZero()
	}
}
