package loopback_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"authsome"
	"authsome/internal/loopback"
)

func listen(t *testing.T, r authsome.Redirect) *loopback.Callback {
	t.Helper()
	c, err := loopback.ListenCallback(loopback.CallbackConfig{Redirect: r, Provider: "github"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	c.Expect("s")
	return c
}

// browser returns a client of its own, which follows redirects unless told otherwise.
func browser(t *testing.T, follow bool) *http.Client {
	t.Helper()
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: !follow}}
	if !follow {
		c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

type answer struct {
	status int
	header http.Header
	body   string
}

func do(t *testing.T, client *http.Client, method, target, body string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		} else {
			req.Header.Add(header[i], header[i+1])
		}
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Error(err)
		return answer{}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

func TestCallbackTakesTheAnswerAndShowsTheResult(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		query  string
		result error
		want   []string
	}{
		"success": {"code=c0de&state=s", nil, []string{"Connected to github", "encrypted vault"}},
		"failure": {
			"error=access_denied&state=s",
			&authsome.Error{Kind: authsome.KindLoginFailed, Message: "<script>refused</script>", Hint: "authsome login github"},
			[]string{"Not connected to github", "&lt;script&gt;refused", "authsome login github"},
		},
		"cancelled": {
			"error=access_denied&state=s", &authsome.Error{Kind: authsome.KindCancelled, Message: "you refused"},
			[]string{"Login cancelled", "you refused"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := listen(t, authsome.Redirect{})
			page := make(chan answer)
			go func() { page <- do(t, browser(t, true), "GET", c.RedirectURI()+"?"+tt.query, "") }()
			got, err := c.Wait(t.Context())
			if want := c.RedirectURI() + "?" + tt.query; err != nil || got != want {
				t.Fatalf("Wait: %q, %v; want %q", got, err, want)
			}
			c.Finish(tt.result)
			a := <-page
			for _, want := range tt.want {
				if !strings.Contains(a.body, want) {
					t.Errorf("%q is missing in:\n%s", want, a.body)
				}
			}
			if strings.Contains(a.body, "c0de") || strings.Contains(a.body, "<script") {
				t.Errorf("the page shows what it must not:\n%s", a.body)
			}
			if _, err := net.Dial("tcp", hostOf(t, c.RedirectURI())); err == nil {
				t.Error("the port is still open")
			}
		})
	}
}

func hostOf(t *testing.T, uri string) string {
	t.Helper()
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

func TestCallbackTakesTheCodeOutOfTheAddressBar(t *testing.T) {
	t.Parallel()
	c := listen(t, authsome.Redirect{Path: "/oauth/return"})
	a := do(t, browser(t, false), "GET", c.RedirectURI()+"?code=c0de&state=s", "")
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/oauth/return/done" || strings.Contains(a.body, "c0de") {
		t.Errorf("got %+v", a)
	}
}

func TestCallbackToleratesStrayRequests(t *testing.T) {
	t.Parallel()
	c := listen(t, authsome.Redirect{})
	client := browser(t, false)
	origin := strings.TrimSuffix(c.RedirectURI(), "/callback")
	good := c.RedirectURI() + "?code=x&state=s"
	tests := []struct {
		name, method, target string
		header               []string
		want                 int
	}{
		{"icon", "GET", origin + "/favicon.ico", nil, 404},
		{"root", "GET", origin + "/?code=x&state=s", nil, 404},
		{"longer path", "GET", origin + "/callback/?code=x&state=s", nil, 404},
		{"escaped path", "GET", origin + "/%63allback?code=x&state=s", nil, 404},
		{"result before an answer", "GET", origin + "/callback/done", nil, 404},
		{"no parameters", "GET", c.RedirectURI(), nil, 400},
		{"no state", "GET", c.RedirectURI() + "?code=x", nil, 400},
		{"no code", "GET", c.RedirectURI() + "?state=s", nil, 400},
		{"HEAD", "HEAD", good, nil, 405},
		{"POST", "POST", good, nil, 405},
		{"prefetch", "GET", good, []string{"Sec-Purpose", "prefetch;prerender"}, 403},
		{"old prefetch", "GET", good, []string{"Purpose", "prefetch"}, 403},
		{"image of another page", "GET", good, []string{"Sec-Fetch-Dest", "image"}, 403},
		{"frame of another page", "GET", good, []string{"Sec-Fetch-Dest", "iframe"}, 403},
		{"name that was rebound", "GET", good, []string{"Host", "evil.test"}, 421},
		{"rebound with the port", "GET", good, []string{"Host", "evil.test:" + strings.Split(hostOf(t, good), ":")[1]}, 421},
		{"other loopback name", "GET", good, []string{"Host", "localhost:" + strings.Split(hostOf(t, good), ":")[1]}, 421},
	}
	for _, tt := range tests {
		if a := do(t, client, tt.method, tt.target, "", tt.header...); a.status != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, a.status, tt.want)
		}
	}
	navigation := []string{"Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}
	if a := do(t, client, "GET", good, "", navigation...); a.status != http.StatusSeeOther {
		t.Fatalf("the real answer got %d", a.status)
	}
	if got, err := c.Wait(t.Context()); err != nil || got != good {
		t.Errorf("Wait: %q, %v", got, err)
	}
}

