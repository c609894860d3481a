package authserver

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// GrantTypeDeviceCode is the grant type of a device access token request, RFC 8628 section 3.4.
const GrantTypeDeviceCode = "urn:ietf:params:oauth:grant-type:device_code"

// slowDown is what a poll that comes too early adds to the interval, RFC 8628 section 3.5.
const slowDown = 5 * time.Second

// deviceDecision is what the person at the page of a device said.
type deviceDecision int

const (
	devicePending deviceDecision = iota
	deviceApproved
	deviceDenied
	deviceUsed // its token has been issued
)

// device is a device authorization request.
type device struct {
	clientID  string
	userCode  string
	scopes    []string
	expiresAt time.Time
	decision  deviceDecision

	interval time.Duration
	polledAt time.Time // zero: not yet
}

// serveDeviceAuthorization serves RFC 8628 sections 3.1 and 3.2.
func (s *Server) serveDeviceAuthorization(w http.ResponseWriter, r *http.Request) {
	form, malformed := readForm(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record(Request{
		Endpoint: PathDeviceAuthorization, ClientID: claimedClient(r, form), Form: form, Header: r.Header.Clone(),
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
	scopes := strings.Fields(form.Get("scope"))
	if !s.supports(scopes) {
		fail(http.StatusBadRequest, "invalid_scope", "").write(w)
		return
	}
	s.beginDevice(r, client.ID, scopes).write(w)
}

// beginDevice issues a device code and a user code. The lock is held.
func (s *Server) beginDevice(r *http.Request, clientID string, scopes []string) response {
	deviceCode := random("dc-")
	d := &device{
		clientID: clientID, userCode: newUserCode(), scopes: scopes,
		expiresAt: s.now().Add(s.config.DeviceCodeLifetime), interval: s.config.DeviceInterval,
	}
	s.devices[deviceCode] = d
	page := s.issuer(r) + PathDevice
	body := map[string]any{
		"device_code":      deviceCode,
		"user_code":        d.userCode,
		"verification_uri": page,
		"expires_in":       s.config.DeviceCodeLifetime.Seconds(),
	}
	if !s.config.OmitVerificationURIComplete {
		body["verification_uri_complete"] = page + "?user_code=" + url.QueryEscape(d.userCode)
	}
	if !s.config.OmitDeviceInterval {
		body["interval"] = s.config.DeviceInterval.Seconds()
	}
	return response{status: http.StatusOK, body: body}
}

// deviceGrant answers a poll, RFC 8628 section 3.5. The lock is held.
func (s *Server) deviceGrant(client *Client, deviceCode, jkt string) response {
	d, now := s.devices[deviceCode], s.now()
	if d == nil || d.clientID != client.ID || d.decision == deviceUsed {
		return fail(http.StatusBadRequest, "invalid_grant", "the device code is unknown, used or not yours")
	}
	if !now.Before(d.expiresAt) {
		return fail(http.StatusBadRequest, "expired_token", "")
	}
	early := !d.polledAt.IsZero() && now.Sub(d.polledAt) < d.interval
	d.polledAt = now
	switch {
	case early:
		d.interval += slowDown
		return fail(http.StatusBadRequest, "slow_down", "")
	case d.decision == deviceApproved:
		d.decision = deviceUsed
		return success(s.issue(&grant{clientID: d.clientID, scopes: slices.Clone(d.scopes), jkt: jkt}, true))
	case d.decision == deviceDenied:
		return fail(http.StatusBadRequest, "access_denied", "the person said no")
	default:
		return fail(http.StatusBadRequest, "authorization_pending", "")
	}
}

// decideDevice settles what waits for a user code, and reports whether something does. The lock is held.
func (s *Server) decideDevice(userCode string, decision deviceDecision) bool {
	d := s.deviceOf(userCode)
	if d == nil {
		return false
	}
	d.decision = decision
	return true
}

// deviceOf returns the device that waits for a user code, or nil. The lock is held.
func (s *Server) deviceOf(userCode string) *device {
	wanted := normalUserCode(userCode)
	for _, d := range s.devices {
		waits := d.decision == devicePending && s.now().Before(d.expiresAt)
		if waits && normalUserCode(d.userCode) == wanted {
			return d
		}
	}
	return nil
}

// userCodeAlphabet has no vowels, so that no words arise, and nothing that looks alike (RFC 8628 section 6.1). Its
// length divides 256 with a remainder of 16, which costs a fraction of a bit.
const userCodeAlphabet = "BCDFGHJKLMNPQRSTVWXZ"

func newUserCode() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // it does not fail
	for i := range b {
		b[i] = userCodeAlphabet[int(b[i])%len(userCodeAlphabet)]
	}
	return string(b[:4]) + "-" + string(b[4:])
}

// normalUserCode is what people's ways of typing a user code have in common.
func normalUserCode(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 'A' || r > 'Z' {
			return -1
		}
		return r
	}, strings.ToUpper(s))
}
