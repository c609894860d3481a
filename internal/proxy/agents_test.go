package proxy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"authsome"
	"authsome/internal/policy"
)

// agentTransport is a client's side with a login of its own.
func (w *world) agentTransport(name, secret string) *http.Transport {
	tr := w.transport(false)
	tr.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: w.address, User: url.UserPassword(name, secret)})
	return tr
}

func (w *world) admit(name, secret string, expires time.Time) {
	w.t.Helper()
	if err := w.proxy.Admit(Agent{Name: name, Password: DigestOf(authsome.NewSecret(secret)), Expires: expires}); err != nil {
		w.t.Fatal(err)
	}
}

// connectAs sends CONNECT and returns the answer.
func (w *world) connectAs(name, secret, target string) (net.Conn, *bufio.Reader, *http.Response) {
	w.t.Helper()
	conn, br := w.raw()
	_, _ = fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\nProxy-Authorization: %s\r\n\r\n", target, target, basic(name, secret))
	resp, err := http.ReadResponse(br, &http.Request{Method: http.MethodConnect})
	if err != nil {
		w.t.Fatal(err)
	}
	return conn, br, resp
}

func TestEventsNameTheAgent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve(apiHost, &seen{})
	w.cfg.Policy = policy.New(policy.Config{NoUnmatched: "--unmatched"})
	w.start()
	w.admit("claude", "secret-1", time.Time{})
	do(t, w.agentTransport("claude", "secret-1"), request(t, "GET", "https://"+apiHost+"/", nil))
	do(t, w.transport(true), request(t, "GET", "https://"+apiHost+"/", nil))
	_, _, _ = w.connectAs("claude", "secret-1", "other.test:443")
	var got []string
	for _, e := range w.recorder.all() {
		got = append(got, string(e.Name)+" "+e.Detail["agent"])
	}
	if want := "inject claude,inject ,deny claude"; strings.Join(got, ",") != want {
		t.Errorf("recorded %q, want %q", got, want)
	}
}

func TestRevokedAgentLosesWhatItHasOpen(t *testing.T) { // attacks 28 and 29
	t.Parallel()
	w := newWorld(t)
	begun := make(chan struct{}, 4)
	w.serve(apiHost, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(rw).Flush()
		begun <- struct{}{}
		<-r.Context().Done() // the request upstream ends, too
	}))
	w.cfg.Resolve["echo.test:7"] = echoAtEnd(t).Addr().String()
	w.start()
	w.admit("one", "secret-1", time.Time{})
	w.admit("two", "secret-2", time.Time{})
	_, tunnel, resp := w.connectAs("one", "secret-1", "echo.test:7")
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	var streams []*http.Response
	for name, secret := range map[string]string{"one": "secret-1", "two": "secret-2"} {
		for _, http2 := range []bool{false, true} {
			tr := w.transport(http2)
			tr.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: w.address, User: url.UserPassword(name, secret)})
			resp, err := tr.RoundTrip(request(t, "GET", "https://"+apiHost+"/"+name, nil))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			<-begun
			streams = append(streams, resp)
		}
	}
	if got := w.proxy.Usage("one").Connections; got != 3 {
		t.Errorf("one has %d connections, want 3", got)
	}
	if !w.proxy.Revoke("one") || w.proxy.Revoke("one") {
		t.Error("Revoke does not know whom it has revoked")
	}
	if _, err := tunnel.ReadByte(); err == nil {
		t.Error("the tunnel is open")
	}
	for _, s := range streams {
		if strings.HasSuffix(s.Request.URL.Path, "one") {
			if _, err := io.ReadAll(s.Body); err == nil {
				t.Error("the stream ended as if it were complete")
			}
		}
	}
	if _, _, resp := w.connectAs("one", "secret-1", "echo.test:7"); resp.StatusCode != http.StatusProxyAuthRequired {
		t.Errorf("after the revocation: %s", resp.Status)
	}
	if got := w.proxy.Usage("two").Connections; got != 2 {
		t.Errorf("two has %d connections, want 2", got)
	}
}

