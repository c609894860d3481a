package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"authsome"
	"authsome/internal/loopback"
	"authsome/internal/provider"
	"authsome/tests/internal/process"
)

const (
	goodKey = "sk-typed-into-a-real-browser-0123456789"
	badKey  = "hunter2-is-not-a-key"
)

func storedKey(t *testing.T, h *process.Home) string {
	t.Helper()
	return h.Must(t, "get", "openai", "--field", "api_key", "--show-secret")
}

// typed presses keys once the page has put the focus into a field by itself.
func typed(keys string) chromedp.Action[chromedp.Void] {
	return chromedp.Steps(chromedp.WaitReady(chromedp.CSS("input:focus")), chromedp.KeyEvent(keys))
}

// looks complains unless the field with the focus is in a state, which is what colours it while it is typed into. It asks
// the browser's own engine, so that no script of the page is needed.
func (b *tab) looks(state string) {
	b.t.Helper()
	b.do(chromedp.WaitReady(chromedp.CSS("input:focus:not(:placeholder-shown)" + state)))
}

// The keyboard alone is enough: the field has the focus, Enter sends it. So is a browser without script.
func TestKeyIsEnteredByKeyboard(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]bool{"with script": true, "without script": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, h := newTab(t), process.NewHome(t)
			if !script {
				b.withoutScript()
			}
			l := begin(t, h, "openai")
			b.open(l.address())
			b.contains("Log in to OpenAI", "API key", "it starts with sk-")
			b.photograph("form")
			b.do(typed(badKey))
			b.looks(":invalid")
			if status := b.leads(chromedp.KeyEvent(kb.Enter)); status != http.StatusUnprocessableEntity {
				t.Errorf("a bad key was answered %d", status)
			}
			b.contains("Nothing has been stored yet", "API key does not look like this: it starts with sk-")
			b.photograph("form-problem")
			if strings.Contains(b.document(), badKey) || strings.Contains(b.address(), badKey) {
				t.Error("the page repeats what was typed")
			}
			b.do(typed(goodKey))
			b.looks(":valid")
			b.do(chromedp.KeyEvent(kb.Enter))
			b.until("Connected to OpenAI")
			b.photograph("form-stored")
			if strings.Contains(b.document(), goodKey) {
				t.Error("the page shows the key")
			}
			if r := l.result(); r.Code != 0 || strings.Contains(r.String(), goodKey) || strings.Contains(r.String(), badKey) {
				t.Errorf("the login\n%s", r)
			}
			if got := storedKey(t, h); got != goodKey {
				t.Errorf("the vault has %q", got)
			}
		})
	}
}

func TestFormIsCancelled(t *testing.T) {
	t.Parallel()
	b, h := newTab(t), process.NewHome(t)
	l := begin(t, h, "openai")
	b.open(l.address())
	b.do(typed(kb.Tab + kb.Tab + kb.Enter)) // past the button that stores
	b.until("Login cancelled")
	if r := l.result(); r.Code != 8 {
		t.Errorf("the login\n%s", r)
	}
}

// Every bundled key pattern is written in Go's syntax. A browser that read it as JavaScript's could keep good keys from
// being sent, so either it means the same there or the browser does not get it.
func TestBrowserUnderstandsEveryKeyPattern(t *testing.T) {
	t.Parallel()
	all, broken, err := provider.Open(t.TempDir()).All()
	if err != nil || len(broken) > 0 {
		t.Fatal(err, broken)
	}
	cfg := loopback.FormConfig{Title: "All keys", Provider: "all", Fields: []authsome.Field{
		{Name: "own", Label: "own", Pattern: `(?i)[[:alpha:]\w-]+`}, // as somebody's own definition may have it
	}}
	for _, p := range all {
		if p.APIKey != nil && p.APIKey.KeyPattern != "" {
			cfg.Fields = append(cfg.Fields, authsome.Field{
				Name: authsome.FieldName(p.Name), Label: p.DisplayName, Pattern: p.APIKey.KeyPattern, Optional: true,
			})
		}
	}
	if len(cfg.Fields) < 5 {
		t.Fatalf("only %d key patterns", len(cfg.Fields))
	}
	f, err := loopback.ServeForm(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	b := newTab(t)
	b.open(f.URL())
	const check = `[...document.querySelectorAll("input")].filter(i => {
		try { return i.pattern && !new RegExp(i.pattern, "v") } catch { return true }
	}).map(i => i.name + ": " + i.pattern)`
	bad, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]string](check))
	if err != nil {
		t.Fatal(err)
	}
	if len(bad) > 0 {
		t.Errorf("patterns that the browser cannot read:\n%s", strings.Join(bad, "\n"))
	}
	b.do(typed("My-Key_1" + kb.Enter))
	values, err := f.Wait(b.ctx)
	if own := values["own"]; err != nil || own.Reveal() != "My-Key_1" {
		t.Errorf("a good key has not arrived: %v", err)
	}
}

