package proxy

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"authsome"
)

// ahead runs a test with a memory in fake time.
func ahead(
	t *testing.T, answer func(call int, opts authsome.CredentialOptions) (*authsome.Credential, error),
	test func(t *testing.T, m *memory, s *slot, calls func() int64),
) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, s, calls := remembering(t, answer)
		m.wg.Go(m.renewAhead)
		test(t, m, s, calls.Load)
	})
}

// hourly hands out a new generation at each call, good for an hour, of which the last five minutes are the window.
func hourly(t *testing.T) func(int, authsome.CredentialOptions) (*authsome.Credential, error) {
	return func(n int, _ authsome.CredentialOptions) (*authsome.Credential, error) {
		return generation(t, n, 55*time.Minute, time.Hour), nil
	}
}

func TestCredentialIsRenewedWithoutARequest(t *testing.T) {
	ahead(t, hourly(t), func(t *testing.T, m *memory, s *slot, calls func() int64) {
		get(t, m, s)
		time.Sleep(55*time.Minute - time.Second)
		synctest.Wait()
		if calls() != 1 {
			t.Errorf("%d calls before the window opened", calls())
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if calls() != 2 {
			t.Errorf("%d calls when the window had opened, want 2", calls())
		}
		time.Sleep(20 * time.Minute) // past the expiry of the first
		if g := get(t, m, s); g != 2 || calls() != 2 {
			t.Errorf("a request got generation %d after %d calls", g, calls())
		}
	})
}

func TestCredentialThatNobodyUsesIsNotRenewed(t *testing.T) {
	ahead(t, hourly(t), func(t *testing.T, m *memory, s *slot, calls func() int64) {
		get(t, m, s)
		time.Sleep(1000 * time.Hour)
		if calls() != 2 {
			t.Errorf("%d calls for one request, want 2: the second value was not used", calls())
		}
		if get(t, m, s); calls() != 3 {
			t.Errorf("%d calls", calls())
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if calls() != 4 {
			t.Errorf("%d calls after it was used again", calls())
		}
	})
}

func TestRenewalThatFailsIsTriedMoreAndMoreSeldom(t *testing.T) {
	begin := time.Now()
	expires := begin
	answer := func(n int, _ authsome.CredentialOptions) (*authsome.Credential, error) {
		if n == 1 {
			expires = time.Now().Add(time.Hour)
		}
		if !time.Now().Before(expires) {
			return nil, &authsome.Error{Kind: authsome.KindRefreshFailed}
		}
		c := generation(t, 1, 0, 0) // the same again, as the layer does when the endpoint is down
		c.ExpiresAt, c.FreshUntil = expires, expires.Add(-5*time.Minute)
		return c, nil
	}
	ahead(t, answer, func(t *testing.T, m *memory, s *slot, calls func() int64) {
		get(t, m, s)
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := calls(); n < 8 || n > 20 {
			t.Errorf("%d calls within the window of five minutes", n)
		}
		n := calls()
		time.Sleep(100 * time.Hour)
		synctest.Wait()
		if calls() > n+2 {
			t.Errorf("%d calls after the credential had expired, and nobody asked", calls()-n)
		}
		if _, err := m.get(t.Context(), s); authsome.KindOf(err) != authsome.KindRefreshFailed {
			t.Errorf("a request got %v", err)
		}
	})
}

func TestRequestDoesNotWaitForTheRenewalOfAShortLivedToken(t *testing.T) {
	answer := func(n int, _ authsome.CredentialOptions) (*authsome.Credential, error) {
		if n == 2 {
			time.Sleep(500 * time.Millisecond)
		}
		return generation(t, n, 4*time.Second, 5*time.Second), nil
	}
	ahead(t, answer, func(t *testing.T, m *memory, s *slot, calls func() int64) {
		get(t, m, s)
		time.Sleep(4*time.Second + 100*time.Millisecond)
		before := time.Now()
		if g := get(t, m, s); g != 1 || time.Since(before) != 0 || calls() != 2 {
			t.Errorf("got generation %d after %v and %d calls", g, time.Since(before), calls())
		}
		time.Sleep(time.Second)
		if g := get(t, m, s); g != 2 {
			t.Errorf("got generation %d", g)
		}
	})
}

// A refresh writes the vault before it calls the provider, so that every process is told while it lasts.
func TestChangeDuringARefreshMakesNoRequestWait(t *testing.T) {
	var stored atomic.Int64
	stored.Store(1)
	answer := func(n int, opts authsome.CredentialOptions) (*authsome.Credential, error) {
		if n > 1 && !opts.Stored {
			time.Sleep(10 * time.Second)
			stored.Store(2)
		}
		c := generation(t, int(stored.Load()), time.Hour, time.Hour)
		if stored.Load() == 1 {
			c.FreshUntil = time.Now().Add(time.Minute)
		}
		return c, nil
	}
	ahead(t, answer, func(t *testing.T, m *memory, s *slot, calls func() int64) {
		get(t, m, s)
		time.Sleep(62 * time.Second) // it is being refreshed
		m.review()
		before := time.Now()
		if g := get(t, m, s); g != 1 || time.Since(before) != 0 {
			t.Errorf("got generation %d after %v", g, time.Since(before))
		}
		time.Sleep(20 * time.Second)
		m.review()
		synctest.Wait()
		if g := get(t, m, s); g != 2 || calls() < 3 {
			t.Errorf("got generation %d after %d calls", g, calls())
		}
	})
}

func TestExpiredOnReviewIsFetchedByTheNextRequest(t *testing.T) {
	answer := func(n int, opts authsome.CredentialOptions) (*authsome.Credential, error) {
		if opts.Stored {
			return nil, &authsome.Error{Kind: authsome.KindRefreshFailed}
		}
		return generation(t, n, time.Hour, 2*time.Hour), nil
	}
	ahead(t, answer, func(t *testing.T, m *memory, s *slot, _ func() int64) {
		get(t, m, s)
		m.review()
		synctest.Wait()
		if g := get(t, m, s); g != 3 {
			t.Errorf("got generation %d", g)
		}
	})
}

func TestLoginElsewhereEndsARememberedFailure(t *testing.T) {
	loggedIn := false
	answer := func(n int, _ authsome.CredentialOptions) (*authsome.Credential, error) {
		if !loggedIn {
			return nil, errors.New("not connected")
		}
		return generation(t, n, time.Hour, 2*time.Hour), nil
	}
	ahead(t, answer, func(t *testing.T, m *memory, s *slot, _ func() int64) {
		if _, err := m.get(t.Context(), s); err == nil {
			t.Error("there was a credential")
		}
		loggedIn = true
		m.review()
		get(t, m, s)
	})
}

func TestValuesThatMayLiveAreKnown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, s, _ := remembering(t, func(n int, _ authsome.CredentialOptions) (*authsome.Credential, error) {
			c := generation(t, n, time.Minute, time.Hour)
			c.Value = authsome.NewSecret(string(rune('a' + n)))
			return c, nil
		})
		get(t, m, s)
		time.Sleep(2 * time.Minute)
		get(t, m, s)
		synctest.Wait()
		if live := s.live(); len(live) != 2 || live[0].Generation != 2 || live[1].Generation != 1 {
			t.Errorf("after a renewal %d values are known", len(live))
		}
		time.Sleep(time.Hour + outlive - 90*time.Second) // after the second began
		get(t, m, s)
		synctest.Wait()
		if live := s.live(); len(live) != 2 || live[0].Generation != 3 {
			t.Errorf("after the first has expired %d values are known", len(live))
		}
		for range 20 {
			time.Sleep(time.Minute)
			get(t, m, s)
			synctest.Wait()
		}
		if n := len(s.live()); n != handedOutAtMost {
			t.Errorf("%d values are known", n)
		}
	})
}
