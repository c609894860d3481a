package proxy

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"authsome"
)

// remembering makes a memory of one connection, in the fake time of synctest.
func remembering(
	t *testing.T, answer func(call int, opts authsome.CredentialOptions) (*authsome.Credential, error),
) (*memory, *slot, *atomic.Int64) {
	t.Helper()
	var calls atomic.Int64
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	source := &fakeSource{answer: func(opts authsome.CredentialOptions) (*authsome.Credential, error) {
		return answer(int(calls.Add(1)), opts)
	}}
	m := newMemory(t.Context(), &wg, source, time.Now)
	m.ahead.Do(func() {}) // nothing is renewed unasked, unless the test starts it
	return m, m.routes([]Route{{Ref: authsome.Ref{Provider: "example"}}})[0].slot, &calls
}

func generation(t *testing.T, n int, fresh, expires time.Duration) *authsome.Credential {
	c := credential(t, authsome.Ref{Provider: "example"}, "token", uint64(n))
	if expires != 0 {
		c.ExpiresAt = time.Now().Add(expires)
	}
	if fresh != 0 {
		c.FreshUntil = time.Now().Add(fresh)
	}
	return c
}

func get(t *testing.T, m *memory, s *slot) uint64 {
	t.Helper()
	k, err := m.get(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return k.cred.Generation
}

func TestCredentialIsRememberedWhileItIsFresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, s, calls := remembering(t, func(n int, _ authsome.CredentialOptions) (*authsome.Credential, error) {
			return generation(t, n, time.Hour, 2*time.Hour), nil
		})
		get(t, m, s)
		time.Sleep(time.Hour - time.Second)
		if g := get(t, m, s); g != 1 || calls.Load() != 1 {
			t.Errorf("generation %d after %d calls", g, calls.Load())
		}
		time.Sleep(2 * time.Second)
		// No longer fresh and far from expiring: used while the next one is fetched.
		if g := get(t, m, s); g != 1 {
			t.Errorf("the request waited and got generation %d", g)
		}
		synctest.Wait()
		if g := get(t, m, s); g != 2 || calls.Load() != 2 {
			t.Errorf("generation %d after %d calls", g, calls.Load())
		}
		time.Sleep(3 * time.Hour)
		if g := get(t, m, s); g != 3 {
			t.Errorf("an expired credential was used: generation %d", g)
		}
	})
}

func TestCredentialWithoutLimitIsRememberedUntilTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, s, calls := remembering(t, func(n int, _ authsome.CredentialOptions) (*authsome.Credential, error) {
			return generation(t, n, 0, 0), nil
		})
		get(t, m, s)
		time.Sleep(1000 * time.Hour)
		if get(t, m, s); calls.Load() != 1 {
			t.Errorf("%d calls", calls.Load())
		}
		m.review()
		synctest.Wait()
		if g := get(t, m, s); g != 2 {
			t.Errorf("generation %d after being told", g)
		}
	})
}

func TestErrorIsRememberedForASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		failure := errors.New("no")
		m, s, calls := remembering(t, func(n int, _ authsome.CredentialOptions) (*authsome.Credential, error) {
			if n == 1 {
				return nil, failure
			}
			return generation(t, n, time.Hour, 2*time.Hour), nil
		})
		for range 3 {
			if _, err := m.get(t.Context(), s); !errors.Is(err, failure) {
				t.Errorf("got %v", err)
			}
		}
		if calls.Load() != 1 {
			t.Errorf("%d calls", calls.Load())
		}
		time.Sleep(keepAtLeast)
		if g := get(t, m, s); g != 2 {
			t.Errorf("generation %d", g)
		}
	})
}

func TestFailureWhileACredentialLives(t *testing.T) {
	t.Parallel()
	for kind, used := range map[authsome.Kind]bool{
		authsome.KindVaultUnavailable: true, authsome.KindConnectionNotFound: false, authsome.KindDenied: false,
	} {
		synctest.Test(t, func(t *testing.T) {
			m, s, calls := remembering(t, func(n int, _ authsome.CredentialOptions) (*authsome.Credential, error) {
				if n > 1 {
					return nil, &authsome.Error{Kind: kind}
				}
				return generation(t, n, time.Minute, time.Hour), nil
			})
			get(t, m, s)
			time.Sleep(2 * time.Minute)
			get(t, m, s)
			synctest.Wait()
			if _, err := m.get(t.Context(), s); used != (err == nil) || calls.Load() != 2 {
				t.Errorf("%s: got %v after %d calls", kind, err, calls.Load())
			}
			time.Sleep(time.Hour)
			if _, err := m.get(t.Context(), s); authsome.KindOf(err) != kind {
				t.Errorf("%s: an expired credential gave %v", kind, err)
			}
		})
	}
}

func TestManyRequestsShareOneCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, s, calls := remembering(t, func(n int, _ authsome.CredentialOptions) (*authsome.Credential, error) {
			time.Sleep(time.Second)
			return generation(t, n, time.Hour, 2*time.Hour), nil
		})
		for range 50 {
			go func() { _, _ = m.get(t.Context(), s) }()
		}
		impatient, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := m.get(impatient, s); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a request that gave up got %v", err)
		}
		time.Sleep(2 * time.Second)
		if g := get(t, m, s); g != 1 || calls.Load() != 1 {
			t.Errorf("generation %d after %d calls", g, calls.Load())
		}
	})
}

func TestAnswerOvertakenByAChangeIsNotRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, s, _ := remembering(t, func(n int, _ authsome.CredentialOptions) (*authsome.Credential, error) {
			if n == 1 {
				time.Sleep(time.Second)
			}
			return generation(t, n, time.Hour, 2*time.Hour), nil
		})
		go func() { _, _ = m.get(t.Context(), s) }()
		synctest.Wait()
		m.review()
		if g := get(t, m, s); g != 2 {
			t.Errorf("a request after the change got generation %d", g)
		}
		time.Sleep(2 * time.Second)
		if g := get(t, m, s); g != 2 {
			t.Errorf("the overtaken answer, generation %d, was remembered", g)
		}
	})
}
