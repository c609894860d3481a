package loopback_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"authsome"
	"authsome/internal/loopback"
)

const formType = "application/x-www-form-urlencoded"

func serveForm(t *testing.T) *loopback.Form {
	t.Helper()
	f, err := loopback.ServeForm(loopback.FormConfig{
		Title: "Connect <GitHub>", Provider: "github", Docs: "https://docs.test/apps?a=1&b=2",
		RedirectURI: "http://127.0.0.1:1234/callback",
		Fields: []authsome.Field{
			{Name: authsome.FieldClientID, Label: "Client ID"},
			{Name: authsome.FieldClientSecret, Label: "Client secret", Secret: true, Optional: true},
			{
				Name: authsome.FieldAPIKey, Label: "API key", Secret: true,
				Pattern: "sk-[a-z0-9]+|x", PatternHint: `"sk-" and small letters`,
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func fields(id, secret, key string) string {
	return url.Values{"client_id": {id}, "client_secret": {secret}, "api_key": {key}}.Encode()
}

func post(t *testing.T, f *loopback.Form, body string, header ...string) answer {
	t.Helper()
	return do(t, browser(t, false), "POST", f.URL(), body, append([]string{"Content-Type", formType}, header...)...)
}

func origin(f *loopback.Form) string { return f.URL()[:strings.LastIndex(f.URL(), "/")] }

func TestFormPageIsAccessibleAndComplete(t *testing.T) {
	t.Parallel()
	f := serveForm(t)
	a := do(t, browser(t, false), "GET", f.URL(), "")
	for _, want := range []string{
		"Connect &lt;GitHub&gt;", `href="https://docs.test/apps?a=1&amp;b=2" rel="noreferrer noopener"`,
		"http://127.0.0.1:1234/callback", "encrypted vault", `<label for="field-api_key">API key</label>`,
		`id="field-api_key" name="api_key" type="password" autocomplete="off"`, "Client secret (optional)",
		`name="client_id" type="text"`, "autofocus", `aria-describedby="hint-api_key"`,
		`aria-describedby="hint-api_key" placeholder=" " pattern="`, "Format: &#34;sk-&#34; and small letters",
		"color-scheme:light dark", `<html lang="en">`, "formnovalidate>Cancel",
	} {
		if !strings.Contains(a.body, want) {
			t.Errorf("%s is missing in:\n%s", want, a.body)
		}
	}
	if strings.Contains(a.body, "<script") || strings.Count(a.body, "autofocus") != 1 {
		t.Errorf("page:\n%s", a.body)
	}
	// With "no-referrer" browsers send "Origin: null" with the form.
	if got := a.header.Get("Referrer-Policy"); got != "same-origin" {
		t.Errorf("Referrer-Policy is %q", got)
	}
}

func TestDocsLinkMustBeHTTPS(t *testing.T) {
	t.Parallel()
	f, err := loopback.ServeForm(loopback.FormConfig{Title: "t", Provider: "p", Docs: "javascript:alert(1)"})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if a := do(t, browser(t, false), "GET", f.URL(), ""); strings.Contains(a.body, "javascript") {
		t.Error(a.body)
	}
}

func TestFormTakesOneAnswer(t *testing.T) {
	t.Parallel()
	f := serveForm(t)
	page := make(chan answer)
	go func() {
		page <- do(t, browser(t, true), "POST", f.URL(), fields("  id ", "", "\tsk-abc\r\n"),
			"Content-Type", formType, "Origin", origin(f), "Sec-Fetch-Site", "same-origin")
	}()
	values, err := f.Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(values) != 2 || values[authsome.FieldClientID].Reveal() != "id" || values[authsome.FieldAPIKey].Reveal() != "sk-abc" {
		t.Errorf("got %d values: %q", len(values), values[authsome.FieldAPIKey].Reveal())
	}
	if a := post(t, f, fields("id", "", "sk-other")); a.status != http.StatusGone {
		t.Errorf("a second answer got %d", a.status)
	}
	if a := do(t, browser(t, false), "GET", f.URL(), ""); a.status != http.StatusGone {
		t.Errorf("the form after its answer got %d", a.status)
	}
	f.Finish(nil)
	if a := <-page; a.status != http.StatusOK || !strings.Contains(a.body, "Connected to github") {
		t.Errorf("the browser saw %+v", a)
	}
}

func TestOneOfManyAnswersIsTaken(t *testing.T) {
	t.Parallel()
	f := serveForm(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	count := map[int]int{}
	for range 20 {
		wg.Go(func() {
			a := post(t, f, fields("id", "", "x"))
			mu.Lock()
			defer mu.Unlock()
			count[a.status]++
		})
	}
	wg.Wait()
	if count[http.StatusSeeOther] != 1 || count[http.StatusGone] != 19 {
		t.Errorf("answers: %v", count)
	}
}

func TestBadInputIsAskedForAgainAndNotEchoed(t *testing.T) {
	t.Parallel()
	f := serveForm(t)
	for name, tt := range map[string]struct{ body, want string }{
		"missing":         {fields("hunter2", "", " "), "API key is missing."},
		"wrong pattern":   {fields("hunter2", "hunter2", "hunter2"), "API key does not look like this: &#34;sk-&#34;"},
		"part of pattern": {fields("hunter2", "", "x hunter2"), "API key does not look like this"},
		"line end":        {fields("hunter2", "a\r\nhunter2", "x"), "Client secret contains characters"},
		"NUL":             {fields("hunter2\x00", "", "x"), "Client ID contains characters"},
		"not UTF-8":       {"client_id=hunter2%ff&api_key=x", "Client ID contains characters"},
		"twice":           {fields("hunter2", "", "x") + "&api_key=x", "API key was sent more than once."},
		"nothing":         {"", "Client ID is missing."},
	} {
		a := post(t, f, tt.body)
		if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, tt.want) {
			t.Errorf("%s: %d\n%s", name, a.status, a.body)
		}
		if strings.Contains(a.body, "hunter2") {
			t.Errorf("%s: echoed", name)
		}
		if !strings.Contains(a.body, `role="alert"`) || !strings.Contains(a.body, `aria-invalid="true"`) {
			t.Errorf("%s: not announced", name)
		}
	}
	if a := post(t, f, fields("id", "s", "x")); a.status != http.StatusSeeOther {
		t.Errorf("good input after bad got %d", a.status)
	}
}

func TestFormRefusesAttacks(t *testing.T) {
	t.Parallel()
	f := serveForm(t)
	good := fields("id", "", "x")
	client := browser(t, false)
	host := strings.TrimPrefix(origin(f), "http://")
	tests := []struct {
		name, method, target, body string
		header                     []string
		want                       int
	}{
		{"guessed address", "GET", origin(f) + "/AAAAAAAAAAAAAAAAAAAAAAAAAA", "", nil, 404},
		{"no token", "GET", origin(f) + "/", "", nil, 404},
		{"token cut short", "POST", f.URL()[:len(f.URL())-1], good, []string{"Content-Type", formType}, 404},
		{"result before an answer", "GET", f.URL() + "/done", "", nil, 404},
		{"rebound name", "POST", f.URL(), good, []string{"Content-Type", formType, "Host", "evil.test"}, 421},
		{"rebound name, reading", "GET", f.URL(), "", []string{"Host", strings.Replace(host, "127.0.0.1", "evil.test", 1)}, 421},
		{"foreign page", "POST", f.URL(), good, []string{"Content-Type", formType, "Origin", "https://evil.test"}, 403},
		{"page without origin", "POST", f.URL(), good, []string{"Content-Type", formType, "Origin", "null"}, 403},
		{"other port", "POST", f.URL(), good, []string{"Content-Type", formType, "Origin", "http://127.0.0.1:1"}, 403},
		{"two origins", "POST", f.URL(), good, []string{"Content-Type", formType, "Origin", origin(f), "Origin", "null"}, 403},
		{"cross-site", "POST", f.URL(), good, []string{"Content-Type", formType, "Sec-Fetch-Site", "cross-site"}, 403},
		{"same site only", "POST", f.URL(), good, []string{"Content-Type", formType, "Sec-Fetch-Site", "same-site"}, 403},
		{"other method", "PUT", f.URL(), good, []string{"Content-Type", formType}, 405},
		{"text", "POST", f.URL(), good, []string{"Content-Type", "text/plain"}, 415},
		{"no type", "POST", f.URL(), good, nil, 415},
		{"values in the address", "POST", f.URL() + "?" + good, "", []string{"Content-Type", formType}, 422},
		{"malformed", "POST", f.URL(), "api_key=%zz", []string{"Content-Type", formType}, 400},
		{"oversize", "POST", f.URL(), "api_key=" + strings.Repeat("x", 65<<10), []string{"Content-Type", formType}, 413},
	}
	for _, tt := range tests {
		a := do(t, client, tt.method, tt.target, tt.body, tt.header...)
		if a.status != tt.want {
			t.Errorf("%s: %d, want %d: %s", tt.name, a.status, tt.want, a.body)
		}
		if strings.Contains(a.body, "%zz") {
			t.Errorf("%s: echoed", tt.name)
		}
	}
	if a := post(t, f, good); a.status != http.StatusSeeOther {
		t.Errorf("the form no longer works: %d", a.status)
	}
}

func TestFormCanBeCancelled(t *testing.T) {
	t.Parallel()
	f := serveForm(t)
	page := make(chan answer)
	go func() { page <- do(t, browser(t, true), "POST", f.URL(), "cancel+login=yes", "Content-Type", formType) }()
	if _, err := f.Wait(t.Context()); authsome.KindOf(err) != authsome.KindCancelled {
		t.Errorf("Wait: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if a := <-page; !strings.Contains(a.body, "Login cancelled") {
		t.Errorf("the browser saw %+v", a)
	}
}

func TestFormAddressesDiffer(t *testing.T) {
	t.Parallel()
	a, b := serveForm(t).URL(), serveForm(t).URL()
	tokenA, tokenB := a[strings.LastIndex(a, "/")+1:], b[strings.LastIndex(b, "/")+1:]
	if tokenA == tokenB || len(tokenA) < 26 { // 5 bits each
		t.Errorf("%s, %s", tokenA, tokenB)
	}
}

func TestPatternMustBeAnExpression(t *testing.T) {
	t.Parallel()
	_, err := loopback.ServeForm(loopback.FormConfig{Fields: []authsome.Field{{Name: "api_key", Pattern: "("}}})
	if err == nil || !strings.Contains(err.Error(), "api_key") {
		t.Errorf("got %v", err)
	}
}

// FuzzForm: whatever is sent, the answer is a known one, and a value that was refused is not shown.
func FuzzForm(f *testing.F) {
	f.Add("id", "sk-abc")
	f.Add("<b>", "\r\n")
	f.Fuzz(func(t *testing.T, id, key string) {
		form := serveForm(t)
		const marker = "hunter2hunter2"
		a := post(t, form, fields(marker+id, "", key))
		if a.status != http.StatusSeeOther && a.status != http.StatusUnprocessableEntity && a.status != http.StatusRequestEntityTooLarge {
			t.Errorf("status %d", a.status)
		}
		if strings.Contains(a.body, marker) {
			t.Error("echoed")
		}
	})
}
