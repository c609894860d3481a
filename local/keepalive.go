package local

import (
	"context"
	"time"

	"authsome"
)

// retryKeepAlive is how long a refresh that keeps a login waits for the next attempt, where there is so much time.
const retryKeepAlive = time.Hour

// KeepAlive refreshes logins that disuse would end, in all profiles, one after the other and by the path of every other
// refresh, so that of several processes one does it.
func (l *Layer) KeepAlive(ctx context.Context) (next time.Time, err error) {
	profiles, err := l.ListProfiles(ctx)
	if err != nil {
		return time.Time{}, err
	}
	for _, profile := range profiles {
		holdings, err := l.readAll(ctx, profile)
		if err != nil {
			return time.Time{}, err
		}
		for _, name := range sortedNames(holdings) {
			for _, connection := range sortedNames(holdings[name].connections) {
				if err := ctx.Err(); err != nil {
					return time.Time{}, err
				}
				at := l.keep(ctx, holdings[name].connections[connection])
				if next.IsZero() || !at.IsZero() && at.Before(next) {
					next = at
				}
			}
		}
	}
	return next, nil
}

// keep does what is due for one connection, and returns when to look at it again; the zero time if nothing is expected.
func (l *Layer) keep(ctx context.Context, c *connectionRecord) time.Time {
	now := l.now()
	if c.lapsing(now) && !c.Refresh.coolingDown(now) {
		_, _, kept, _, err := l.access(ctx, c.ref, authsome.CredentialOptions{KeepAlive: true, Background: true})
		if err != nil {
			l.log.Debug("a login that is about to lapse cannot be refreshed", "connection", c.ref.String(), "err", err)
		}
		if kept == nil {
			return time.Time{}
		}
		c = kept
	} else {
		l.notice(ctx, c)
	}
	return c.lookAgainAt(l.now(), l.notifyBefore)
}

// lookAgainAt returns the next moment at which something becomes due by itself.
func (c *connectionRecord) lookAgainAt(now time.Time, before time.Duration) time.Time {
	by, _ := c.loginNeededBy()
	if c.lapsing(now) { // and it could not be refreshed: there will be time for some more attempts, but not for hundreds
		again := min(retryKeepAlive, by.Sub(now)/8)
		if c.Refresh.coolingDown(now) {
			again = max(again, c.Refresh.NextAttemptAt.Sub(now))
		}
		return now.Add(again)
	}
	next := c.keepAliveAt()
	if by.IsZero() || c.Invalid {
		return next
	}
	for _, at := range []time.Time{c.expiringAt(by, before), by} {
		if at.After(now) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}
