package local

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"authsome"
	"authsome/internal/oauth"
)

// fingerprint tells one client from another, also one secret from the next, without keeping either.
func (r *registrationRecord) fingerprint() string {
	sum := sha256.New()
	sum.Write([]byte(r.ClientID))
	sum.Write([]byte{0})
	sum.Write([]byte(r.ClientSecret.Reveal()))
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

// client returns what talks to a provider's endpoints on behalf of a registration.
func (l *Layer) client(spec *authsome.OAuth, r *registrationRecord) *oauth.Client {
	return &oauth.Client{
		HTTP: l.http, Provider: *spec, ClientID: r.ClientID, ClientSecret: r.ClientSecret.Secret,
		Now: l.now, Logger: l.log,
	}
}

// refreshURL is the endpoint that refresh tokens are sent to.
func refreshURL(spec *authsome.OAuth) string { return firstOf(spec.RefreshURL, spec.TokenURL) }

// chooseRegistration returns the client a login is to use: the one that was entered, or the stored one unless the
// provider has refused it. It returns nil when a person must be asked.
func (l *Layer) chooseRegistration(
	h *holding, spec *authsome.OAuth, fields map[authsome.FieldName]authsome.Secret,
) *registrationRecord {
	id := fields[authsome.FieldClientID].Reveal()
	if id == "" {
		stored := h.registrations[h.settings.ClientID]
		if stored == nil || h.hasRefused(stored) {
			return nil
		}
		return stored
	}
	secret, answered := fields[authsome.FieldClientSecret]
	if !answered && spec.ClientAuth != authsome.ClientAuthNone {
		return nil
	}
	r := &registrationRecord{SchemaVersion: schemaVersion, ClientID: id, CreatedAt: l.now().UTC()}
	if known := h.registrations[id]; known != nil {
		*r = *known
	}
	if !secret.IsZero() {
		r.ClientSecret = sealed{secret}
	}
	return r
}

// hasRefused reports whether the provider has refused a client for one of the connections.
func (h *holding) hasRefused(r *registrationRecord) bool {
	for _, c := range h.connections {
		if c.Refresh.RefusedClient == r.fingerprint() {
			return true
		}
	}
	return false
}

// redirectToRegister is what a person enters at the provider. Where any port will do, none is named (RFC 8252 section
// 7.3).
func redirectToRegister(r authsome.Redirect) string {
	path := firstOf(r.Path, "/callback")
	switch r.Kind {
	case authsome.RedirectHTTPSOnly:
		return r.URI
	case authsome.RedirectFixedPort:
		return fmt.Sprintf("http://%s:%d%s", firstOf(r.Host, "127.0.0.1"), r.Port, path)
	case authsome.RedirectLocalhost:
		return "http://localhost" + path
	default:
		return "http://127.0.0.1" + path
	}
}
