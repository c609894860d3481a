package proxy

import (
	"slices"
	"sync/atomic"
	"time"

	"authsome"
)

const (
	// handedOutAtMost bounds how many values of one connection are known at a time.
	handedOutAtMost = 8
	// outlive is how long a value that was replaced, and of which nobody knows when it expires, is taken to live on. It is
	// also how much longer than it should another one may: clocks differ, and an answer may take its time.
	outlive = time.Hour
)

// handedOut are the values of one connection that requests may have been sent with and that may be alive still: the
// present one, and those before it until they have expired. Whoever looks for secrets in answers must know them all.
type handedOut struct{ list atomic.Pointer[[]used] }

// used is a value with the end of its life.
type used struct {
	cred  *authsome.Credential
	until time.Time // zero: it is the present one
}

// add puts the present value in front. Calls must not overlap.
func (h *handedOut) add(cred *authsome.Credential, now time.Time) {
	next := []used{{cred: cred}}
	for _, u := range h.load() {
		if u.cred.Value.Equal(cred.Value) {
			continue
		}
		if u.until.IsZero() {
			u.until = now.Add(outlive)
			if e := u.cred.ExpiresAt; !e.IsZero() {
				u.until = e.Add(outlive)
			}
		}
		if now.Before(u.until) {
			next = append(next, u)
		}
	}
	next = slices.Clip(next[:min(len(next), handedOutAtMost)])
	h.list.Store(&next)
}

func (h *handedOut) load() []used {
	if list := h.list.Load(); list != nil {
		return *list
	}
	return nil
}

// live returns the credentials that requests may have been sent with and that may be alive, the present one first. What
// it returns is not written to; it may be called while requests wait.
func (s *slot) live() []*authsome.Credential {
	list := s.handedOut.load()
	out := make([]*authsome.Credential, len(list))
	for i, u := range list {
		out[i] = u.cred
	}
	return out
}
