package standing

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"authsome"
	"authsome/internal/mitm"
	"authsome/internal/proxy"
	"authsome/internal/run"
)

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// nobody has no credentials.
type nobody struct{}

func (nobody) Credential(context.Context, authsome.Ref, authsome.CredentialOptions) (*authsome.Credential, error) {
	return nil, errors.New("there are none")
}

// place is a directory short enough for the address of a socket.
func place(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "standing-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func open(t *testing.T, dir string, c *clock) *Server {
	t.Helper()
	s, err := Open(dir, State{Profile: "default", Flags: []string{"--idle=1h"}}, c.now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(false) })
	return s
}

// attach gives a server a proxy.
func attach(t *testing.T, s *Server, c *clock) *proxy.Proxy {
	t.Helper()
	ca, err := mitm.NewCA(c.now)
	if err != nil {
		t.Fatal(err)
	}
	p, err := proxy.New(proxy.Config{Source: nobody{}, CA: ca, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	settings := func() run.Settings {
		return run.Settings{Proxy: "127.0.0.1:8399", Password: authsome.NewSecret("of nobody's business"), Placeholders: []string{"ACME_TOKEN"}}
	}
	if err := s.Attach(p, "127.0.0.1:8399", settings, c.now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	return p
}

func dial(t *testing.T, dir string) *Client {
	t.Helper()
	client, err := Dial(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func newClock() *clock { return &clock{t: time.Unix(1_800_000_000, 0)} }

func TestAnAgentsPasswordIsToldOnceAndKeptAsADigest(t *testing.T) {
	t.Parallel()
	dir, c := place(t), newClock()
	s := open(t, dir, c)
	attach(t, s, c)
	client := dial(t, dir)
	access, err := client.Add(t.Context(), AddRequest{Life: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if access.Name != "agent-1" || len(access.Password) < 26 || !access.Expires.Equal(c.now().Add(time.Hour)) {
		t.Errorf("got %+v", access)
	}
	if access.Settings.Proxy != "127.0.0.1:8399" || !access.Settings.Password.IsZero() || len(access.Settings.Placeholders) != 1 {
		t.Errorf("the settings are %+v", access.Settings)
	}
	if _, err := client.Add(t.Context(), AddRequest{Name: "agent-1", Life: time.Hour}); authsome.KindOf(err) != authsome.KindUsage {
		t.Errorf("the same name again: %v", err)
	}
	again, err := client.Add(t.Context(), AddRequest{Name: "agent-1", Life: time.Hour, Replace: true})
	if err != nil || again.Password == access.Password {
		t.Errorf("replaced: %v, and the password is another one: %v", err, again.Password != access.Password)
	}
	for _, name := range []string{stateFile, "."} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil && (strings.Contains(string(content), access.Password) || strings.Contains(string(content), again.Password)) {
			t.Errorf("%s holds a password", name)
		}
	}
	status, err := client.Status(t.Context())
	if err != nil || len(status.Agents) != 1 || status.State.Agents != nil || status.PID != os.Getpid() {
		t.Errorf("the status is %+v, %v", status, err)
	}
}

func TestAgentsAreKnownAgainUntilTheyExpire(t *testing.T) {
	t.Parallel()
	dir, c := place(t), newClock()
	s := open(t, dir, c)
	attach(t, s, c)
	client := dial(t, dir)
	for name, life := range map[string]time.Duration{"short": time.Minute, "long": time.Hour, "revoked": time.Hour} {
		if _, err := client.Add(t.Context(), AddRequest{Name: name, Life: life}); err != nil {
			t.Fatal(err)
		}
	}
	if err := client.Revoke(t.Context(), "revoked"); err != nil {
		t.Fatal(err)
	}
	if err := client.Revoke(t.Context(), "revoked"); authsome.KindOf(err) != authsome.KindConnectionNotFound {
		t.Errorf("revoked twice: %v", err)
	}
	if err := s.Close(false); err != nil {
		t.Fatal(err)
	}
	c.pass(2 * time.Minute)
	s = open(t, dir, c)
	attach(t, s, c)
	status, err := dial(t, dir).Status(t.Context())
	if err != nil || len(status.Agents) != 1 || status.Agents[0].Name != "long" || status.Address != "127.0.0.1:8399" {
		t.Errorf("after a restart: %+v, %v", status, err)
	}
}

func TestWhatIsStoppedLeavesNothing(t *testing.T) {
	t.Parallel()
	dir, c := place(t), newClock()
	s := open(t, dir, c)
	attach(t, s, c)
	client := dial(t, dir)
	if err := client.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-s.Stopped()
	if err := client.Stop(t.Context()); err != nil { // nor does the second one break anything
		t.Fatal(err)
	}
	if err := s.Close(true); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
	if _, err := Dial(t.Context(), dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("dialled: %v", err)
	}
}

func TestFilesAreTheUsersAlone(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there are no modes")
	}
	dir, c := place(t), newClock()
	s := open(t, dir, c)
	attach(t, s, c)
	for _, name := range []string{stateFile, socketFile} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

func TestLongPathsGetASocketElsewhere(t *testing.T) {
	t.Parallel()
	dir, c := filepath.Join(place(t), strings.Repeat("d", maxSocketPath)), newClock()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir, c)
	attach(t, s, c)
	dial(t, dir)
	state, err := Read(dir)
	if err != nil || len(state.Socket) > maxSocketPath {
		t.Fatalf("the socket is %q, %v", state.Socket, err)
	}
	// Who was killed has left it behind; who comes next removes it.
	next := open(t, dir, c)
	attach(t, next, c)
	if _, err := os.Stat(filepath.Dir(state.Socket)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what the first one had is still there: %v", err)
	}
	if err := next.Close(true); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(next.state.Socket)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory of the socket is left: %v", err)
	}
}

// A directory of temporary files may lie deep, too.
func TestLongPathsEverywhereGetASocket(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the directory of temporary files is another variable's there")
	}
	deep := filepath.Join(place(t), strings.Repeat("t", maxSocketPath))
	dir, c := filepath.Join(place(t), strings.Repeat("d", maxSocketPath)), newClock()
	for _, d := range []string{deep, dir} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("TMPDIR", deep)
	s := open(t, dir, c)
	attach(t, s, c)
	dial(t, dir)
	if err := s.Close(true); err != nil {
		t.Fatal(err)
	}
}

func TestAStaleSocketIsReplaced(t *testing.T) {
	t.Parallel()
	dir, c := place(t), newClock()
	ln, err := net.Listen("unix", filepath.Join(dir, socketFile))
	if err != nil {
		t.Fatal(err)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = ln.Close() // as if it had been killed
	state := State{Socket: filepath.Join(dir, socketFile), Address: "127.0.0.1:1"}
	if err := state.write(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(t.Context(), dir); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("nobody is there, and the error is %v", err)
	}
	s := open(t, dir, c)
	attach(t, s, c)
	dial(t, dir)
}

func TestASocketOfOthersIsNotTalkedTo(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there are no modes")
	}
	dir, elsewhere := place(t), place(t)
	socket := filepath.Join(elsewhere, socketFile)
	ln, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	state := State{Socket: socket}
	if err := state.write(dir); err != nil {
		t.Fatal(err)
	}
	dial(t, dir) // in a directory of ours it may be
	if err := os.Chmod(elsewhere, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(t.Context(), dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in one that others can enter: %v", err)
	}
	removeSocket(dir, socket)
	if _, err := os.Stat(socket); err != nil {
		t.Errorf("what is not ours was removed: %v", err)
	}
}

func TestGarbageIsRefused(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"", "{", "[]", `{"agents":1}`, "\x00"} {
		dir := place(t)
		if err := os.WriteFile(filepath.Join(dir, stateFile), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir, State{}, newClock().now); err == nil || !strings.Contains(err.Error(), dir) {
			t.Errorf("%q is opened: %v", content, err)
		}
		if _, err := Dial(t.Context(), dir); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q is dialled: %v", content, err)
		}
	}
	dir, c := place(t), newClock()
	state := State{Agents: []StoredAgent{{Name: "a", Digest: "abc", Expires: c.now().Add(time.Hour)}}}
	if err := state.write(dir); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir, c)
	ca, err := mitm.NewCA(c.now)
	if err != nil {
		t.Fatal(err)
	}
	p, err := proxy.New(proxy.Config{Source: nobody{}, CA: ca})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := s.Attach(p, "127.0.0.1:1", func() run.Settings { return run.Settings{} }, c.now()); err == nil {
		t.Error("an agent with a damaged digest has access")
	}
}

func TestRequestsOfAllKindsAreAnswered(t *testing.T) {
	t.Parallel()
	dir, c := place(t), newClock()
	s := open(t, dir, c)
	early := httptest.NewRecorder()
	s.routes().ServeHTTP(early, httptest.NewRequest("POST", "/agents", strings.NewReader(`{"life":1}`)))
	if early.Code != http.StatusBadRequest {
		t.Errorf("before there is a proxy: %d", early.Code)
	}
	attach(t, s, c)
	for _, r := range []struct{ method, path, body string }{
		{"POST", "/agents", ""},
		{"POST", "/agents", "{"},
		{"POST", "/agents", `{"name":"../x","life":1}`},
		{"POST", "/agents", `{"name":"` + strings.Repeat("a", 65) + `","life":1}`},
		{"POST", "/agents", `{"name":"a b","life":1}`},
		{"POST", "/agents", `{"name":"a","life":0}`},
		{"POST", "/agents", `{"name":"a","life":-1}`},
		{"POST", "/agents", `{"name":"` + strings.Repeat("a", maxMessage) + `"}`},
		{"DELETE", "/agents/%2e%2e%2f", ""},
		{"DELETE", "/agents/nobody", ""},
	} {
		w := httptest.NewRecorder()
		s.routes().ServeHTTP(w, httptest.NewRequest(r.method, r.path, strings.NewReader(r.body)))
		var f failure
		if err := json.Unmarshal(w.Body.Bytes(), &f); w.Code != http.StatusBadRequest || err != nil || f.Kind == "" {
			t.Errorf("%s %s %.40s: %d %s", r.method, r.path, r.body, w.Code, w.Body)
		}
	}
	if n := len(s.status().Agents); n != 0 {
		t.Errorf("%d agents have come of it", n)
	}
}

func TestAnAnswerThatIsNoneIsAnError(t *testing.T) {
	t.Parallel()
	dir := place(t)
	socket := filepath.Join(dir, socketFile)
	ln, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "GET" {
			w.WriteHeader(http.StatusTeapot)
		}
		_, _ = io.WriteString(w, "<html>")
	})}
	go func() { _ = server.Serve(ln) }()
	t.Cleanup(func() { _ = server.Close() })
	state := State{Socket: socket}
	if err := state.write(dir); err != nil {
		t.Fatal(err)
	}
	client := dial(t, dir)
	if _, err := client.Status(t.Context()); err == nil {
		t.Error("a page is a status")
	}
	if _, err := client.Add(t.Context(), AddRequest{}); err == nil || !strings.Contains(err.Error(), "418") {
		t.Errorf("a refusal that cannot be read: %v", err)
	}
}

