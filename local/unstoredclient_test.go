package local_test

import (
	"context"
	"encoding/json"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"authsome"
	"authsome/internal/authserver"
	"authsome/local"
	"authsome/vault"
	"authsome/vault/storetest"
)

// stumbling is a store that refuses so many writes.
type stumbling struct {
	*storetest.Memory
	refusals atomic.Int32
}

func (s *stumbling) Update(ctx context.Context, do func(context.Context, vault.Tx) error) error {
	if s.refusals.Add(-1) >= 0 {
		return vault.ErrUnavailable
	}
	return s.Memory.Update(ctx, do)
}

// RFC 7592 section 3: the answer to an update may bring a new client secret, which exists nowhere else. A disk that is full just
// then, for a moment or for longer, must not lose it.
func TestRenewedClientSecretOutlivesAFullDisk(t *testing.T) {
	t.Parallel()
	for _, refusals := range []int32{1, 1000} {
		w := newProtectedWorld(t, func(c *authserver.Config) {
			c.ConfidentialOnly, c.ClientSecretLifetime = true, 48*time.Hour
		}).protect()
		store := &stumbling{Memory: w.store}
		w.mux.HandleFunc("PUT /register/{id}", func(rw http.ResponseWriter, r *http.Request) {
			store.refusals.Store(refusals)
			w.serve(rw, r)
		})
		l := w.process(func(c *local.Config) { c.Store = store })
		ref := w.found(l)
		w.mustLogin(l, ref)
		w.pass(30 * time.Hour)
		if _, err := l.Credential(t.Context(), ref, authsome.CredentialOptions{}); (err == nil) != (refusals == 1) {
			t.Errorf("%d refusals: %v", refusals, err)
		}
		store.refusals.Store(0)
		for _, process := range []*local.Layer{l, w.process()} { // what was kept is stored, so the next process has it, too
			if _, err := process.Credential(t.Context(), ref, authsome.CredentialOptions{Refresh: true}); err != nil {
				t.Errorf("%d refusals, afterwards: %v", refusals, err)
			}
		}
		if n := len(w.requests("/register/PUT")); n != 1 {
			t.Errorf("%d refusals: the registration was updated %d times", refusals, n)
		}
	}
}

// What another process has stored since is newer than what was kept.
func TestRenewedClientThatWasRenewedAgainElsewhereIsDropped(t *testing.T) {
	t.Parallel()
	w := newProtectedWorld(t, func(c *authserver.Config) {
		c.ConfidentialOnly, c.ClientSecretLifetime = true, 48*time.Hour
	}).protect()
	store := &stumbling{Memory: w.store}
	w.mux.HandleFunc("PUT /register/{id}", func(rw http.ResponseWriter, r *http.Request) {
		store.refusals.Store(1000)
		w.serve(rw, r)
	})
	l := w.process(func(c *local.Config) { c.Store = store })
	ref := w.found(l)
	w.mustLogin(l, ref)
	w.pass(30 * time.Hour)
	if _, err := l.Credential(t.Context(), ref, authsome.CredentialOptions{}); err == nil {
		t.Fatal("the disk was not full")
	}
	store.refusals.Store(0)
	w.renewElsewhere(ref.Provider, "cs-elsewhere")
	if _, err := l.Credential(t.Context(), ref, authsome.CredentialOptions{Refresh: true}); err != nil {
		t.Error(err)
	}
}

// renewElsewhere gives the only client of a provider another secret, at the server and in the vault.
func (w *world) renewElsewhere(name authsome.ProviderName, secret string) {
	w.t.Helper()
	v := w.process().Vault()
	records, err := v.List(w.t.Context(), vault.Key("profile/default/provider/"+string(name)))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, rec := range records {
		var fields map[string]any
		if err := json.Unmarshal(rec.Value, &fields); err != nil {
			w.t.Fatal(err)
		}
		if fields["client_secret"] == nil {
			continue
		}
		fields["client_secret"], fields["secret_expires_at"] = secret, w.clock().Add(48*time.Hour)
		value, err := json.Marshal(fields)
		if err != nil {
			w.t.Fatal(err)
		}
		if _, err := v.Put(w.t.Context(), rec.Key, value, rec.Version); err != nil {
			w.t.Fatal(err)
		}
		w.server.SetClientSecret(fields["client_id"].(string), secret)
		return
	}
	w.t.Fatal("no client is stored")
}
