package oauth

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"authsome"
)

const (
	// maxLifetime bounds what a server may claim: 68 years, the number of seconds that fits 31 bits.
	maxLifetime = math.MaxInt32 * time.Second
	// firstMilli tells milliseconds since 1970 from seconds: as seconds it is the year 5138, as milliseconds 1973.
	firstMilli = 1e11
)

// accessExpiry returns when the access token expires and how long it lives; zero where nobody knows. The relative
// expires_in goes before the absolute expires_at, which depends on two clocks; an absolute time that is past already
// shows but that they differ.
func (c *Client) accessExpiry(m members, sent time.Time) (time.Time, time.Duration) {
	if d, known := lifetime(m["expires_in"]); known {
		return after(sent, d), d
	}
	if at, known := instant(m["expires_at"]); known && at.After(sent) {
		d := min(at.Sub(sent), maxLifetime)
		return sent.Add(d), d
	}
	d := seconds(float64(c.Provider.DefaultExpiresIn))
	return after(sent, d), d
}

// refreshExpiry returns when the refresh token lapses, and whether the server has said so. The definition's lifetime counts
// when a refresh token came without one, or when its use is what it counts from.
func (c *Client) refreshExpiry(m members, sent time.Time) (at time.Time, said bool) {
	for _, name := range []string{"refresh_token_expires_in", "x_refresh_token_expires_in", "refresh_expires_in"} {
		if d, known := lifetime(m[name]); known {
			return after(sent, d), true
		}
	}
	if at, known := instant(m["refresh_token_expires_at"]); known && at.After(sent) {
		return sent.Add(min(at.Sub(sent), maxLifetime)), true
	}
	if m.text("refresh_token") == "" && c.Provider.RefreshLife != authsome.RefreshLifeSliding {
		return time.Time{}, false
	}
	return after(sent, seconds(float64(c.Provider.RefreshExpiresIn))), false
}

// after returns the end of a lifetime; one of 0 has none.
func after(sent time.Time, d time.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return sent.Add(d)
}

// lifetime reads a number of seconds: a JSON number, also with a fraction, or the same as text. 0 stands for ever
// (Mailchimp). null, negative numbers and other text say nothing.
func lifetime(v any) (d time.Duration, known bool) {
	f, ok := number(v)
	if !ok || f < 0 {
		return 0, false
	}
	return seconds(f), true
}

func seconds(f float64) time.Duration {
	if f >= maxLifetime.Seconds() {
		return maxLifetime
	}
	return time.Duration(f * float64(time.Second))
}

// instant reads a point in time: seconds or milliseconds since 1970, as a number or as text, or ISO 8601.
func instant(v any) (at time.Time, known bool) {
	if f, ok := number(v); ok {
		if f <= 0 {
			return time.Time{}, false
		}
		if f < firstMilli {
			f *= 1000
		}
		return time.UnixMilli(int64(min(f, 1e15))).UTC(), true
	}
	s, _ := v.(string)
	for _, layout := range []string{
		time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z07:00", time.DateTime, "2006-01-02T15:04:05",
	} {
		if t, err := time.Parse(layout, strings.TrimSpace(s)); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// number reads a finite number, or one too large for a float as the largest.
func number(v any) (float64, bool) {
	var s string
	switch v := v.(type) {
	case json.Number:
		s = v.String()
	case string:
		s = strings.TrimSpace(v)
	default:
		return 0, false
	}
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return !strings.ContainsRune("0123456789+-.eE", r) }) {
		return 0, false // ParseFloat knows words and hexadecimal, too
	}
	f, err := strconv.ParseFloat(s, 64)
	if errors.Is(err, strconv.ErrRange) {
		return max(-math.MaxFloat64, min(f, math.MaxFloat64)), true
	}
	return f, err == nil
}

// clockSkew compares the answer's Date header with the time the request was sent.
func (a *answer) clockSkew() time.Duration {
	date, err := http.ParseTime(a.header.Get("Date"))
	if err != nil {
		return 0
	}
	return date.Sub(a.sentAt)
}