func TestReplacedAndExpiredAgentsLoseTheirs(t *testing.T) { // attack 28
	t.Parallel()
	w := newWorld(t)
	w.cfg.Resolve["echo.test:7"] = echoAtEnd(t).Addr().String()
	now := time.Now()
	var mu sync.Mutex
	w.cfg.Now = func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}
	w.start()
	w.admit("one", "secret-1", now.Add(time.Hour))
	_, tunnel, resp := w.connectAs("one", "secret-1", "echo.test:7")
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	w.admit("one", "secret-2", now.Add(time.Hour))
	if _, err := tunnel.ReadByte(); err == nil {
		t.Error("the tunnel of the old password is open")
	}
	if _, _, resp := w.connectAs("one", "secret-1", "echo.test:7"); resp.StatusCode != http.StatusProxyAuthRequired {
		t.Errorf("the old password: %s", resp.Status)
	}
	mu.Lock()
	now = now.Add(2 * time.Hour)
	mu.Unlock()
	_, br, resp := w.connectAs("one", "secret-2", "echo.test:7")
	body := make([]byte, resp.ContentLength)
	_, _ = io.ReadFull(br, body)
	if resp.StatusCode != http.StatusProxyAuthRequired || !strings.Contains(string(body), "agent_expired") {
		t.Errorf("after the expiry: %s %s", resp.Status, body)
	}
	// What is open when the time comes ends by itself.
	w.admit("two", "secret-3", now.Add(50*time.Millisecond))
	_, tunnel, resp = w.connectAs("two", "secret-3", "echo.test:7")
	if resp.StatusCode == http.StatusOK {
		if _, err := tunnel.ReadByte(); err == nil {
			t.Error("the tunnel outlives its agent")
		}
	}
}

func TestConnectionBelongsToTheFirstAgent(t *testing.T) { // attack 28
	t.Parallel()
	w := newWorld(t)
	plain := listen(t)
	server := &http.Server{Handler: &seen{}, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(plain) }()
	t.Cleanup(func() { _ = server.Close() })
	w.cfg.Resolve["plain.test:80"] = plain.Addr().String()
	w.start()
	w.admit("one", "secret-1", time.Time{})
	conn, br := w.raw()
	ask := func(login string) int {
		_, _ = fmt.Fprintf(conn, "GET http://plain.test/ HTTP/1.1\r\nHost: plain.test\r\nProxy-Authorization: %s\r\n\r\n", login)
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode
	}
	one, run := basic("one", "secret-1"), basic("authsome", password)
	if got := []int{ask(one), ask(one), ask(run), ask(one)}; got[0] != 200 || got[1] != 200 || got[2] != 407 || got[3] != 200 {
		t.Errorf("got %v", got)
	}
}

func TestConnectionsOfAnAgentAreBounded(t *testing.T) { // attack 40
	t.Parallel()
	w := newWorld(t)
	w.cfg.MaxPerAgent = 2
	w.cfg.Resolve["echo.test:7"] = echoAtEnd(t).Addr().String()
	w.serve(apiHost, &seen{})
	w.start()
	w.admit("greedy", "secret-1", time.Time{})
	w.admit("modest", "secret-2", time.Time{})
	var last *http.Response
	for range 3 {
		conn, _, resp := w.connectAs("greedy", "secret-1", apiHost+":443")
		defer conn.Close()
		last = resp
	}
	if last.StatusCode != http.StatusTooManyRequests {
		t.Errorf("the third connection: %s", last.Status)
	}
	if resp, _ := do(t, w.agentTransport("modest", "secret-2"), request(t, "GET", "https://"+apiHost+"/", nil)); resp.StatusCode != 200 {
		t.Errorf("another agent: %s", resp.Status)
	}
}

// Attack 40: streams are bounded for each connection, of which an agent may have thousands.
func TestStreamsOfAnAgentAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.maxAgentStreams = 2
	here, release := make(chan struct{}), make(chan struct{})
	w.serve(apiHost, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/waits" {
			here <- struct{}{}
			<-release
		}
	}))
	w.start()
	var waiting sync.WaitGroup
	for range 2 { // on connections of their own
		tr := w.transport(true)
		waiting.Go(func() {
			resp, err := tr.RoundTrip(request(t, "GET", "https://"+apiHost+"/waits", nil))
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Errorf("one of those that wait: %v %v", resp, err)
			}
		})
		<-here
	}
	tr := w.transport(true)
	for range 2 { // one that is refused is not counted for long
		resp, body := do(t, tr, request(t, "GET", "https://"+apiHost+"/", nil))
		if r := refusalOf(t, resp, body); resp.StatusCode != http.StatusTooManyRequests || r["reason"] != "too_many_requests" {
			t.Errorf("the third: %s %s", resp.Status, body)
		}
	}
	if resp, _ := do(t, w.transport(false), request(t, "GET", "https://"+apiHost+"/", nil)); resp.StatusCode != http.StatusOK {
		t.Errorf("in HTTP/1.1: %s", resp.Status)
	}
	close(release)
	waiting.Wait()
	w.proxy.http2.wait() // for the handlers to end
	if resp, _ := do(t, tr, request(t, "GET", "https://"+apiHost+"/", nil)); resp.StatusCode != http.StatusOK {
		t.Errorf("when there is room again: %s", resp.Status)
	}
}

