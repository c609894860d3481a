package agent

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose clients are pipes.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (*pipes) Addr() net.Addr { return nil }

// scene is a server to which pipes lead.
type scene struct {
	*server
	pipes *pipes
}

func newScene(t *testing.T, ask Asker) *scene {
	t.Helper()
	k, err := newKeyring(time.Hour, 0, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	var g *gate
	if ask != nil {
		g = newGate(ask, time.Now)
	}
	s, err := newServer(k, g, func(net.Conn) (Caller, error) { return Caller{PID: 42}, nil })
	if err != nil {
		t.Fatal(err)
	}
	p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	var serving sync.WaitGroup
	serving.Go(func() { s.serve(t.Context(), p) })
	t.Cleanup(func() {
		p.Close()
		serving.Wait()
		if err := errors.Join(s.close(), k.close()); err != nil {
			t.Error(err)
		}
	})
	return &scene{s, p}
}

func (s *scene) dial() net.Conn {
	ours, theirs := net.Pipe()
	s.pipes.conns <- theirs
	return ours
}

// ask sends a request over a connection and returns the answer.
func ask(t *testing.T, conn net.Conn, r request) answer {
	t.Helper()
	a, err := (&Client{}).exchange(conn, r)
	if err != nil {
		t.Fatalf("%+v: %v", r.op, err)
	}
	return a
}

func TestSeveralRequestsOnOneConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, nil)
		conn := s.dial()
		defer conn.Close()
		for _, step := range []struct {
			r    request
			want answer
		}{
			{request{op: opGet, id: "a"}, answer{code: codeMissing}},
			{request{op: opPut, id: "a", key: testKey}, answer{code: codeOK}},
			{request{op: opGet, id: "a"}, answer{codeOK, testKey}},
			{request{op: opPut, id: "a", key: testKey[1:]}, answer{code: codeFull}},
			{request{op: opPut, id: "b", key: testKey}, answer{code: codeOK}},
			{request{op: opKeep, id: "b"}, answer{code: codeOK}},
			{request{op: opGet, id: "a"}, answer{code: codeMissing}},
			{request{op: opGet, id: "b"}, answer{codeOK, testKey}},
			{request{op: opKeep, id: "c"}, answer{code: codeOK}},
			{request{op: opGet, id: "b"}, answer{code: codeMissing}},
			{request{op: opPut, id: "a", key: testKey}, answer{code: codeOK}},
			{request{op: opLock}, answer{code: codeOK}},
			{request{op: opGet, id: "a"}, answer{code: codeMissing}},
		} {
			if got := ask(t, conn, step.r); got.code != step.want.code || !bytes.Equal(got.value, step.want.value) {
				t.Errorf("%+v was answered with code %d and %x", step.r.op, got.code, got.value)
			}
		}
		synctest.Wait()
		if bytes.Contains(s.buffers.pages, testKey) {
			t.Error("a key is left in the buffers")
		}
		status, err := parseStatus(ask(t, conn, request{op: opStatus}).value)
		if err != nil || status.Keys != 0 || status.PID != os.Getpid() || status.Timeout != time.Hour {
			t.Errorf("the status is %+v, error %v", status, err)
		}
	})
}

// A client that says nothing, or half of something, or does not listen, is sent away, and nobody waits for it.
func TestASlowClientKeepsNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, nil)
		silent, half, deaf := s.dial(), s.dial(), s.dial()
		if _, err := half.Write([]byte{0, 5, protocolVersion}); err != nil {
			t.Fatal(err)
		}
		request, _ := appendRequest(nil, request{op: opStatus})
		if _, err := deaf.Write(request); err != nil { // and does not read what it gets
			t.Fatal(err)
		}
		began := time.Now()
		quick := s.dial()
		ask(t, quick, requestStatus)
		if waited := time.Since(began); waited > 0 {
			t.Errorf("a client waited %v for others", waited)
		}
		quick.Close()
		time.Sleep(slowness + time.Second)
		synctest.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		if n := len(s.clients); n > 0 {
			t.Errorf("%d clients are still heard", n)
		}
		for _, c := range []net.Conn{silent, half, deaf} {
			c.Close()
		}
	})
}

var requestStatus = request{op: opStatus}

func TestManyConnectionsMakeRoomForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, nil)
		var idle []net.Conn
		for range maxConns + 3 {
			idle = append(idle, s.dial())
		}
		conn := s.dial()
		ask(t, conn, requestStatus)
		conn.Close()
		synctest.Wait()
		s.mu.Lock()
		if n := len(s.clients); n > maxConns {
			t.Errorf("%d clients are heard at once", n)
		}
		s.mu.Unlock()
		if _, err := idle[0].Read(make([]byte, 1)); err == nil {
			t.Error("the oldest connection is not closed")
		}
		ask(t, idle[len(idle)-1], requestStatus) // the youngest is heard
		for _, c := range idle {
			c.Close()
		}
	})
}

func TestWhatIsNoRequestEndsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, nil)
		for _, b := range []string{"\x00\x00", "\xff\xff", "\x00\x02\x01\x09", "GET / HTTP/1.1\r\n\r\n"} {
			conn := s.dial()
			go conn.Write([]byte(b))
			if read, err := io.ReadAll(conn); len(read) > 0 || err != nil {
				t.Errorf("%q was answered with %q, error %v", b, read, err)
			}
			conn.Close()
		}
	})
}

func TestAnotherVersionCanOnlyLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, nil)
		s.keys.put("a", testKey)
		for _, step := range []struct {
			message string
			keys    int
		}{{"\x00\x05\x09\x01\x01a\x00", 1}, {"\x00\x02\x09\x03", 0}} {
			conn := s.dial()
			go conn.Write([]byte(step.message))
			if read, _ := io.ReadAll(conn); string(read) != "\x00\x04\x01\x06\x01\x01" {
				t.Errorf("%q was answered with %q", step.message, read)
			}
			if keys, _, _ := s.keys.status(); keys != step.keys {
				t.Errorf("after %q there are %d keys", step.message, keys)
			}
		}
	})
}

func TestUseIsConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var answers []bool
		s := newScene(t, func(_ context.Context, who Caller) bool {
			if who.PID != 42 {
				t.Errorf("the person is asked about process %d", who.PID)
			}
			yes := answers[0]
			answers = answers[1:]
			return yes
		})
		conn := s.dial()
		defer conn.Close()
		ask(t, conn, request{op: opPut, id: "a", key: testKey})
		answers = []bool{true, false, true}
		for _, want := range []code{codeOK, codeRefused, codeOK} {
			if got := ask(t, conn, request{op: opGet, id: "a"}); got.code != want || (len(got.value) > 0) != (want == codeOK) {
				t.Errorf("a use was answered with code %d and %d bytes, want code %d", got.code, len(got.value), want)
			}
		}
		if got := ask(t, conn, request{op: opGet, id: "b"}); got.code != codeMissing {
			t.Errorf("a key that is not there: code %d, and nobody need be asked", got.code)
		}
	})
}

// Who does not wait for the answer takes the question away.
func TestTheQuestionEndsWithTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open := false
		s := newScene(t, func(ctx context.Context, _ Caller) bool {
			open = true
			<-ctx.Done()
			open = false
			return true
		})
		s.keys.put("a", testKey)
		for _, leave := range []func(net.Conn){
			func(c net.Conn) { c.Close() },
			func(c net.Conn) { c.Write([]byte{0}) }, // it is not its turn
		} {
			conn := s.dial()
			message, _ := appendRequest(nil, request{op: opGet, id: "a"})
			if _, err := conn.Write(message); err != nil {
				t.Fatal(err)
			}
			if a, err := readMessage(conn, make([]byte, maxMessage)); err != nil || code(a[1]) != codeAsking {
				t.Fatalf("the client is told %q, error %v", a, err)
			}
			synctest.Wait()
			if !open {
				t.Fatal("nobody is asked")
			}
			leave(conn)
			synctest.Wait()
			if open {
				t.Error("the question is still open")
			}
			if rest, _ := io.ReadAll(conn); bytes.Contains(rest, testKey) {
				t.Error("the key was sent without agreement")
			}
			conn.Close()
		}
	})
}

// Locking while the person thinks wins over the answer.
func TestLockingWinsOverAgreement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s *scene
		s = newScene(t, func(context.Context, Caller) bool {
			other := s.dial()
			defer other.Close()
			ask(t, other, request{op: opLock})
			return true
		})
		s.keys.put("a", testKey)
		conn := s.dial()
		defer conn.Close()
		if got := ask(t, conn, request{op: opGet, id: "a"}); got.code != codeMissing {
			t.Errorf("code %d, although the agent is locked", got.code)
		}
	})
}

func TestWatchForgetsKeysAndGoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, nil)
		s.keys.put("a", testKey)
		began := time.Now()
		ended := make(chan time.Duration, 1)
		go func() {
			s.watch(t.Context(), time.Minute)
			ended <- time.Since(began)
		}()
		time.Sleep(time.Hour)
		synctest.Wait()
		if bytes.Contains(s.keys.memory.pages, testKey) { // without anybody having asked for it
			t.Error("the key is still in memory when its time is over")
		}
		if lasted := <-ended; lasted != time.Hour+time.Minute {
			t.Errorf("the agent went away after %v", lasted)
		}
	})
}

func TestLockingEndsAnAgentThatLingers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, nil)
		s.keys.put("a", testKey)
		began := time.Now()
		ended := make(chan time.Duration, 1)
		go func() {
			s.watch(t.Context(), time.Minute)
			ended <- time.Since(began)
		}()
		conn := s.dial()
		defer conn.Close()
		time.Sleep(time.Second)
		ask(t, conn, request{op: opLock})
		if lasted := <-ended; lasted != time.Second {
			t.Errorf("the agent went away after %v", lasted)
		}
	})
}

func TestWithoutLingeringTheAgentStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { s.watch(ctx, 0); close(ended) }()
		s.keys.lock()
		s.wasLocked()
		time.Sleep(10 * time.Hour)
		select {
		case <-ended:
			t.Error("it went away")
		default:
		}
		cancel()
		<-ended
	})
}
