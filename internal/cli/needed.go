package cli

import (
	"fmt"
	"time"

	"authsome"
	"authsome/local"
)

// loginNow is when a person has to log in to what has ended.
const loginNow = "now"

// loginNeeded says in a few words when a person has to log in again; nothing if nobody knows.
func loginNeeded(c authsome.Connection) string {
	switch {
	case c.Status != authsome.StatusConnected && (c.Status == authsome.StatusInvalid || !c.Refreshable):
		return loginNow
	case c.LoginNeededBy.IsZero():
		return ""
	default:
		return "by " + c.LoginNeededBy.UTC().Format(time.DateOnly)
	}
}

// loginCommand is what a person types to log in again.
func loginCommand(c *authsome.Connection) string {
	return "authsome login " + local.ArgumentsOf(*c) + " --force"
}

// tally counts connections by status, and finds the next login that is due.
type tally struct {
	counts map[authsome.Status]int
	next   authsome.Connection // zero: none is known
}

func count(all []authsome.Connection) tally {
	t := tally{counts: make(map[authsome.Status]int)}
	for _, c := range all {
		t.counts[c.Status]++
		if c.Status != authsome.StatusConnected || c.LoginNeededBy.IsZero() {
			continue
		}
		if t.next.LoginNeededBy.IsZero() || c.LoginNeededBy.Before(t.next.LoginNeededBy) {
			t.next = c
		}
	}
	return t
}

// byStatus is the counts as an object; each status is there, so that scripts need not ask whether it is.
func (t tally) byStatus() object {
	var o object
	for _, s := range []authsome.Status{authsome.StatusConnected, authsome.StatusExpired, authsome.StatusInvalid} {
		o = append(o, member{string(s), t.counts[s]})
	}
	return o
}

// nextLogin is null while nobody knows of one.
func (t tally) nextLogin() any {
	if t.next.LoginNeededBy.IsZero() {
		return nil
	}
	return object{
		{"login_needed_by", t.next.LoginNeededBy},
		{"login_needed_source", t.next.LoginNeededSource},
		{"provider", t.next.Provider},
		{"connection", t.next.Ref.Connection},
	}
}

// members is the tally as whoami shows it.
func (t tally) members(forPrograms bool) object {
	if forPrograms {
		return object{{"by_status", t.byStatus()}, {"next_login", t.nextLogin()}}
	}
	var o object
	for _, m := range t.byStatus() {
		if m.value != 0 {
			o = append(o, member{m.name, m.value})
		}
	}
	if by := t.next.LoginNeededBy; !by.IsZero() {
		o = append(o, member{"login needed", fmt.Sprintf("%s for %s", by.UTC().Format(time.RFC3339), t.next.Ref)})
	}
	return o
}
