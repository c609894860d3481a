package local

import (
	"context"
	"time"

	"authsome"
)

// defaultNotifyBefore is how long before its end a login is spoken of: a week has a working day in it.
const defaultNotifyBefore = 7 * 24 * time.Hour

// sameDate is how far apart two ends of a login are still one: providers count down in whole seconds and more.
const sameDate = time.Hour

// noticed is what a person was last told of a connection. It is part of the record, and is written under the connection's
// lock before anybody is told, so that of all processes one tells.
type noticed struct {
	Name authsome.NoticeName `json:"name,omitempty"` // empty: nothing, or that all is well again
	By   time.Time           `json:"by,omitzero"`    // the date, for an end that lies ahead
}

// condition is what a person would be told of the record now.
func (c *connectionRecord) condition(now time.Time, before time.Duration) noticed {
	by, _ := c.loginNeededBy()
	switch {
	case c.Invalid, !c.alive(now) && !c.renewable():
		return noticed{Name: authsome.NoticeDied}
	case !by.IsZero() && !now.Before(c.expiringAt(by, before)):
		return noticed{Name: authsome.NoticeExpiring, By: by}
	default:
		return noticed{}
	}
}

// expiringAt is when the end of a login comes near.
func (c *connectionRecord) expiringAt(by time.Time, before time.Duration) time.Time {
	return by.Add(-min(before, c.wholeLife()/4))
}

// news is what a person is to be told who knows the one and not yet the other.
func (was noticed) news(is noticed) []authsome.NoticeName {
	var names []authsome.NoticeName
	switch {
	case was.same(is):
		return nil
	case was.Name == authsome.NoticeDied, was.Name != "" && is.Name == "":
		names = append(names, authsome.NoticeRecovered)
	}
	if is.Name != "" {
		names = append(names, is.Name)
	}
	return names
}

func (was noticed) same(is noticed) bool {
	apart := is.By.Sub(was.By)
	return was.Name == is.Name && apart < sameDate && -apart < sameDate
}

// notice tells the notifier what has become of a record, in the background, if that is news. ctx may end: what is known has
// to be told all the same.
func (l *Layer) notice(ctx context.Context, c *connectionRecord) {
	if l.notifier == nil || c == nil || c.Noticed.same(c.condition(l.now(), l.notifyBefore)) {
		return
	}
	ctx = context.WithoutCancel(ctx)
	l.inFlight.Go(func() {
		for _, n := range l.claimNews(ctx, c) {
			l.tell(ctx, n)
		}
	})
}

// claimNews marks what is news about a connection as told, and returns it. Whoever comes second finds nothing.
func (l *Layer) claimNews(ctx context.Context, seen *connectionRecord) []authsome.Notice {
	ref := seen.ref
	unlock, err := l.lock(ctx, ref)
	if err != nil {
		l.log.Debug("a notice waits for the next look", "connection", ref.String(), "err", err)
		return nil
	}
	defer unlock()
	c, err := l.again(ctx, seen)
	if err != nil {
		return nil // it has gone
	}
	now := l.now()
	is := c.condition(now, l.notifyBefore)
	names := c.Noticed.news(is)
	if len(names) == 0 {
		return nil
	}
	c.Noticed = is
	if err := l.store(ctx, c); err != nil {
		l.log.Debug("a notice waits for the next look", "connection", ref.String(), "err", err)
		return nil
	}
	all := make([]authsome.Notice, len(names))
	for i, name := range names {
		all[i] = c.noticeOf(name, now)
	}
	return all
}

func (c *connectionRecord) noticeOf(name authsome.NoticeName, now time.Time) authsome.Notice {
	n := authsome.Notice{Name: name, Ref: c.ref, Time: now.UTC(), Status: c.status(now)}
	n.LoginNeededBy, n.LoginNeededSource = c.loginNeededBy()
	if name != authsome.NoticeRecovered {
		n.Hint = "authsome login " + c.arguments() + " --force"
	}
	if name == authsome.NoticeDied {
		failure := c.failure()
		n.Reason, n.Hint = failure.Reason, failure.Hint
	}
	return n
}

// tell runs the notifier and records what came of it.
func (l *Layer) tell(ctx context.Context, n authsome.Notice) {
	reason := ""
	if err := l.notifier(ctx, n); err != nil {
		reason = err.Error()
		l.log.Warn("nobody could be notified", "event", string(n.Name), "connection", n.Ref.String(), "err", err)
	}
	l.record(authsome.EventNotify, n.Ref, reason, map[string]string{"notice": string(n.Name)})
}
