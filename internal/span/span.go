// Package span reads and writes lengths of time as people do. Use [Words] in a sentence, and [Parse] for what a person has
// written, for which [Short] is the inverse.
package span

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// Words says how long something takes, as precisely as a person who waits for it wants to know: "45 seconds", "90 minutes", "1 hour",
// "12 hours 30 minutes", "3 days 4 hours". What is less than nothing is less than a second.
func Words(d time.Duration) string {
	switch {
	case d < time.Second:
		return "less than a second"
	case d < 2*time.Minute:
		d = d.Round(time.Second)
	case d < 2*day:
		d = d.Round(time.Minute)
	default:
		d = d.Round(time.Hour)
	}
	switch {
	case d >= 2*day || d%day == 0:
		return count(d/day, "day") + and(d%day/time.Hour, "hour")
	case d >= 2*time.Hour || d%time.Hour == 0:
		return count(d/time.Hour, "hour") + and(d%time.Hour/time.Minute, "minute")
	case d >= 2*time.Minute || d%time.Minute == 0:
		return count(d/time.Minute, "minute")
	default:
		return count(d/time.Second, "second")
	}
}

func count(n time.Duration, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}

func and(n time.Duration, unit string) string {
	if n == 0 {
		return ""
	}
	return " " + count(n, unit)
}

// Parse reads a length of time in days ("7d"), or as [time.ParseDuration] does ("12h", "1h30m"). It fails for one that is less than
// nothing.
func Parse(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16) // of which a Duration holds all
		d = time.Duration(n) * day
	}
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is no duration; 7d and 12h are", s)
	}
	return d, nil
}

// Short writes a length of time exactly, and as [Parse] reads it: "7d", "12h", "1h30m", "0".
func Short(d time.Duration) string {
	if n := d / day; n > 0 && d%day == 0 && n < 1<<16 {
		return fmt.Sprintf("%dd", n)
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	if s == "0s" {
		return "0"
	}
	return s
}
