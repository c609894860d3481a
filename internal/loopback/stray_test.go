package loopback_test

import (
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"authsome"
	"authsome/internal/loopback"
)

// listenTelling is like listen, and collects what the person is told.
func listenTelling(t *testing.T) (c *loopback.Callback, told func() []string) {
	t.Helper()
	var mu sync.Mutex
	var texts []string
	c, err := loopback.ListenCallback(loopback.CallbackConfig{Provider: "github", Ignored: func(text string) {
		mu.Lock()
		defer mu.Unlock()
		texts = append(texts, text)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return texts
	}
}

// RFC 6749 section 10.12: what does not carry the state is not the answer, and keeps nobody from giving it.
func TestAnswerWithoutTheStateIsIgnored(t *testing.T) {
	t.Parallel()
	c, told := listenTelling(t)
	client := browser(t, false)
	ask := func(query string) answer { return do(t, client, "GET", c.RedirectURI()+"?"+query, "") }
	if a := ask("code=early&state="); a.status != http.StatusBadRequest {
		t.Errorf("before there is a state: %d", a.status)
	}
	c.Expect("right")
	for _, query := range []string{
		"code=forged&state=wrong", "code=forged", "code=forged&state=", "code=forged&state=right&state=wrong",
		"code=forged&state=right&state=right", "error=access_denied&state=wrong", "error=access_denied&state=", "code=forged&state=Right",
		"code=forged&State=right", "code=forged&state=right%00",
	} {
		a := ask(query)
		if a.status != http.StatusBadRequest || !strings.Contains(a.body, "Not the answer of this login") ||
			!strings.Contains(a.body, "goes on") || strings.Contains(a.body, "forged") || strings.Contains(a.body, "<form") {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
	if texts := told(); len(texts) != 1 || !strings.Contains(texts[0], "has been ignored; the login goes on") {
		t.Errorf("the person was told %q", texts)
	}
	if a := ask("code=good&state=right"); a.status != http.StatusSeeOther {
		t.Fatalf("the answer got %d", a.status)
	}
	if got, err := c.Wait(t.Context()); err != nil || got != c.RedirectURI()+"?code=good&state=right" {
		t.Errorf("Wait: %q, %v", got, err)
	}
}

// Some servers leave the state out of errors. Who comes from there can say so; another page cannot.
func TestErrorWithoutAStateEndsTheLoginWhenThePersonSaysSo(t *testing.T) {
	t.Parallel()
	c, told := listenTelling(t)
	c.Expect("right")
	client := browser(t, false)
	a := do(t, client, "GET", c.RedirectURI()+"?error=access_denied&error_description=Call+this+number", "")
	if a.status != http.StatusBadRequest || !strings.Contains(a.body, "access_denied") || strings.Contains(a.body, "number") ||
		strings.Contains(a.body, "right") || a.header.Get("Referrer-Policy") != "same-origin" {
		t.Fatalf("got %d %v %s", a.status, a.header, a.body)
	}
	if texts := told(); len(texts) != 1 || !strings.Contains(texts[0], `"access_denied"`) || !strings.Contains(texts[0], "Ctrl-C") {
		t.Errorf("the person was told %q", texts)
	}
	token := regexp.MustCompile(`name="token" value="([^"]+)"`).FindStringSubmatch(a.body)
	if token == nil {
		t.Fatal("there is no form")
	}
	origin := strings.TrimSuffix(c.RedirectURI(), "/callback")
	kind := []string{"Content-Type", "application/x-www-form-urlencoded"}
	for name, tt := range map[string]struct {
		method, body string
		header       []string
	}{
		"another page":        {"POST", "token=" + token[1], append([]string{"Origin", "https://evil.test"}, kind...)},
		"a page without one":  {"POST", "token=" + token[1], append([]string{"Origin", "null"}, kind...)},
		"another site":        {"POST", "token=" + token[1], append([]string{"Sec-Fetch-Site", "cross-site"}, kind...)},
		"a guess":             {"POST", "token=x", kind},
		"none":                {"POST", "", kind},
		"in the address only": {"POST", "", kind},
		"an address":          {"GET", "", nil},
	} {
		if a := do(t, client, tt.method, c.RedirectURI()+"/end?token="+token[1], tt.body, tt.header...); a.status < 400 {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	a = do(t, client, "POST", c.RedirectURI()+"/end", "error=access_denied&token="+token[1],
		append([]string{"Origin", origin, "Sec-Fetch-Site", "same-origin"}, kind...)...)
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/callback/done" {
		t.Errorf("the person's word got %d %v", a.status, a.header)
	}
	if got, err := c.Wait(t.Context()); err != nil || got != c.RedirectURI()+"?error=access_denied&state=right" {
		t.Errorf("Wait: %q, %v", got, err)
	}
}

func TestErrorCodeThatIsNoneIsNotShown(t *testing.T) {
	t.Parallel()
	c, told := listenTelling(t)
	c.Expect("right")
	for _, code := range []string{"Call+this+number", strings.Repeat("a", 41), "%3Cb%3E", ""} {
		if a := do(t, browser(t, false), "GET", c.RedirectURI()+"?error="+code, ""); !strings.Contains(a.body, "<code>unknown_error</code>") {
			t.Errorf("%q: %s", code, a.body)
		}
	}
	if texts := told(); len(texts) != 1 || !strings.Contains(texts[0], "unknown_error") {
		t.Errorf("the person was told %q", texts)
	}
}

// However many answers and connections there are, the right one is taken.
func TestFloodKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	c := listen(t, authsome.Redirect{})
	for range 200 {
		conn, err := net.Dial("tcp", hostOf(t, c.RedirectURI()))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = conn.Write([]byte("GET /callback"))
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for n := range 8 {
		client := browser(t, false)
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				resp, err := client.Get(fmt.Sprintf("%s?code=x&state=%d-%d", c.RedirectURI(), n, i))
				if err == nil {
					_ = resp.Body.Close()
				}
			}
		})
	}
	a := do(t, browser(t, false), "GET", c.RedirectURI()+"?code=good&state=s", "")
	close(stop)
	wg.Wait()
	if a.status != http.StatusSeeOther {
		t.Errorf("the answer got %d", a.status)
	}
	if got, err := c.Wait(t.Context()); err != nil || !strings.HasSuffix(got, "?code=good&state=s") {
		t.Errorf("Wait: %q, %v", got, err)
	}
}

func TestOldestConnectionMakesRoom(t *testing.T) {
	t.Parallel()
	c := listen(t, authsome.Redirect{})
	first, err := net.Dial("tcp", hostOf(t, c.RedirectURI()))
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	for range 200 {
		conn, err := net.Dial("tcp", hostOf(t, c.RedirectURI()))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	if n, err := first.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Errorf("read %d bytes, %v", n, err)
	}
}
