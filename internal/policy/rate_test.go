package policy

import (
	"testing"
	"time"

	"authsome"
)

func TestNoStretchOfTimeHoldsMoreThanTheRate(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	rate, err := ParseRate("3/min", "--rate")
	if err != nil {
		t.Fatal(err)
	}
	h := New(Config{Rates: []Rate{rate}, Now: func() time.Time { return now }}).For("https", "a.test", "443", true)
	ref := authsome.Ref{Provider: "acme", Connection: "work"}
	r, _, _ := requestOf(t, "GET a.test/")
	var sent []time.Time
	for range 600 {
		now = now.Add(time.Second)
		if h.Check(r, ref) == nil {
			sent = append(sent, now)
		}
	}
	if len(sent) != 30 {
		t.Errorf("%d requests in ten minutes, want 30", len(sent))
	}
	for i := 3; i < len(sent); i++ {
		if d := sent[i].Sub(sent[i-3]); d < time.Minute {
			t.Errorf("four requests in %v", d)
		}
	}
	why := h.Check(r, ref)
	if why == nil || why.Status != 429 || why.RetryAfter <= 0 || why.At != "--rate" {
		t.Errorf("the next is %+v", why)
	}
	if why := h.Check(r, authsome.Ref{Provider: "acme", Connection: "home"}); why != nil {
		t.Errorf("another connection is held up: %+v", why)
	}
	if why := h.Check(r, authsome.Ref{}); why != nil {
		t.Errorf("a request without a credential is held up: %+v", why)
	}
}

func TestARateOfOneProviderIsNobodyElses(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	rate, err := ParseRate("acme=1/hour", "--rate")
	if err != nil {
		t.Fatal(err)
	}
	h := New(Config{Rates: []Rate{rate}, Now: func() time.Time { return now }}).For("https", "a.test", "443", true)
	r, _, _ := requestOf(t, "GET a.test/")
	for range 2 {
		if why := h.Check(r, authsome.Ref{Provider: "other"}); why != nil {
			t.Errorf("another provider: %+v", why)
		}
	}
	if why := h.Check(r, authsome.Ref{Provider: "acme"}); why != nil {
		t.Errorf("the first: %+v", why)
	}
	if why := h.Check(r, authsome.Ref{Provider: "acme"}); why == nil || why.RetryAfter != time.Hour {
		t.Errorf("the second: %+v", why)
	}
}

func TestNonsenseIsNoRate(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "5", "/min", "0/min", "-1/min", "5/year", "x/s", "9999999/s", "=5/s", "a b=5/s"} {
		if r, err := ParseRate(s, ""); err == nil {
			t.Errorf("%q is taken for a rate: %+v", s, r)
		}
	}
}

func TestARateGoesOnWithOtherSafePosts(t *testing.T) {
	t.Parallel()
	rate, err := ParseRate("1/hour", "--rate")
	if err != nil {
		t.Fatal(err)
	}
	p := New(Config{Rates: []Rate{rate}, ReadOnly: "--read-only"})
	ref := authsome.Ref{Provider: "acme"}
	r, _, _ := requestOf(t, "GET a.test/")
	if why := p.For("https", "a.test", "443", true).Check(r, ref); why != nil {
		t.Fatalf("the first request: %+v", why)
	}
	target, err := ParseTarget("a.test/search")
	if err != nil {
		t.Fatal(err)
	}
	p = p.Renew(Config{Rates: []Rate{rate}, ReadOnly: "--read-only", SafePosts: []Target{target}})
	if why := p.For("https", "a.test", "443", true).Check(r, ref); why == nil || why.Status != 429 {
		t.Errorf("the second request: %+v", why)
	}
	search, _, _ := requestOf(t, "POST a.test/search")
	if why := p.For("https", "a.test", "443", true).Check(search, authsome.Ref{}); why != nil {
		t.Errorf("a safe POST: %+v", why)
	}
	var none *Policy
	if none.Renew(Config{}) != nil {
		t.Error("no policy becomes one")
	}
}
