package local

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"

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
	server := *spec
	if r.AuthMethod != "" {
		server.ClientAuth = r.AuthMethod // as the server registered it
	}
	return &oauth.Client{
		HTTP: l.http, Provider: server, ClientID: r.ClientID, ClientSecret: r.ClientSecret.Secret,
		Now: l.now, Logger: l.log,
	}
}

// refreshURL is the endpoint that refresh tokens are sent to.
func refreshURL(spec *authsome.OAuth) string { return cmp.Or(spec.RefreshURL, spec.TokenURL) }

// bindTo notes which server the tokens of a login are from.
func (c *connectionRecord) bindTo(spec *authsome.OAuth) {
	c.TokenURL, c.RevocationURL, c.IntrospectionURL = refreshURL(spec), spec.RevocationURL, spec.IntrospectionURL
}

// chooseRegistration returns the client a login is to use: the one that was entered, or the stored one unless the
// provider has refused it. It returns nil when a person must be asked.
func (l *Layer) chooseRegistration(
	h *holding, spec *authsome.OAuth, fields map[authsome.FieldName]authsome.Secret,
) *registrationRecord {
	id := fields[authsome.FieldClientID].Reveal()
	if id == "" {
		return l.knownRegistration(h, spec)
	}
	if spec.ClientIDMetadata && isMetadataURL(id) {
		return l.metadataClient(spec, id)
	}
	secret, answered := fields[authsome.FieldClientSecret]
	if !answered && spec.ClientAuth != authsome.ClientAuthNone {
		return nil
	}
	r := &registrationRecord{SchemaVersion: schemaVersion, ClientID: id, Issuer: spec.Issuer, CreatedAt: l.now().UTC()}
	if known := h.registrations[id]; known != nil {
		*r = *known
	}
	if !secret.IsZero() {
		r.ClientSecret = sealed{secret}
	}
	return r
}

// knownRegistration returns a client that needs nobody to be asked: the one that a person registered, with this very
// issuer and no other, or the one that is described by a document where the server reads such documents.
func (l *Layer) knownRegistration(h *holding, spec *authsome.OAuth) *registrationRecord {
	stored := h.registrations[h.settings.ClientID]
	usable := stored != nil && !stored.Dynamic && !h.hasRefused(stored) &&
		(stored.Issuer == "" || stored.Issuer == spec.Issuer)
	switch {
	case usable:
		return stored
	case spec.ClientIDMetadata && l.clientMetadataURL != "":
		return l.metadataClient(spec, l.clientMetadataURL)
	default:
		return nil
	}
}

// metadataClient is a client whose identifier is the URL of its description. It has no secret.
func (l *Layer) metadataClient(spec *authsome.OAuth, id string) *registrationRecord {
	return &registrationRecord{
		SchemaVersion: schemaVersion, ClientID: id, Issuer: spec.Issuer, AuthMethod: authsome.ClientAuthNone,
		CreatedAt: l.now().UTC(),
	}
}

// isMetadataURL reports whether a client identifier can be that of a client ID metadata document: an https URL with a
// path.
func isMetadataURL(id string) bool {
	u, err := url.Parse(id)
	return err == nil && u.Scheme == "https" && u.Host != "" && len(u.Path) > 1 && u.Fragment == "" && u.User == nil
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
	path := cmp.Or(r.Path, "/callback")
	switch r.Kind {
	case authsome.RedirectHTTPSOnly:
		return r.URI
	case authsome.RedirectFixedPort:
		return fmt.Sprintf("http://%s:%d%s", cmp.Or(r.Host, "127.0.0.1"), r.Port, path)
	case authsome.RedirectLocalhost:
		return "http://localhost" + path
	default:
		return "http://127.0.0.1" + path
	}
}
