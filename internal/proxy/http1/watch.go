package http1

import (
	"context"
	"sync"
	"time"
)

// watchAfter is how long a response may take before somebody looks whether the client is still there.
const watchAfter = 100 * time.Millisecond

// watch notices that a client has gone while its request is being served. It waits for the first byte of the next
// request, which the connection has to do anyway, and so never reads what belongs to somebody else: it begins when the
// request's body has been read to its end.
type watch struct {
	c      *conn
	cancel context.CancelFunc

	mu       sync.Mutex // guards all below
	timer    *time.Timer
	ticking  bool          // the timer runs; it is not stopped and set for each of many short requests
	began    time.Time     // when the request came
	active   bool          // a request is being served
	due      bool          // it takes long
	bodyRead bool          // nobody else reads from the connection
	aborted  bool          // the end of the waiting tells nothing about the client
	waiting  chan struct{} // closed when the first byte of the next request is there, or an error; nil if not begun
}

func (w *watch) init(c *conn, cancel context.CancelFunc) { w.c, w.cancel = c, cancel }

// start begins to count the time of a request.
func (w *watch) start(bodyRead bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.active, w.due, w.bodyRead, w.waiting, w.began = true, false, bodyRead, nil, time.Now()
	if !w.ticking {
		w.tick(watchAfter)
	}
}

// tick has somebody look after a while how long the request takes. The mutex is held.
func (w *watch) tick(after time.Duration) {
	w.ticking = true
	if w.timer == nil {
		w.timer = time.AfterFunc(after, w.look)
	} else {
		w.timer.Reset(after)
	}
}

// look starts the waiting when the request takes long, and comes again for a request that is younger than the timer.
func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ticking = false
	if !w.active {
		return
	}
	if left := watchAfter - time.Since(w.began); left > 0 {
		w.tick(left)
		return
	}
	w.due = true
	w.wait()
}

// bodyEnded tells that the request's body has been read.
func (w *watch) bodyEnded() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bodyRead = true
	w.wait()
}

// wait begins to wait if it is time to. The mutex is held.
func (w *watch) wait() {
	if !w.active || !w.due || !w.bodyRead || w.waiting != nil {
		return
	}
	done := make(chan struct{})
	w.waiting = done
	go func() {
		defer close(done)
		_, err := w.c.in.Peek(1)
		w.mu.Lock()
		defer w.mu.Unlock()
		if err != nil && !w.aborted {
			w.cancel()
		}
	}()
}

// finish ends the watch over a request that has been answered, and reports whether the connection still lives. When the
// waiting has begun, it goes on to its end.
func (w *watch) finish() bool {
	if waiting := w.end(); waiting != nil {
		<-waiting
	}
	return w.c.ctx.Err() == nil
}

// stop ends the watch of a connection that takes no further request; closing the connection ends the waiting.
func (w *watch) stop() { w.end() }

// release ends the timer with the connection.
func (w *watch) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
	}
}

// abort ends the watch and the waiting, so that somebody else can read from the connection.
func (w *watch) abort() error {
	w.mu.Lock()
	w.aborted = true
	w.mu.Unlock()
	waiting := w.end()
	if waiting == nil {
		return nil
	}
	if err := w.c.rwc.SetReadDeadline(time.Unix(1, 0)); err != nil {
		return err
	}
	<-waiting
	return w.c.rwc.SetReadDeadline(time.Time{})
}

func (w *watch) end() (waiting chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.active = false
	return w.waiting
}

// idle reports whether nothing waits on the connection's buffers.
func (w *watch) idle() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting == nil {
		return !w.active
	}
	select {
	case <-w.waiting:
		return !w.active
	default:
		return false
	}
}