// foreignName is a name that somebody else owns and that leads to this machine.
const foreignName = "rebound.example"

// foreignPage serves somebody else's page. Its host is another one than the form's, unless the caller changes that.
func foreignPage(t *testing.T, body string) (address string) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<!doctype html><title>Cats</title><body>%s</body>", body)
	}))
	t.Cleanup(srv.Close)
	return strings.Replace(srv.URL, "127.0.0.1", "localhost", 1)
}

func parameter(t *testing.T, address, name string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil || u.Query().Get(name) == "" {
		t.Fatalf("no %s in %s: %v", name, address, err)
	}
	return u.Query().Get(name)
}

// fetch lets the page in the tab ask for something, and returns what it learns.
func (b *tab) fetch(address, options string) string {
	b.t.Helper()
	script := fmt.Sprintf(
		`fetch(%q, %s).then(async r => r.type + " " + r.status + " " + await r.text(), e => "refused: " + e)`, address, options)
	got, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](script, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatal(err)
	}
	return got
}

// Somebody has got hold of the form's address, and of a page in the person's browser, and wants to plant a key.
func TestForeignPageCannotUseTheForm(t *testing.T) {
	t.Parallel()
	const planted = "sk-planted-by-somebody-else-0123456789"
	b, h := newTab(t), process.NewHome(t)
	l := begin(t, h, "openai")
	form := l.address()
	page := foreignPage(t, fmt.Sprintf(
		`<form method="post" action=%q><input name="api_key" value=%q><button>Cats!</button></form>`, form, planted))

	for name, from := range map[string]string{
		"another site": page, "another port": strings.Replace(page, "localhost", "127.0.0.1", 1),
	} {
		foreign := newTab(t)
		foreign.open(from)
		body := fmt.Sprintf(`{method: "POST", mode: %%q, body: new URLSearchParams({api_key: %q})}`, planted)
		for _, mode := range []string{"no-cors", "cors"} {
			if got := foreign.fetch(form, fmt.Sprintf(body, mode)); strings.Contains(got, "200") {
				t.Errorf("%s: fetch in the mode %s was answered: %s", name, mode, got)
			}
		}
		if got := foreign.fetch(form, `{}`); !strings.HasPrefix(got, "refused") {
			t.Errorf("%s: the form could be read: %s", name, got)
		}
		foreign.do(
			chromedp.Click(chromedp.CSS("button")),
			chromedp.WaitReady(`//*[contains(., "the form was not sent from its own page")]`),
		)
	}

	rebound := newTab(t)
	if status := rebound.open(strings.Replace(form, "127.0.0.1", foreignName, 1)); status != http.StatusMisdirectedRequest {
		t.Errorf("under a foreign name the form was answered %d", status)
	}

	b.open(form)
	b.do(typed(goodKey + kb.Enter))
	b.until("Connected to OpenAI")
	if r := l.result(); r.Code != 0 {
		t.Errorf("the login\n%s", r)
	}
	if got := storedKey(t, h); got != goodKey {
		t.Errorf("the vault has %q", got)
	}
}
