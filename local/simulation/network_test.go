package simulation

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// exchange is one request and what becomes of it.
type exchange struct {
	proc      *process
	ask       *ask
	form      url.Values
	answer    *answer     // has arrived
	rotations []*rotation // that it has led to
	over      bool        // nobody listens any more
	abandoned bool        // by the client itself, before the time was up
}

// transport is the network as one process sees it.
type transport struct {
	world *world
	proc  *process
}

// RoundTrip implements [http.RoundTripper].
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	x := &exchange{proc: t.proc, ask: asking(r.Context()), form: form}
	trace := httptrace.ContextClientTrace(r.Context())
	trace.GetConn(r.URL.Host)
	waiting := &turn{kind: toSend, proc: t.proc, ask: x.ask, ctx: r.Context(), exchange: x}
	if err := t.world.park(waiting); err != nil {
		return nil, err
	}
	a := x.answer
	if errors.Is(a.failure, syscall.ECONNREFUSED) {
		return nil, a.failure
	}
	trace.GotConn(httptrace.GotConnInfo{})
	if a.failure != nil {
		return nil, a.failure
	}
	resp := &http.Response{
		StatusCode: a.status, Header: make(http.Header), Request: r, Body: io.NopCloser(strings.NewReader(a.body)),
		ProtoMajor: 1, ProtoMinor: 1,
	}
	if a.status == http.StatusTooManyRequests {
		resp.Header.Set("Retry-After", "30")
	}
	if strings.HasSuffix(a.body, "\x00") { // cut off
		half := a.body[:len(a.body)/2]
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(half), brokenReader{}))
	}
	return resp, nil
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

var (
	errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	errReset   = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
)

// fate is what the network does to a request.
type fate int

const (
	arrives       fate = iota
	slow               // both ways take seconds
	refusedToDial      // nobody listens
	busy               // the server has no time
	requestLost        // and silence, until the client's time is up
	requestReset
	answerLost
	answerReset
	answerCut
	answerGateway // 502 of something in between
	answerPage    // a web page in its place
	doubled       // the request arrives twice, the first answer counts
	doubledLast   // the second one does
	delayed       // the request is late, maybe by minutes
	fates
)

func (f fate) String() string {
	return [...]string{
		"arrives", "slow", "refused to dial", "busy", "request lost", "request reset", "answer lost", "answer reset",
		"answer cut", "answered by a gateway", "answered by a page", "doubled", "doubled, second answer", "delayed",
	}[f]
}

// send puts a request on the wire.
func (w *world) send(t *turn) {
	x := t.exchange
	f := arrives
	if !w.calm && w.chance(w.badNetwork) {
		f = w.fates[w.rng.IntN(len(w.fates))]
	}
	w.tracef("  sends %s: %s", describe(x.form), f)
	w.mix(uint64(f))
	there, back := w.latency(f == slow), w.latency(f == slow)
	deliver := func(after time.Duration, world bool, change func(*answer) *answer) {
		w.mail(after, func() { w.deliver(x, world, back, change) })
	}
	pass := func(a *answer) *answer { return a }
	lost := func(*answer) *answer { return nil }
	instead := func(other answer) func(*answer) *answer {
		return func(*answer) *answer { return &other }
	}
	switch f {
	case refusedToDial:
		w.mail(there, func() { x.hear(&answer{failure: errRefused, clear: true}) })
	case busy:
		status := []int{503, 429, 500}[w.rng.IntN(3)]
		w.mail(there+back, func() { x.hear(&answer{status: status, clear: true}) })
	case requestLost:
	case requestReset:
		w.mail(there, func() { x.hear(&answer{failure: errReset}) })
	case answerLost:
		deliver(there, false, lost)
	case answerReset:
		deliver(there, false, instead(answer{failure: errReset}))
	case answerCut:
		deliver(there, false, func(a *answer) *answer {
			return &answer{status: a.status, body: a.body + "\x00", clear: a.status >= 500}
		})
	case answerGateway:
		deliver(there, false, instead(answer{status: 502}))
	case answerPage:
		deliver(there, false, instead(answer{status: 200, body: "<html>"}))
	case doubled, doubledLast:
		second := there + w.latency(w.chance(0.3))
		changes := [2]func(*answer) *answer{pass, lost}
		if f == doubledLast {
			changes = [2]func(*answer) *answer{lost, pass}
		}
		deliver(there, false, changes[0])
		deliver(second, true, changes[1])
	case delayed:
		deliver(w.span(time.Second, 5*time.Minute), false, pass)
	default:
		deliver(there, false, pass)
	}
	t.kind = toListen
}

func (w *world) latency(slow bool) time.Duration {
	if slow {
		return w.span(time.Second, 12*time.Second)
	}
	return w.span(time.Millisecond, 200*time.Millisecond)
}

// deliver gives a request to the server and puts the answer, or what change makes of it, on the wire.
func (w *world) deliver(x *exchange, world bool, back time.Duration, change func(*answer) *answer) {
	late := x.over && !x.abandoned
	a := w.server.token(x.form, world || late)
	w.tracef("  server: %s: %d %s", describe(x.form), a.status, a.body)
	passed := change(a)
	if r := a.rotation; r != nil {
		x.rotations = append(x.rotations, r)
		r.faulty = world || late || passed == nil || passed.rotation == nil
	}
	if passed != nil {
		w.mail(back, func() { x.hear(passed) })
	}
}

// hear is the arrival of an answer.
func (x *exchange) hear(a *answer) {
	switch {
	case x.answer == nil && !x.over:
		x.answer = a
	case a.rotation != nil && !x.abandoned:
		a.rotation.faulty = true
	}
}

// end is when nobody listens any more. But for the client's own doing, what was issued is lost by a fault of the world.
func (x *exchange) end(err error) {
	x.over = true
	x.abandoned = errors.Is(err, context.Canceled)
	if err == nil || x.abandoned {
		return
	}
	for _, r := range x.rotations {
		r.faulty = true
	}
}

func describe(form url.Values) string {
	return form.Get("grant_type") + " " + form.Get("refresh_token") + form.Get("code")
}
