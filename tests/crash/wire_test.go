package crash_test

import (
	"bytes"
	"io"
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

// wire lets token requests and answers take time, as a network does, and knows how far the last one has come. It keeps
// their order: a server that comes to the request of a dead process after that of a later one ends the token that the
// later one has stored, which no client can know before the API refuses it.
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
	// The body is read before the wait: only then does the server notice that the client has died.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	w.busy.Lock()
	defer w.busy.Unlock()
	if r.Context().Err() != nil {
		return // overtaken by the request of a later process: the network has lost this one
	}
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
