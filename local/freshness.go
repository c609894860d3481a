package local

import (
	"time"

	"authsome"
)

// refreshWindow is how long before its expiry an access token is renewed.
const refreshWindow = 300 * time.Second

// rejectionPause is how old a token must be before an API's 401 leads to a refresh, so that an API that answers 401
// for other reasons does not make its caller refresh without end.
const rejectionPause = time.Minute

// freshUntil returns when the token enters its refresh window; the zero time if its expiry is unknown. A token whose
// whole life fits into the window is used until a fifth of that life is left.
func (c *connectionRecord) freshUntil() time.Time {
	return FreshUntil(c.ExpiresAt, time.Duration(c.Lifetime)*time.Second)
}

// FreshUntil returns when a token with this expiry and whole life, if that is known, enters its refresh window; the zero time
// if its expiry is unknown.
func FreshUntil(expiresAt time.Time, life time.Duration) time.Time {
	if expiresAt.IsZero() {
		return time.Time{}
	}
	window := refreshWindow
	if life > 0 && life <= window {
		window = life / 5
	}
	return expiresAt.Add(-window)
}

func (c *connectionRecord) fresh(now time.Time) bool {
	return c.ExpiresAt.IsZero() || now.Before(c.freshUntil())
}

// alive reports whether the access token can be used still, as far as is known.
func (c *connectionRecord) alive(now time.Time) bool {
	return !c.AccessToken.IsZero() && (c.ExpiresAt.IsZero() || now.Before(c.ExpiresAt))
}

// status is the state that a person is told. It follows from what is stored and from the time: nothing needs to be
// written for a token to expire.
func (c *connectionRecord) status(now time.Time) authsome.Status {
	switch {
	case c.Invalid:
		return authsome.StatusInvalid
	case !c.alive(now) && (!c.renewable() || c.Refresh.Reason != ""):
		return authsome.StatusExpired
	default:
		return authsome.StatusConnected
	}
}

// verdict is what is to be done for an access call.
type verdict int

const (
	serve  verdict = iota // the stored credential is good
	renew                 // the token endpoint must be called
	refuse                // it must not be called: the connection is invalid, or has nothing to refresh with
	wait                  // it must not be called yet
)

// decide is the whole rule of docs/refresh.md for a record at one moment. It is applied to what a caller read, and
// again to what is there once the lock is held.
func (c *connectionRecord) decide(opts authsome.CredentialOptions, client *registrationRecord, now time.Time) verdict {
	switch {
	case c.AuthType != authsome.AuthTypeOAuth2:
		return serve
	case opts.Stored && !c.alive(now):
		return refuse
	case opts.Stored, !c.mustRenew(opts, now):
		return serve
	case !c.renewable():
		if c.alive(now) {
			return serve
		}
		return refuse
	case c.Invalid && !c.clientCorrected(client):
		return refuse
	case opts.Background && c.Refresh.coolingDown(now):
		return wait
	default:
		return renew
	}
}

func (c *connectionRecord) mustRenew(opts authsome.CredentialOptions, now time.Time) bool {
	switch {
	case opts.Refresh, !c.fresh(now):
		return true
	case opts.KeepAlive && c.lapsing(now):
		return true
	case !c.Refresh.IntentAt.IsZero(), c.Refresh.AnswerLost:
		// Somebody is refreshing, or died doing so, or got no answer: the token may have been ended, and the refresh token
		// can be sent again only while the provider's grace lasts.
		return true
	case opts.Rejected != 0 && opts.Rejected == c.Generation:
		age := now.Sub(c.ObtainedAt) // negative when the clock has been put back: then nobody knows
		return c.ExpiresAt.IsZero() || age >= rejectionPause || age < 0
	default:
		return false
	}
}

// coolingDown reports whether background callers have to wait. A pause that began in the future was measured by a clock
// that was wrong, and could last for years.
func (s *refreshState) coolingDown(now time.Time) bool {
	return now.Before(s.NextAttemptAt) && !now.Before(s.LastAt)
}

// clientCorrected reports whether the OAuth client is another one than the one that was refused.
func (c *connectionRecord) clientCorrected(client *registrationRecord) bool {
	return c.Refresh.RefusedClient != "" && client != nil && client.fingerprint() != c.Refresh.RefusedClient
}

// coolDown returns when a background caller may try again after the given number of failures in a row: after 1 s,
// doubling up to 5 minutes, and not before the server's Retry-After. jitter is between 0 and 1; it spreads the callers
// over the second half of the pause.
func coolDown(now time.Time, failures int, retryAfter time.Duration, jitter float64) time.Time {
	const shortest, longest = time.Second, 5 * time.Minute
	pause := longest
	if failures < 9 {
		pause = min(longest, shortest<<max(0, failures-1))
	}
	pause = pause/2 + time.Duration(jitter*float64(pause/2))
	return now.Add(max(pause, retryAfter))
}
