package crash_test

import (
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"time"

	"authsome/internal/authserver"
)

// phase is how far the token request of a process has come.
type phase int32

const (
	notSent phase = iota
	sent          // the request has arrived and is not processed
	rotated       // the refresh token is used up, the answer is on its way
	answered
	phases
)

func (p phase) String() string {
	return [...]string{"before the request", "request under way", "answer under way", "after the answer"}[p]
}

// wire lets token requests and answers take time, as a network does, and knows how far the last one has come.
type wire struct {
	server http.Handler
	phase  atomic.Int32
	busy   sync.Mutex // held by each request: one that is late must not end the tokens of the next
}

// slowest is the longest time that one direction takes.
const slowest = 4 * time.Millisecond

func (w *wire) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.URL.Path != authserver.PathToken {
		w.server.ServeHTTP(rw, r)
		return
	}
	w.busy.Lock()
	defer w.busy.Unlock()
	w.phase.Store(int32(sent))
	time.Sleep(rand.N(slowest))
	answer := httptest.NewRecorder()
	w.server.ServeHTTP(answer, r)
	w.phase.Store(int32(rotated))
	time.Sleep(rand.N(slowest))
	for name, values := range answer.Header() {
		rw.Header()[name] = values
	}
	rw.WriteHeader(answer.Code)
	_, _ = rw.Write(answer.Body.Bytes())
	w.phase.Store(int32(answered))
}

// reset waits for the request of a process that is dead, and forgets it.
func (w *wire) reset() {
	w.busy.Lock()
	defer w.busy.Unlock()
	w.phase.Store(int32(notSent))
}
