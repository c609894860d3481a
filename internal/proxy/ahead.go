package proxy

import (
	"time"

	"authsome"
)

const (
	// longestPause is how long renewAhead waits at most after a renewal that did not come off. The layer has a cool-down
	// of its own; this one spares the vault.
	longestPause = 30 * time.Second
	// lookAgain bounds every wait of renewAhead: timers stand still while a machine sleeps.
	lookAgain = time.Minute
)

// use notes that a request gets the value.
func (m *memory) use(k *kept) {
	if !k.used.Load() {
		k.used.Store(true)
		if !k.fresh.IsZero() {
			m.ahead.Do(func() { m.wg.Go(m.renewAhead) })
			m.wake()
		}
	}
}

// wake has renewAhead look again.
func (m *memory) wake() {
	select {
	case m.landed <- struct{}{}:
	default:
	}
}

// renewAhead fetches the next credential when the window of the present one opens, whether or not a request comes at
// that moment, so that none has to wait. A value that no request has got is not renewed: a connection that is no longer
// used costs one renewal and then none.
func (m *memory) renewAhead() {
	timer := time.NewTimer(lookAgain)
	defer timer.Stop()
	for {
		if pause, any := m.renewDue(); any {
			timer.Reset(pause)
		} else {
			timer.Stop()
		}
		select {
		case <-m.ctx.Done():
			return
		case <-m.landed:
		case <-timer.C:
		}
	}
}

// renewDue fetches what is due, and returns how long to wait for the next, if there is one.
func (m *memory) renewDue() (pause time.Duration, any bool) {
	pause = lookAgain
	now := m.now()
	for _, s := range m.all() {
		k := s.kept.Load()
		if k == nil || k.err != nil || k.fresh.IsZero() || !k.used.Load() {
			continue
		}
		if due := k.due(); now.Before(due) {
			pause, any = min(pause, due.Sub(now)), true
		} else {
			m.fetch(s, question{}) // its landing wakes
		}
	}
	return pause, any
}

// due returns when a credential is to be renewed: as soon as it is no longer fresh, and later and later while that
// does not work.
func (k *kept) due() time.Time {
	if k.tries == 0 {
		return k.fresh
	}
	return k.fresh.Add(min(longestPause, time.Second<<min(k.tries-1, 10)))
}

// succeed takes over from the answer before what depends on the value: it may be the same.
func (k *kept) succeed(old *kept, now time.Time) {
	if k.err != nil || !k.sameValue(old) {
		return
	}
	k.used = old.used
	if until := k.cred.FreshUntil; !until.IsZero() && !now.Before(until) {
		k.tries = old.tries + 1
	}
}

// sameValue reports whether two answers hold the same credential.
func (k *kept) sameValue(other *kept) bool {
	return k.cred.Generation == other.cred.Generation && k.cred.Value.Equal(other.cred.Value)
}

// endsLineOf reports whether the connection that an older answer was about is gone: there is none now, or another one
// of the same name, whose values are counted from the beginning.
func (k *kept) endsLineOf(old *kept) bool {
	if k.err != nil {
		return isGone(k.err)
	}
	return k.cred.Generation < old.cred.Generation ||
		k.cred.Generation == old.cred.Generation && !k.cred.Value.Equal(old.cred.Value)
}

// isGone reports whether an error says that there is no such connection any more, or that it must not be used.
func isGone(err error) bool {
	switch authsome.KindOf(err) {
	case authsome.KindConnectionNotFound, authsome.KindProviderNotFound, authsome.KindDenied:
		return true
	}
	return false
}