func TestCallbackTakesTheFirstAnswerOnly(t *testing.T) {
	t.Parallel()
	c := listen(t, authsome.Redirect{})
	const visitors = 20
	statuses := make(chan int, visitors)
	var wg sync.WaitGroup
	for i := range visitors {
		wg.Go(func() {
			statuses <- do(t, browser(t, false), "GET", fmt.Sprintf("%s?code=%d&state=s", c.RedirectURI(), i), "").status
		})
	}
	wg.Wait()
	close(statuses)
	count := map[int]int{}
	for s := range statuses {
		count[s]++
	}
	if count[http.StatusSeeOther] != 1 || count[http.StatusGone] != visitors-1 {
		t.Errorf("answers: %v", count)
	}
	first, err := c.Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if a := do(t, browser(t, false), "GET", first, ""); a.status != http.StatusSeeOther {
		t.Errorf("the same answer again got %d", a.status)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := c.Wait(ctx); err == nil {
		t.Errorf("there was a second answer: %q", got)
	}
}

func TestPagesAreLockedDown(t *testing.T) {
	t.Parallel()
	c := listen(t, authsome.Redirect{})
	h := do(t, browser(t, false), "GET", c.RedirectURI()+"?code=x&state=s", "").header
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
		"X-Content-Type-Options": "nosniff", "Access-Control-Allow-Origin": "",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	policy := h.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "style-src 'sha256-"} {
		if !strings.Contains(policy, want) {
			t.Errorf("policy %q lacks %q", policy, want)
		}
	}
}

