package attack_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// fresh is a credential that the provider makes.
const fresh = "fresh-credential-of-the-provider"

// makesKeys answers as endpoints do that make credentials, a few bytes at a time.
func makesKeys(rw http.ResponseWriter, r *http.Request) {
	rw.Header().Set("Content-Type", r.URL.Query().Get("type"))
	control := http.NewResponseController(rw)
	for text := r.URL.Query().Get("shape"); text != ""; _ = control.Flush() {
		n := min(5, len(text))
		_, _ = io.WriteString(rw, text[:n])
		text = text[n:]
	}
}

// 23: an endpoint that answers with a credential of its own.
func givesKeys(t *testing.T) {
	w := newWorld(t, setup{victim: makesKeys, more: `"credential_paths": ["POST ` + victimHost + `/v1/keys", "POST ` + victimHost + `/v1/apps/*/tokens"],`})
	r := w.run(t)
	for _, bytes := range []string{
		"POST /v1/keys HTTP/1.1\r\n", "POST /v1/keys?x=y HTTP/1.1\r\n", "POST /v1/%6beys HTTP/1.1\r\n", "POST /v1//keys HTTP/1.1\r\n",
		"POST /v1/apps/7/tokens HTTP/1.1\r\n", "post /v1/keys HTTP/1.1\r\n",
		"GET /v1/keys HTTP/1.1\r\nX-HTTP-Method-Override: POST\r\n", "PUT /v1/keys?_method=POST HTTP/1.1\r\n",
	} {
		a := r.victim(t).ask(t, bytes+"Host: "+victimHost+"\r\nContent-Length: 0\r\n\r\n")
		a.expect(t, bytes, http.StatusForbidden, http.StatusBadRequest)
		if a.StatusCode == http.StatusForbidden && a.reason() != "new_credential" {
			t.Errorf("%q was refused for another reason: %s", bytes, a)
		}
	}
	for _, path := range []string{"/v1/keys", "/v1/apps/7/tokens"} {
		status := r.frames(t).ask(t, ":method", "POST", ":scheme", "https", ":path", path, ":authority", victimHost)
		if status != http.StatusForbidden {
			t.Errorf("POST %s over HTTP/2: %d", path, status)
		}
	}
	w.victim.untouched(t)
	// Elsewhere the answer of a token endpoint, RFC 6749 section 5.1, is known by its shape.
	for _, http2 := range []bool{false, true} {
		for shape, kind := range map[string]string{
			`{"access_token":"` + fresh + `","token_type":"bearer"}`:                     "application/json",
			"{\n  \"token_type\": \"bearer\",\n  \"refresh_token\" : \"" + fresh + "\"}": "application/json; charset=utf-8",
			`{"scope":["a"],"access_token":"` + fresh + `","refresh_token":null}`:        "application/vnd.victim+json",
			`{"a":{"b":1},"refresh_token":"x\"` + fresh + `"}`:                           "text/json",
		} {
			a := fetch(t, r.transport(t, http2), "POST", "https://"+victimHost+"/token", nil, func(r *http.Request) {
				q := r.URL.Query()
				q.Set("shape", shape)
				q.Set("type", kind)
				r.URL.RawQuery = q.Encode()
			})
			if strings.Contains(a.body, fresh) || len(a.body) != len(shape) {
				t.Fatalf("HTTP/2 %t, the new credential came through: %s", http2, a)
			}
		}
	}
	// A list of keys is no new key, and a person may allow the rest.
	r.victim(t).ask(t, get("/v1/keys", "")).expect(t, "a list of keys", http.StatusOK)
	r.end()
	w.home.Must(t, "connection", "set", "victim", "--new-credentials", "allow")
	w.run(t).victim(t).ask(t, "POST /v1/keys HTTP/1.1\r\nHost: "+victimHost+"\r\nContent-Length: 0\r\n\r\n").
		expect(t, "what a person has allowed", http.StatusOK)
}

// 24: the provider opens a session, whose cookie would serve as well as the credential.
func sessionCookie(t *testing.T) {
	const cookie = "session=as-good-as-the-key"
	w := newWorld(t, setup{victim: func(rw http.ResponseWriter, r *http.Request) {
		h := rw.Header()
		h.Add("Set-Cookie", cookie+"; Secure; HttpOnly")
		h.Add("set-cookie", "second="+cookie)
		if r.URL.Path == "/early" {
			rw.WriteHeader(http.StatusEarlyHints)
		}
		h.Set("Trailer", "X-End")
		if r.URL.Path == "/late" {
			h.Set("Trailer", "Set-Cookie, X-End")
		}
		rw.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(rw).Flush()
		_, _ = io.WriteString(rw, "ok")
		h.Set("Set-Cookie", "late="+cookie)
		h.Set(http.TrailerPrefix+"Set-Cookie", "later="+cookie)
		h.Set("X-End", "1")
	}})
	r := w.run(t)
	for _, http2 := range []bool{false, true} {
		for _, path := range []string{"/", "/late"} {
			a := fetch(t, r.transport(t, http2), "GET", "https://"+victimHost+path, nil, nil)
			if text := a.String() + headerText(a.Trailer); strings.Contains(text, cookie) || a.body != "ok" || a.Trailer.Get("X-End") != "1" {
				t.Fatalf("HTTP/2 %t, the session came through: %s %v", http2, a, a.Trailer)
			}
		}
	}
	s := r.victim(t)
	early := s.ask(t, get("/early", ""))
	early.expect(t, "an interim response", http.StatusEarlyHints)
	if strings.Contains(early.String(), cookie) {
		t.Fatalf("the session came through early: %s", early)
	}
	s.answer(t, "GET").expect(t, "the response after it", http.StatusOK)
	r.end()
	w.home.Must(t, "connection", "set", "victim", "--cookies", "allow")
	a := fetch(t, w.run(t).transport(t, false), "GET", "https://"+victimHost+"/", nil, nil)
	if !strings.Contains(a.Header.Get("Set-Cookie"), cookie) {
		t.Errorf("what a person has allowed did not come through: %s", a)
	}
}

func headerText(h http.Header) string {
	var b strings.Builder
	_ = h.Write(&b)
	return b.String()
}
