package span_test

import (
	"regexp"
	"testing"
	"time"

	"authsome/internal/span"
)

const (
	s = time.Second
	m = time.Minute
	h = time.Hour
	d = 24 * time.Hour
)

func TestWords(t *testing.T) {
	t.Parallel()
	for length, want := range map[time.Duration]string{
		-h: "less than a second", 0: "less than a second", 999 * time.Millisecond: "less than a second",
		s: "1 second", 45 * s: "45 seconds", m - 400*time.Millisecond: "1 minute", m: "1 minute", 90 * s: "90 seconds",
		2*m - 1: "2 minutes", 10 * m: "10 minutes", 10*m + 29*s: "10 minutes", 90 * m: "90 minutes", h - 2*s: "1 hour", h: "1 hour",
		h + 50*m: "110 minutes", 2 * h: "2 hours", 2*h + 30*m: "2 hours 30 minutes", 12*h - s: "12 hours", 12*h + m: "12 hours 1 minute",
		d - s: "1 day", d: "1 day", 26 * h: "26 hours", 2 * d: "2 days", 2*d - s: "2 days", 3*d + 4*h + 5*m: "3 days 4 hours", 7*d - m: "7 days",
		90 * d: "90 days",
	} {
		if got := span.Words(length); got != want {
			t.Errorf("%s: got %q, want %q", length, got, want)
		}
	}
}

func TestShortIsWhatPeopleWrite(t *testing.T) {
	t.Parallel()
	for length, want := range map[time.Duration]string{
		0: "0", 45 * s: "45s", m: "1m", 90 * s: "1m30s", h: "1h", 90 * m: "1h30m", h + s: "1h0m1s", 12 * h: "12h", d: "1d", 7 * d: "7d", 36 * h: "36h",
	} {
		if got := span.Short(length); got != want {
			t.Errorf("%s: got %q, want %q", length, got, want)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"7d": 7 * d, "0d": 0, "0": 0, "12h": 12 * h, "1h30m": 90 * m, "65535d": 65535 * d} {
		if got, err := span.Parse(text); err != nil || got != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "d", "7", "-7d", "-1h", "soon", "7d12h", "65536d", "1.5d"} {
		if got, err := span.Parse(text); err == nil {
			t.Errorf("%q is taken for %s", text, got)
		}
	}
}

func FuzzShortIsReadAgain(f *testing.F) {
	for _, seed := range []time.Duration{0, 1, s, h, 90 * m, 7 * d, 65535 * d, 65536 * d, 1<<63 - 1} {
		f.Add(int64(seed))
	}
	words := regexp.MustCompile(`^(less than a second|\d+ [a-z]+( \d+ [a-z]+)?)$`)
	f.Fuzz(func(t *testing.T, n int64) {
		length := time.Duration(n)
		if !words.MatchString(span.Words(length)) {
			t.Errorf("%d: %q", n, span.Words(length))
		}
		if got, err := span.Parse(span.Short(length)); (err != nil || got != length) && length >= 0 {
			t.Errorf("%d: %s, read as %s, %v", n, span.Short(length), got, err)
		}
	})
}
