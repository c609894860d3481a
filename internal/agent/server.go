package agent

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

const (
	// maxConns is how many clients are heard at once. The one that has waited longest makes room for the next.
	maxConns = 32
	// slowness is how long a client may take for a request, and to read the answer.
	slowness = 5 * time.Second
	// mostAsleep is how long at most the agent does not look at the clock, which may have been moved.
	mostAsleep = 15 * time.Second
)

// server answers clients about the keys of a keyring.
type server struct {
	keys     *keyring
	gate     *gate // nil: nobody is asked
	identify func(net.Conn) (Caller, error)
	buffers  *memory // slot n belongs to the client that has taken n from free
	free     chan int

	locked chan struct{} // has an element once somebody has locked

	mu      sync.Mutex // guards the clients
	clients []*client  // the one that came first, first
	closed  bool
	working sync.WaitGroup
}

// client is a connection and what is known about it.
type client struct {
	net.Conn
	who  Caller
	slot int
	busy bool // a person is being asked on its behalf; guarded by the server's mutex
}

func newServer(keys *keyring, g *gate, identify func(net.Conn) (Caller, error)) (*server, error) {
	m, err := newMemory(maxConns)
	if err != nil {
		return nil, err
	}
	s := &server{keys: keys, gate: g, identify: identify, buffers: m, free: make(chan int, maxConns), locked: make(chan struct{}, 1)}
	for n := range maxConns {
		s.free <- n
	}
	return s, nil
}

// serve answers whoever comes through a listener until that is closed or ctx ends.
func (s *server) serve(ctx context.Context, l net.Listener) {
	for ctx.Err() == nil {
		conn, err := l.Accept()
		if err == nil {
			s.admit(ctx, conn)
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		select { // too many open files, perhaps: others may close some
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// admit hears a client, unless it is a stranger, who gets no answer.
func (s *server) admit(ctx context.Context, conn net.Conn) {
	who, err := s.identify(conn)
	if err != nil {
		_ = conn.Close()
		return
	}
	c := &client{Conn: conn, who: who, slot: s.room()}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = conn.Close()
		s.free <- c.slot
		return
	}
	s.clients = append(s.clients, c)
	s.working.Go(func() {
		s.hear(ctx, c)
		s.dismiss(c)
	})
}

// room returns a buffer that nobody has, if need be that of the client that has been here longest. Those for whom a person
// is asked are few and stay.
func (s *server) room() int {
	select {
	case n := <-s.free:
		return n
	default:
	}
	s.mu.Lock()
	for _, c := range s.clients {
		if !c.busy {
			_ = c.Close() // its goroutine gives the buffer back at once
			break
		}
	}
	s.mu.Unlock()
	return <-s.free
}

func (s *server) dismiss(c *client) {
	_ = c.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.clients {
		if s.clients[i] == c {
			s.clients = append(s.clients[:i], s.clients[i+1:]...)
			break
		}
	}
	clear(s.buffers.slot(c.slot))
	s.free <- c.slot
}

// close sends everybody away and gives the memory back.
func (s *server) close() error {
	s.mu.Lock()
	s.closed = true
	for _, c := range s.clients {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.working.Wait()
	return s.buffers.release()
}

// hear answers the requests of a client, one after the other. What does not follow the protocol ends the connection.
func (s *server) hear(ctx context.Context, c *client) {
	slot := s.buffers.slot(c.slot)
	in, out := slot[:half:half], slot[half:half]
	for {
		_ = c.SetDeadline(time.Now().Add(slowness))
		message, err := readMessage(c, in)
		if err != nil {
			return
		}
		r, err := parseRequest(message)
		if errors.Is(err, errVersion) {
			if isLock(message) {
				s.keys.lock()
				defer s.wasLocked()
			}
			_, _ = c.Write(appendAnswer(out, answer{codeVersion, []byte{protocolVersion}}))
			return
		}
		if err != nil {
			return
		}
		a, ok := s.answer(ctx, c, r, in)
		if !ok {
			return
		}
		_ = c.SetDeadline(time.Now().Add(slowness))
		_, err = c.Write(appendAnswer(out, a))
		clear(slot)
		if r.op == opLock {
			s.wasLocked()
		}
		if err != nil {
			return
		}
	}
}

// answer does what a request wants. buf is where the request lies; a key is put in its place. It returns false when the
// client has gone.
func (s *server) answer(ctx context.Context, c *client, r request, buf []byte) (answer, bool) {
	switch r.op {
	case opPut:
		if !s.keys.put(r.id, r.key) {
			return answer{code: codeFull}, true
		}
		return answer{code: codeOK}, true
	case opLock:
		s.keys.lock()
		return answer{code: codeOK}, true
	case opKeep:
		s.keys.keep(r.id)
		return answer{code: codeOK}, true
	case opStatus:
		return answer{codeOK, s.status().encode()}, true
	default:
		return s.get(ctx, c, r.id, buf)
	}
}

// wasLocked tells an agent to go that is there for nothing else, once the client has its answer.
func (s *server) wasLocked() {
	select {
	case s.locked <- struct{}{}:
	default:
	}
}

func (s *server) get(ctx context.Context, c *client, id string, buf []byte) (answer, bool) {
	if s.gate != nil && s.keys.has(id) {
		yes, here := s.confirm(ctx, c)
		if !yes || !here {
			return answer{code: codeRefused}, here
		}
	}
	key, ok := s.keys.get(id, buf[:0]) // the keys may have been forgotten while the person was thinking
	if !ok {
		return answer{code: codeMissing}, true
	}
	return answer{codeOK, key}, true
}

// confirm asks the person about a client that waits, and stops asking when that has gone. here is whether it is still there.
func (s *server) confirm(ctx context.Context, c *client) (yes, here bool) {
	s.setBusy(c, true)
	defer s.setBusy(c, false)
	_ = c.SetDeadline(time.Now().Add(slowness))
	if _, err := c.Write(appendAnswer(nil, answer{code: codeAsking})); err != nil {
		return false, false
	}
	_ = c.SetDeadline(time.Time{})
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	gone := make(chan bool)
	go func() {
		n, err := c.Read(make([]byte, 1)) // it has nothing to say before it is answered
		cancel()
		var timeout net.Error
		gone <- n > 0 || !errors.As(err, &timeout) || !timeout.Timeout()
	}()
	yes = s.gate.agreed(ctx, describe(c.who.PID)) // as it is now
	_ = c.SetReadDeadline(time.Unix(1, 0))        // ends the reading
	here = !<-gone
	return yes && here, here
}

func (s *server) setBusy(c *client, busy bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.busy = busy
}

func (s *server) status() Status {
	keys, left, _ := s.keys.status()
	return Status{PID: os.Getpid(), Keys: keys, Confirm: s.gate != nil, Timeout: s.keys.timeout, Left: left}
}

// watch forgets keys when their time comes. It returns when ctx ends and, unless linger is 0, when somebody has locked, or
// when there has been no key for as long as linger says.
func (s *server) watch(ctx context.Context, linger time.Duration) {
	empty, held := s.keys.now(), false // since when there is none, unless one is held
	for {
		keys, left, changed := s.keys.status()
		now := s.keys.now()
		if held && keys == 0 {
			empty = now
		}
		held = keys > 0
		wait := mostAsleep
		switch {
		case held:
			wait = min(wait, left)
		case linger > 0 && elapsed(empty, now) >= linger:
			return
		case linger > 0:
			wait = min(wait, linger-elapsed(empty, now))
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-changed:
		case <-s.locked:
			if linger > 0 {
				timer.Stop()
				return
			}
		case <-timer.C:
		}
		timer.Stop()
	}
}
