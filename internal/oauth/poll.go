package oauth

import (
	"context"
	"errors"
	"time"
)

const (
	// slowDown is what each slow_down adds to the interval for good, RFC 8628 section 3.5.
	slowDown = 5 * time.Second
	// maxBackOff bounds the wait after requests that failed, unless the interval is longer anyway.
	maxBackOff = time.Minute
)

// AwaitDeviceToken asks for the token of a device until the person has decided, RFC 8628 sections 3.4 and 3.5. It polls
// no faster than the server allows. Failures of the network and of the server's health make it wait longer each time,
// and end nothing. It ends with the token, with an [Error] whose Code is the server's (access_denied, expired_token),
// with expired_token also when the codes have expired by our clock, or soon after ctx has ended.
func (c *Client) AwaitDeviceToken(ctx context.Context, d *DeviceAuthorization) (*Token, error) {
	p := pace{interval: d.Interval}
	if p.interval <= 0 {
		p.interval = defaultInterval
	}
	var last error
	for {
		wait := p.next()
		if !c.now().Add(wait).Before(d.ExpiresAt) {
			return nil, &Error{Class: ClassGrant, Code: "expired_token", Reason: "expired_token", Err: last, op: opDeviceToken}
		}
		if err := sleep(ctx, wait); err != nil {
			return nil, stopped(err)
		}
		token, err := c.deviceToken(ctx, d.DeviceCode, d.scopes)
		if err == nil {
			return token, nil
		}
		if ctx.Err() != nil {
			return nil, stopped(ctx.Err())
		}
		e, ok := errors.AsType[*Error](err)
		if !ok || !p.goesOn(e) {
			return nil, err
		}
		last = e
	}
}

// pace says when to poll next.
type pace struct {
	interval   time.Duration
	failures   int           // in a row
	retryAfter time.Duration // as the server asked for last
}

// goesOn takes the outcome of a poll into account, and reports whether there is to be another one.
func (p *pace) goesOn(e *Error) bool {
	p.retryAfter = e.RetryAfter
	switch {
	case e.Code == "authorization_pending":
		p.failures = 0
	case e.Code == "slow_down":
		p.failures = 0
		p.interval += slowDown
	case e.Class == ClassTransient, e.Class == ClassAmbiguous:
		p.failures++
	default:
		return false
	}
	return true
}

// next returns how long to wait: the interval, doubled for each failure in a row.
func (p *pace) next() time.Duration {
	wait := p.interval
	for range p.failures {
		if wait >= maxBackOff {
			break
		}
		wait = min(2*wait, maxBackOff)
	}
	return max(wait, p.retryAfter)
}

// sleep waits, and fails when ctx ends before.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// stopped is the error of a wait that its caller has ended.
func stopped(err error) *Error {
	return &Error{Class: ClassTransient, Reason: networkReason(err), Err: err, op: opDeviceToken}
}