func TestUnfinishedHandshakesOfAnAgentAreBounded(t *testing.T) { // attack 40
	t.Parallel()
	a := &agent{}
	for range maxHandshakes {
		if why := a.beginHandshake(); why != nil {
			t.Fatal(why.Message)
		}
	}
	if why := a.beginHandshake(); why == nil || why.status != http.StatusTooManyRequests {
		t.Errorf("one more: %+v", why)
	}
	a.endHandshake()
	if why := a.beginHandshake(); why != nil {
		t.Errorf("after one has ended: %s", why.Message)
	}
}

func TestHandshakesAreCountedToTheirEnd(t *testing.T) { // attack 40
	t.Parallel()
	w := newWorld(t)
	w.serve(apiHost, &seen{})
	w.start()
	for range 3 {
		do(t, w.transport(false), request(t, "GET", "https://"+apiHost+"/", nil))
	}
	conn, _ := w.raw()
	_, _ = fmt.Fprintf(conn, "CONNECT %[1]s:443 HTTP/1.1\r\nHost: %[1]s:443\r\nProxy-Authorization: %[2]s\r\n\r\nno TLS",
		apiHost, basic("authsome", password))
	_, _ = io.ReadAll(conn) // until the proxy hangs up
	a := w.proxy.agents.find("authsome")
	underWay := func() int {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.handshakes
	}
	for range 500 { // the proxy hangs up first and counts then
		if underWay() == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d handshakes are under way", underWay())
}

func TestStrangersMakeRoomForWhoKnowsThePassword(t *testing.T) { // attack 40
	t.Parallel()
	w := newWorld(t)
	w.serve(apiHost, &seen{})
	now := time.Now()
	var mu sync.Mutex
	w.cfg.Now = func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}
	w.start()
	oldest, _ := w.raw()
	for range maxStrangers - 1 {
		w.raw()
	}
	// The last one is known to be accepted when its successor has been answered.
	do(t, w.transport(false), request(t, "GET", "https://"+apiHost+"/", nil))
	_ = oldest.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := oldest.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a client of this moment got no time: %v", err)
	}
	mu.Lock()
	now = now.Add(2 * strangerGrace)
	mu.Unlock()
	do(t, w.transport(false), request(t, "GET", "https://"+apiHost+"/", nil))
	_ = oldest.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := oldest.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) || err == nil {
		t.Errorf("the oldest stranger is still there: %v", err)
	}
}

func TestHeadsOfStrangersAreSmall(t *testing.T) { // attack 40
	t.Parallel()
	w := newWorld(t)
	w.start()
	conn, br := w.raw()
	go func() {
		_, _ = io.WriteString(conn, "CONNECT other.test:443 HTTP/1.1\r\nX: "+strings.Repeat("x", 2*entranceHeader))
	}()
	resp, err := http.ReadResponse(br, &http.Request{Method: http.MethodGet})
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("got %s", resp.Status)
	}
}

func TestAgentsNeedNameAndPassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t).start()
	for _, a := range []Agent{{}, {Name: "x"}, {Password: DigestOf(authsome.NewSecret("x"))}} {
		if w.proxy.Admit(a) == nil {
			t.Errorf("%+v was admitted", a)
		}
	}
}

// Without Password in the configuration nobody is known, not even who sends an empty one.
func TestNobodyIsKnownByDefault(t *testing.T) { // attack 28
	t.Parallel()
	w := newWorld(t)
	w.cfg.Password, w.cfg.User = authsome.Secret{}, ""
	w.start()
	if _, _, resp := w.connectAs("", "", "other.test:443"); resp.StatusCode != http.StatusProxyAuthRequired {
		t.Errorf("got %s", resp.Status)
	}
}
