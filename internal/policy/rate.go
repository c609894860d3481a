package policy

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"authsome"
	"authsome/internal/span"
)

// maxRate bounds the number in a rate: that many moments are remembered of each connection.
const maxRate = 100_000

// Rate says how many requests may go out with the credential of one connection in any stretch of time of the given length.
type Rate struct {
	Provider authsome.ProviderName // whose connections it is about; empty: everybody's
	Requests int
	Per      time.Duration
	text, at string
}

// ParseRate parses "N/UNIT" or "PROVIDER=N/UNIT". UNIT is s, min, hour or day, or another usual name of those.
func ParseRate(s, at string) (Rate, error) {
	r := Rate{text: s, at: at}
	rest := s
	if name, after, ok := strings.Cut(s, "="); ok {
		r.Provider, rest = authsome.ProviderName(name), after
		if err := r.Provider.Validate(); err != nil {
			return Rate{}, fmt.Errorf("rate %q: %w", s, err)
		}
	}
	number, unit, _ := strings.Cut(rest, "/")
	var err error
	if r.Requests, err = strconv.Atoi(number); err != nil || r.Requests < 1 || r.Requests > maxRate {
		return Rate{}, fmt.Errorf("rate %q: it is to be N/min, with N from 1 to %d", s, maxRate)
	}
	if r.Per, err = parseUnit(unit); err != nil {
		return Rate{}, fmt.Errorf("rate %q: %w", s, err)
	}
	return r, nil
}

func parseUnit(s string) (time.Duration, error) {
	switch s {
	case "s", "sec", "second":
		return time.Second, nil
	case "m", "min", "minute":
		return time.Minute, nil
	case "h", "hour":
		return time.Hour, nil
	case "d", "day":
		return 24 * time.Hour, nil
	}
	return 0, errors.New("the unit is to be s, min, hour or day")
}

// String returns the rate as it was written.
func (r Rate) String() string { return r.text }

// At returns where the rate stands.
func (r Rate) At() string { return r.at }

// limiter counts the requests of each connection.
type limiter struct {
	rates []Rate
	now   func() time.Time

	mu      sync.Mutex // guards all below
	windows map[authsome.Ref][]*window
}

// window remembers when the last requests of a connection went out. It is exact: no stretch of time of the rate's length ever
// holds more requests than the rate has.
type window struct {
	rate  Rate
	times []time.Time // a ring
	next  int
}

// take counts a request, or says when the next one may be tried. A request that is refused does not count.
func (l *limiter) take(ref authsome.Ref) *Denial {
	if len(l.rates) == 0 || ref.Provider == "" {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	windows := l.of(ref)
	now := l.now()
	for _, w := range windows {
		if wait := w.wait(now); wait > 0 {
			return w.rate.exceeded(ref, wait)
		}
	}
	for _, w := range windows {
		w.add(now)
	}
	return nil
}

func (l *limiter) of(ref authsome.Ref) []*window {
	if windows, ok := l.windows[ref]; ok {
		return windows
	}
	if l.windows == nil {
		l.windows = make(map[authsome.Ref][]*window)
	}
	var windows []*window
	for _, r := range l.rates {
		if r.Provider == "" || r.Provider == ref.Provider {
			windows = append(windows, &window{rate: r})
		}
	}
	l.windows[ref] = windows
	return windows
}

// wait returns how long the next request must wait.
func (w *window) wait(now time.Time) time.Duration {
	if len(w.times) < w.rate.Requests {
		return 0
	}
	return w.times[w.next].Add(w.rate.Per).Sub(now)
}

func (w *window) add(now time.Time) {
	if len(w.times) < w.rate.Requests {
		w.times = append(w.times, now)
		return
	}
	w.times[w.next] = now
	w.next = (w.next + 1) % len(w.times)
}

func (r Rate) exceeded(ref authsome.Ref, wait time.Duration) *Denial {
	return &Denial{
		Status: http.StatusTooManyRequests, Reason: "rate", Rule: "rate " + r.text, At: r.at, RetryAfter: wait,
		Message: fmt.Sprintf("this run sends no more than %s as %s; the next request may go in %s", r.text, ref, span.Words(time.Duration(Seconds(wait))*time.Second)),
	}
}

// Seconds returns a duration in whole seconds, rounded up, as Retry-After counts it (RFC 9110 section 10.2.3).
func Seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }
