package authsome_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"authsome"
)

func keyed(inject authsome.Injection) *authsome.Credential {
	return &authsome.Credential{
		AuthType: authsome.AuthTypeAPIKey, Value: authsome.NewSecret("k&y"), Inject: inject,
		Fields: map[authsome.FieldName]authsome.Secret{"user": authsome.NewSecret("me"), "second": authsome.NewSecret("two")},
	}
}

func TestTemplatesPutEveryValueInItsPlace(t *testing.T) {
	t.Parallel()
	c := keyed(authsome.Injection{
		Headers: map[string]string{"X-One": "{api_key}", "X-Two": "v={second}", "X-Version": "7"},
		Query:   map[string]string{"key": "{api_key}", "u": "{user}"},
	})
	if c.HeaderOnly() {
		t.Error("a credential with a query is not a matter of headers")
	}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.test/a?q=a+b&KEY=mine&k%65y=mine&z=%2f", nil)
	req.Header = http.Header{"X_one": {"mine"}, "Authorization": {"mine"}, "X-Other": {"stays"}}
	if err := c.Authenticate(req); err != nil {
		t.Fatal(err)
	}
	if got, want := req.URL.RawQuery, "q=a+b&z=%2f&key=k%26y&u=me"; got != want {
		t.Errorf("the query is %s, want %s", got, want)
	}
	want := http.Header{"X-One": {"k&y"}, "X-Two": {"v=two"}, "X-Version": {"7"}, "X-Other": {"stays"}}
	if len(req.Header) != len(want) {
		t.Errorf("the header is %v, want %v", req.Header, want)
	}
	for name, values := range want {
		if req.Header.Get(name) != values[0] {
			t.Errorf("%s is %q, want %q", name, req.Header.Get(name), values[0])
		}
	}
}

func TestBasicCredentialsOfTemplates(t *testing.T) {
	t.Parallel()
	h, err := keyed(authsome.Injection{User: "{user}/token", Password: "{api_key}"}).Header()
	if err != nil {
		t.Fatal(err)
	}
	user, password, ok := (&http.Request{Header: h}).BasicAuth()
	if !ok || user != "me/token" || password != "k&y" {
		t.Errorf("got %q, %q, %t", user, password, ok)
	}
	if _, err := keyed(authsome.Injection{User: "a:{user}", Password: "{api_key}"}).Header(); err == nil {
		t.Error("a user name with a colon was sent")
	}
	if _, err := keyed(authsome.Injection{User: "{missing}"}).Header(); err == nil {
		t.Error("a value that is not there was sent")
	}
}

func FuzzTemplateFields(f *testing.F) {
	for _, seed := range []string{"{api_key}", "a{b}c{d}", "{", "}", "{}", "{{a}}", "x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, template string) {
		names, err := authsome.TemplateFields(template)
		if err != nil {
			return
		}
		for _, name := range names {
			if name == "" || !strings.Contains(template, "{"+string(name)+"}") {
				t.Errorf("%q names %q", template, name)
			}
		}
	})
}

func FuzzQueryInjection(f *testing.F) {
	f.Add("a=b&key=c")
	f.Add("key")
	f.Add("&&=&%6bey=%zz;key=2")
	f.Fuzz(func(t *testing.T, query string) {
		c := keyed(authsome.Injection{Query: map[string]string{"key": "{api_key}"}})
		req := &http.Request{Header: make(http.Header), URL: &url.URL{Scheme: "https", Host: "api.test", RawQuery: query}}
		if err := c.Authenticate(req); err != nil {
			t.Fatal(err)
		}
		if got := req.URL.Query()["key"]; len(got) != 1 || got[0] != "k&y" {
			t.Errorf("%q became %q", query, req.URL.RawQuery)
		}
	})
}

// A value is put in as it is, also where it looks like a template.
func TestValuesAreNoTemplates(t *testing.T) {
	t.Parallel()
	c := keyed(authsome.Injection{Headers: map[string]string{"X-Both": "{user} {api_key}"}})
	c.Fields["user"] = authsome.NewSecret("{api_key}")
	h, err := c.Header()
	if err != nil || h.Get("X-Both") != "{api_key} k&y" {
		t.Errorf("got %q, %v", h.Get("X-Both"), err)
	}
}
