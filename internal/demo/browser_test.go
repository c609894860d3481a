package demo

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestBrowserApprovesNothingBeyondThisComputer(t *testing.T) {
	t.Parallel()
	leaving := httptest.NewServer(http.RedirectHandler("http://acme.example/authorize", http.StatusFound))
	defer leaving.Close()
	for _, address := range []string{"https://github.com/login/oauth/authorize", "http://localhost/", "http://10.0.0.1/", leaving.URL} {
		if err := Browse(t.Context(), address); !errors.Is(err, errNotLoopback) {
			t.Errorf("Browse(%s): %v, want %v", address, err, errNotLoopback)
		}
	}
}

func TestBrowserReportsAPageThatIsNotWhatItCameFor(t *testing.T) {
	t.Parallel()
	for name, page := range map[string]http.HandlerFunc{
		"no form":  func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<h1>Allow access?</h1>")) },
		"no value": func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`<form action="/x">`)) },
		"an error": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "unknown client_id", 400) },
	} {
		server := httptest.NewServer(page)
		defer server.Close()
		if err := Browse(t.Context(), server.URL); err == nil {
			t.Errorf("%s: Browse reports success", name)
		}
	}
}

func TestApprovalUnescapesAndResolvesTheForm(t *testing.T) {
	t.Parallel()
	page := `<form method="post" action="/a?x=1&amp;y=2"><input type="hidden" name="consent" value="a&#34;b">`
	action, fields, err := approval("http://127.0.0.1:1/authorize?state=s", page)
	if err != nil {
		t.Fatal(err)
	}
	if want := "http://127.0.0.1:1/a?x=1&y=2"; action != want {
		t.Errorf("the action is %s, want %s", action, want)
	}
	if got, want := fields.Encode(), "consent=a%22b&decision=approve"; got != want {
		t.Errorf("the form is %s, want %s", got, want)
	}
}

func TestLongLinesAreCutAndShortOnesAreNot(t *testing.T) {
	t.Parallel()
	short := strings.Repeat("é", longest)
	if got := shortened(short); got != short {
		t.Errorf("a line of %d characters became %q", longest, got)
	}
	if got, want := shortened(short+"x"), strings.Repeat("é", longest-1)+"…"; got != want {
		t.Errorf("a longer one became %q, want %q", got, want)
	}
}
