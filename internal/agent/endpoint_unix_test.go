//go:build linux || darwin

package agent

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestOneAgentPerDirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	const starts = 16
	var won atomic.Int32
	var wg sync.WaitGroup
	endpoints := make(chan *endpoint, starts)
	for range starts {
		wg.Go(func() {
			e, err := listen(dir)
			switch {
			case err == nil:
				won.Add(1)
				endpoints <- e
			case !errors.Is(err, ErrRunning):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := won.Load(); n != 1 {
		t.Fatalf("%d agents opened the socket", n)
	}
	e := <-endpoints
	conn, err := dial(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := dial(t.Context(), dir); !errors.Is(err, errNoAgent) {
		t.Errorf("after the end of the agent: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(dir, socketFile)); err == nil {
		t.Error("the socket is still there")
	}
}

func TestModes(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	e, err := listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, socketFile): 0o600, filepath.Join(dir, LockFile): 0o600} {
		info, err := os.Lstat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, error %v", path, info.Mode(), err)
		}
	}
	open := filepath.Join(t.TempDir(), "open")
	if err := os.Mkdir(open, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := listen(open); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("a directory that others can enter: %v", err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if _, err := listen(link); err == nil {
		t.Error("a link was taken for the directory")
	}
}

// What a killed agent leaves is in nobody's way: neither its socket nor one that was not finished.
func TestAStaleSocketIsReplaced(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	short, done, err := reachable(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	for _, name := range []string{socketFile, socketFile + ".new"} {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(short, name), Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		l.Close()
	}
	c := Client{Dir: dir}
	if _, ok, err := c.Get(t.Context(), "a"); ok || err != nil {
		t.Errorf("a socket on which nobody listens: %v", err)
	}
	e, err := listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	conn, err := dial(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

func TestAHomeMayLieDeep(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("deep/", 40), "run")
	e, err := listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	conn, err := dial(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

// runAgent runs an agent in this process until the test ends.
func runAgent(t *testing.T, dir string, ask Asker) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}), make(chan error, 1)
	cfg := Config{Dir: dir, Confirm: ask, Ready: func() { close(ready) }}
	go func() { ended <- Run(ctx, cfg) }()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	return sync.OnceValue(func() error { cancel(); return <-ended })
}

func TestClient(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	started := 0
	var stop func() error
	c := Client{Dir: dir}
	if _, ok, err := c.Status(t.Context()); ok || err != nil {
		t.Errorf("without an agent: %v, %v", ok, err)
	}
	if running, err := c.Lock(t.Context()); running || err != nil {
		t.Errorf("without an agent: %v, %v", running, err)
	}
	if _, err := c.Put(t.Context(), "a", testKey); err != nil {
		t.Errorf("to keep a key without an agent: %v", err)
	}
	c.Start = func(context.Context) error { started++; stop = runAgent(t, dir, nil); return nil }
	for range 2 {
		if _, err := c.Put(t.Context(), "a", testKey); err != nil || started != 1 {
			t.Fatalf("to start an agent with a key: %v; %d were started", err, started)
		}
	}
	if key, ok, err := c.Get(t.Context(), "a"); !ok || err != nil || !bytes.Equal(key, testKey) {
		t.Errorf("the key: %v, %v", ok, err)
	}
	if s, ok, err := c.Status(t.Context()); !ok || err != nil || s.Keys != 1 || s.Left <= DefaultTimeout-time.Minute || s.Confirm {
		t.Errorf("the status is %+v, %v, %v", s, ok, err)
	}
	if _, err := c.Put(t.Context(), "a", testKey[1:]); err == nil || !strings.Contains(err.Error(), "authsome lock") {
		t.Errorf("another key of the name: %v", err)
	}
	if err := c.Keep(t.Context(), "a"); err != nil {
		t.Errorf("to keep the key: %v", err)
	}
	if key, ok, err := c.Get(t.Context(), "a"); !ok || err != nil || !bytes.Equal(key, testKey) {
		t.Errorf("the key that was to be kept: %v, %v", ok, err)
	}
	if running, err := c.Lock(t.Context()); !running || err != nil {
		t.Errorf("to lock: %v, %v", running, err)
	}
	if _, ok, err := c.Get(t.Context(), "a"); ok || err != nil {
		t.Errorf("the key after locking: %v, %v", ok, err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if _, ok, err := c.Get(t.Context(), "a"); ok || err != nil {
		t.Errorf("the key without an agent: %v, %v", ok, err)
	}
}

// An agent that has not done as it was told may still have the old key, and the person has to know.
func TestClientSaysThatAKeyMayBeLeft(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	c := Client{Dir: dir}
	if err := c.Keep(t.Context(), "a"); err != nil {
		t.Errorf("without an agent: %v", err)
	}
	e, err := listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for name, reply := range map[string][]byte{
		"it hangs up": nil, "it refuses": appendAnswer(nil, answer{code: codeMissing}),
		"it is of another version": appendAnswer(nil, answer{code: codeVersion, value: []byte{protocolVersion + 1}}),
	} {
		go func() {
			conn, err := e.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			_, _ = readMessage(conn, make([]byte, maxMessage))
			_, _ = conn.Write(reply)
		}()
		if err := c.Keep(t.Context(), "a"); err == nil {
			t.Errorf("%s, and nobody hears of it", name)
		}
	}
}

func TestClientLearnsOfQuestions(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	var yes atomic.Bool
	yes.Store(true)
	stop := runAgent(t, dir, func(context.Context, Caller) bool { return yes.Load() })
	told := 0
	c := Client{Dir: dir, Asking: func() { told++ }}
	if _, err := c.Put(t.Context(), "a", testKey); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := c.Get(t.Context(), "a"); !ok || err != nil || told != 1 {
		t.Errorf("agreed to: %v, %v; told %d times", ok, err, told)
	}
	yes.Store(false)
	if _, ok, err := c.Get(t.Context(), "a"); ok || !errors.Is(err, ErrRefused) {
		t.Errorf("refused: %v, %v", ok, err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// An agent that does not answer keeps nobody waiting for longer than the person wants to.
func TestCallEndsWithItsContext(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	e, err := listen(dir) // and nobody accepts
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, _, err := (&Client{Dir: dir}).Get(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