func TestIdleSinceTheLastAgentWasSeen(t *testing.T) {
	t.Parallel()
	dir, c := place(t), newClock()
	s := open(t, dir, c)
	began := c.now()
	c.pass(time.Minute)
	if got := s.IdleSince(); !got.Equal(began) {
		t.Errorf("without a proxy: %v", got)
	}
	attach(t, s, c)
	if _, err := s.add(AddRequest{Name: "a", Life: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if got := s.IdleSince(); !got.Equal(began) {
		t.Errorf("with an agent that nobody has seen: %v", got)
	}
}

// FuzzControl sends anything to the socket's handler: it answers, and no agent comes of what is not a request for one.
func FuzzControl(f *testing.F) {
	f.Add("POST", "/agents", `{"name":"a","life":1000}`)
	f.Add("DELETE", "/agents/a", "")
	f.Add("GET", "/status", "")
	dir, err := os.MkdirTemp("", "standing-")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = os.RemoveAll(dir) })
	c := newClock()
	s, err := Open(dir, State{}, c.now)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close(true) })
	f.Fuzz(func(t *testing.T, method, path, body string) {
		r, err := http.NewRequest(method, "http://proxy/", strings.NewReader(body)) //nolint:noctx // it goes nowhere
		if err != nil {
			return
		}
		r.URL.Path = path
		w := httptest.NewRecorder()
		s.routes().ServeHTTP(w, r)
		if len(s.status().Agents) > 0 {
			t.Fatal("an agent of a proxy that there is not")
		}
	})
}
