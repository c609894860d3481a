package local

import (
	"context"
	"errors"
	"time"

	"authsome"
	"authsome/internal/oauth"
	"authsome/vault"
)

const (
	// manageTimeout bounds what is done for tidiness about a client at its server.
	manageTimeout = 5 * time.Second
	// secretRenewal is how long before its end a dynamic client's secret is renewed.
	secretRenewal = 24 * time.Hour
)

// canRegister reports whether a client can be registered on the spot, and is to be: nobody has named one.
func canRegister(spec *authsome.OAuth, req authsome.LoginRequest) bool {
	wanted := req.Flow == authsome.FlowDCRPKCE || spec.SupportsDCR
	return wanted && spec.RegistrationEndpoint != "" && req.Fields[authsome.FieldClientID].IsZero()
}

// registerClient registers a client for one login, RFC 7591. Every login gets a client of its own: a server may end the
// grant that a client had when it gets another, servers forget clients that were not used for long, and the redirect URI
// of the next login has another port.
func (l *Layer) registerClient(
	ctx context.Context, spec *authsome.OAuth, req authsome.LoginRequest,
) (*registrationRecord, error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	scopes := req.Scopes
	if len(scopes) == 0 {
		scopes = spec.Scopes
	}
	reg, err := l.client(spec, &registrationRecord{}).Register(ctx, req.RedirectURI, scopes)
	if err != nil {
		return nil, loginError(req.Ref, err)
	}
	r := &registrationRecord{
		SchemaVersion: schemaVersion, Dynamic: true, Issuer: spec.Issuer, RedirectURI: req.RedirectURI, CreatedAt: l.now().UTC(),
	}
	r.take(reg)
	return r, nil
}

// take puts a server's answer into the record.
func (r *registrationRecord) take(reg *oauth.Registration) {
	r.ClientID, r.ClientSecret, r.SecretExpiresAt = reg.ClientID, sealed{reg.ClientSecret}, reg.SecretExpiresAt
	r.AuthMethod, r.RegistrationURL, r.RegistrationToken = reg.AuthMethod, reg.URL, sealed{reg.AccessToken}
	r.Metadata = reg.Metadata
}

// asRegistered is the record as the server knows it.
func (r *registrationRecord) asRegistered() *oauth.Registration {
	return &oauth.Registration{
		ClientID: r.ClientID, ClientSecret: r.ClientSecret.Secret, SecretExpiresAt: r.SecretExpiresAt, AuthMethod: r.AuthMethod,
		URL: r.RegistrationURL, AccessToken: r.RegistrationToken.Secret, Metadata: r.Metadata,
	}
}

// renewSecret renews a dynamic client's secret before it lapses, RFC 7592 section 2.2, where the server lets us. What
// goes wrong is left to the request that needs the secret.
func (l *Layer) renewSecret(ctx context.Context, h *holding, r *registrationRecord) *registrationRecord {
	if r == nil {
		return nil
	}
	r = l.lateClient(ctx, h, r)
	h.registrations[r.ClientID] = r
	if r.RegistrationURL == "" || r.SecretExpiresAt.IsZero() || l.now().Before(r.SecretExpiresAt.Add(-secretRenewal)) {
		return r
	}
	reg, err := l.updateRegistration(ctx, r)
	if err != nil {
		l.log.Warn("the secret of a client cannot be renewed", "provider", string(h.provider), "err", err)
		return r
	}
	renewed := *r
	renewed.take(reg)
	l.insistOnClient(ctx, h, r, &renewed)
	h.registrations[r.ClientID] = &renewed
	return &renewed
}

func (l *Layer) updateRegistration(ctx context.Context, r *registrationRecord) (*oauth.Registration, error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	return l.client(&authsome.OAuth{}, r).UpdateRegistration(ctx, r.asRegistered())
}

// ownClient returns the dynamic client that belongs to one connection and to no other, or nil.
func (h *holding) ownClient(c *connectionRecord) *registrationRecord {
	r := h.registration(c)
	if r == nil || !r.Dynamic {
		return nil
	}
	for name, other := range h.connections {
		if name != c.ref.Connection && other.ClientID == c.ClientID {
			return nil
		}
	}
	return r
}

// removal returns what deletes the record.
func (r *registrationRecord) removal(h *holding) vault.Change {
	return vault.Change{Key: registrationKey(h.profile, h.provider, r.ClientID), Delete: true}
}

// errKeptClient says that a server gives no way to delete a client, RFC 7592 being optional.
var errKeptClient = errors.New("the server offers no way to delete its registration of the client")

// unregister deletes a dynamic client at its server, RFC 7592 section 2.3, within bounded time and whatever becomes of
// ctx. A nil record is deleted.
func (l *Layer) unregister(ctx context.Context, r *registrationRecord) error {
	if r == nil || !r.Dynamic {
		return nil
	}
	if r.RegistrationURL == "" {
		return errKeptClient
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(manageTimeout, l.timeout))
	defer cancel()
	err := l.client(&authsome.OAuth{}, r).Unregister(ctx, r.asRegistered())
	if e, ok := errors.AsType[*oauth.Error](err); ok {
		return errors.New(e.Reason)
	}
	return err
}

// tidy deletes a client that nobody will use again. That it stays behind does no harm.
func (l *Layer) tidy(ctx context.Context, r *registrationRecord) {
	if err := l.unregister(ctx, r); err != nil && !errors.Is(err, errKeptClient) {
		l.log.Debug("a client that is not used any more stays at its server", "err", err)
	}
}