func TestRedirectKinds(t *testing.T) {
	t.Parallel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	taken := listen(t, authsome.Redirect{})
	takenPort := mustPort(t, taken.RedirectURI())
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name     string
		redirect authsome.Redirect
		prefix   string // of the redirect URI
		kind     authsome.Kind
		message  string
	}{
		{"default", authsome.Redirect{}, "http://127.0.0.1:", "", ""},
		{"localhost", authsome.Redirect{Kind: authsome.RedirectLocalhost, Path: "/cb"}, "http://localhost:", "", ""},
		{
			"fixed",
			authsome.Redirect{Kind: authsome.RedirectFixedPort, Host: "localhost", Port: port, Path: "cb"},
			fmt.Sprintf("http://localhost:%d/cb", port), "", "",
		},
		{
			"fixed and taken",
			authsome.Redirect{Kind: authsome.RedirectFixedPort, Port: takenPort},
			"", authsome.KindLoginFailed, fmt.Sprint("port ", takenPort),
		},
		{
			"fixed and taken by name",
			authsome.Redirect{Kind: authsome.RedirectFixedPort, Host: "localhost", Port: takenPort},
			"", authsome.KindLoginFailed, fmt.Sprint("port ", takenPort),
		},
		{"fixed without port", authsome.Redirect{Kind: authsome.RedirectFixedPort}, "", authsome.KindLoginFailed, "no port"},
		{
			"not loopback",
			authsome.Redirect{Kind: authsome.RedirectFixedPort, Host: "0.0.0.0", Port: port},
			"", authsome.KindLoginFailed, "no loopback",
		},
		{"https", authsome.Redirect{Kind: authsome.RedirectHTTPSOnly}, "", authsome.KindUsage, "does not redirect"},
	}
	for _, tt := range tests {
		c, err := loopback.ListenCallback(loopback.CallbackConfig{Redirect: tt.redirect, Provider: "p"})
		if tt.kind != "" {
			if err == nil || authsome.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.message) {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if !strings.HasPrefix(c.RedirectURI(), tt.prefix) {
			t.Errorf("%s: %s", tt.name, c.RedirectURI())
		}
		c.Expect("s")
		if a := do(t, browser(t, false), "GET", c.RedirectURI()+"?code=x&state=s", ""); a.status != http.StatusSeeOther {
			t.Errorf("%s: %d", tt.name, a.status)
		}
		if err := c.Close(); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func mustPort(t *testing.T, uri string) int {
	t.Helper()
	addr, err := net.ResolveTCPAddr("tcp", hostOf(t, uri))
	if err != nil {
		t.Fatal(err)
	}
	return addr.Port
}

func TestCallbackIsBoundToLoopback(t *testing.T) {
	t.Parallel()
	c := listen(t, authsome.Redirect{})
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		ip := a.(*net.IPNet).IP
		if ip.IsLoopback() || ip.To4() == nil {
			continue
		}
		if conn, err := net.Dial("tcp", net.JoinHostPort(ip.String(), fmt.Sprint(mustPort(t, c.RedirectURI())))); err == nil {
			t.Errorf("reachable on %s", ip)
			_ = conn.Close()
		}
	}
}

func TestWaitEnds(t *testing.T) {
	t.Parallel()
	c := listen(t, authsome.Redirect{})
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Wait(cancelled); authsome.KindOf(err) != authsome.KindCancelled || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	if _, err := c.Wait(late); authsome.KindOf(err) != authsome.KindLoginFailed || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("late: %v", err)
	}
	waited := make(chan error)
	go func() {
		_, err := c.Wait(t.Context())
		waited <- err
	}()
	if err := errors.Join(c.Close(), c.Close()); err != nil {
		t.Error(err)
	}
	if err := <-waited; authsome.KindOf(err) != authsome.KindCancelled {
		t.Errorf("closed: %v", err)
	}
}

// A browser that closes its connection after each answer is between two of them while the login ends.
func TestABrowserWithoutKeepAliveSeesTheResult(t *testing.T) {
	t.Parallel()
	for range 20 {
		c := listen(t, authsome.Redirect{})
		client := browser(t, true)
		client.Transport = &http.Transport{DisableKeepAlives: true}
		page := make(chan answer)
		go func() { page <- do(t, client, "GET", c.RedirectURI()+"?code=x&state=s", "") }()
		if _, err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.Finish(nil)
		if a := <-page; !strings.Contains(a.body, "Connected to") {
			t.Fatalf("the browser saw %q", a.body)
		}
	}
}

func TestClosingTellsTheBrowser(t *testing.T) {
	t.Parallel()
	c := listen(t, authsome.Redirect{})
	page := make(chan answer)
	go func() { page <- do(t, browser(t, true), "GET", c.RedirectURI()+"?code=x&state=s", "") }()
	if _, err := c.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if a := <-page; !strings.Contains(a.body, "not finished") {
		t.Errorf("the browser saw %q", a.body)
	}
}

func TestOversizeRequestHeadIsRefused(t *testing.T) {
	t.Parallel()
	c := listen(t, authsome.Redirect{})
	conn, err := net.Dial("tcp", hostOf(t, c.RedirectURI()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go fmt.Fprintf(conn, "GET /callback?code=%s&state=s HTTP/1.1\r\nHost: %s\r\n\r\n",
		strings.Repeat("x", 1<<20), hostOf(t, c.RedirectURI()))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode < 400 {
		t.Errorf("got %s", resp.Status)
	}
}
