package local_test

import (
	"errors"
	"testing"
	"time"

	"authsome"
	"authsome/local"
)

// brokenLog is a recorder that fails while it is told to.
type brokenLog struct {
	*world

	err error
}

func (b *brokenLog) Record(e authsome.Event) error {
	if b.err != nil {
		return b.err
	}
	return b.world.Record(e)
}

// uses counts what is on record of credentials that were given away.
func (w *world) uses() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		if e.Name == authsome.EventUse && e.Ref == acme {
			n++
		}
	}
	return n
}

func TestACredentialWhoseUseCannotBePutOnRecordIsNotGivenAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.login(w.process())
	log := &brokenLog{world: w}
	l := w.process(func(c *local.Config) { c.Recorder, c.AuditRequired = log, true })

	if _, err := l.Credential(t.Context(), acme, authsome.CredentialOptions{}); err != nil || w.uses() != 1 {
		t.Fatalf("%d on record, %v; want 1", w.uses(), err)
	}
	log.err = errors.New("disk full")
	w.pass(48 * time.Hour) // also one that is renewed meanwhile
	for range 2 {
		cred, err := l.Credential(t.Context(), acme, authsome.CredentialOptions{})
		e := authsome.AsError(err)
		if cred != nil || authsome.KindOf(err) != authsome.KindDenied || e.Reason != authsome.ReasonAuditUnavailable || !errors.Is(err, log.err) {
			t.Errorf("got %v, %v; want a refusal", cred, err)
		}
	}
	if c, err := l.Connection(t.Context(), acme, authsome.CredentialOptions{}); err != nil || c.Status != authsome.StatusConnected {
		t.Errorf("what is no secret: %v, %v", c, err)
	}
	log.err = nil
	if _, err := l.Credential(t.Context(), acme, authsome.CredentialOptions{}); err != nil || w.uses() != 2 {
		t.Errorf("good again: %d on record, %v; want 2", w.uses(), err)
	}
}

func TestWithoutARecorderNothingIsOnRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.login(w.process())
	l := w.process(func(c *local.Config) { c.Recorder, c.AuditRequired = nil, true })
	if _, err := l.Credential(t.Context(), acme, authsome.CredentialOptions{}); authsome.KindOf(err) != authsome.KindDenied {
		t.Errorf("got %v, want a refusal", err)
	}
}

func TestALogThatIsNotRequiredStopsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.login(w.process())
	l := w.process(func(c *local.Config) { c.Recorder = &brokenLog{world: w, err: errors.New("disk full")} })
	w.pass(48 * time.Hour)
	if _, err := l.Credential(t.Context(), acme, authsome.CredentialOptions{}); err != nil || w.uses() != 0 {
		t.Errorf("%d on record, %v", w.uses(), err)
	}
}
