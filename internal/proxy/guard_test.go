package proxy

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/coder/websocket"
	"github.com/klauspost/compress/zstd"

	"authsome"
	"authsome/internal/policy"
)

const secret = "s3cr3t/token+with=signs&more"

// guardedWorld is a world whose credential is secret.
func guardedWorld(t *testing.T, handler http.HandlerFunc) *world {
	t.Helper()
	w := newWorld(t)
	ref := w.cfg.Routes[0].Ref
	w.source.answer = func(authsome.CredentialOptions) (*authsome.Credential, error) {
		return credential(t, ref, secret, 1, apiHost), nil
	}
	w.serve(apiHost, handler)
	return w
}

// shown returns what of the secret, in any form that this test knows, is in a text.
func shown(text string) string {
	for _, form := range []string{
		secret, url.QueryEscape(secret), strings.ToLower(url.QueryEscape(secret)), strings.ReplaceAll(secret, "/", `\/`),
		strings.ReplaceAll(secret, "&", `\u0026`), strings.ReplaceAll(secret, "&", `&amp;`),
		base64.StdEncoding.EncodeToString([]byte(secret)), fmt.Sprintf("%x", secret),
	} {
		if strings.Contains(text, form) {
			return form
		}
	}
	return ""
}

func (w *world) covered() int {
	n := 0
	for _, e := range w.recorder.all() {
		if e.Name == authsome.EventRedact {
			n++
		}
	}
	return n
}

// Attack 21: an API that shows the request shows everything but the credential, in every form and place.
func TestEchoedCredentialIsCovered(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		forms := []string{
			secret, url.QueryEscape(secret), strings.ReplaceAll(secret, "/", `\/`), strings.ReplaceAll(secret, "&", `\u0026`),
			strings.ReplaceAll(secret, "&", `&amp;`), base64.StdEncoding.EncodeToString([]byte(secret)), fmt.Sprintf("%x", secret),
		}
		w := guardedWorld(t, func(rw http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer "+secret {
				t.Error("the credential did not arrive")
			}
			rw.Header().Set("Trailer", "X-End")
			rw.Header().Set("X-Echo", r.Header.Get("Authorization"))
			rw.Header().Set("Location", "https://elsewhere.test/?key="+url.QueryEscape(secret))
			for _, f := range forms { // every form, cut in the middle
				_, _ = io.WriteString(rw, "<"+f[:len(f)/2])
				rw.(http.Flusher).Flush()
				_, _ = io.WriteString(rw, f[len(f)/2:]+">")
			}
			rw.Header().Set("X-End", secret)
		})
		w.start()
		resp, body := do(t, w.transport(http2), request(t, "GET", "https://"+apiHost+"/echo", nil))
		all := fmt.Sprint(body, resp.Header, resp.Trailer)
		if form := shown(all); form != "" {
			t.Errorf("%q came back in %q", form, all)
		}
		if want := strings.Join(forms, "><"); len(body) != len(want)+2 || strings.Count(body, "<") != len(forms) {
			t.Errorf("got %d bytes, want %d: %q", len(body), len(want)+2, body)
		}
		if w.covered() != 1 {
			t.Errorf("%d events", w.covered())
		}
	})
}

// Attack 22: neither a content coding nor a range hides the credential.
func TestCodingsHideNothing(t *testing.T) {
	encode := map[string]func(io.Writer) io.WriteCloser{
		"gzip":    func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
		"deflate": func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) },
		"br":      func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) },
		"zstd":    func(w io.Writer) io.WriteCloser { e, _ := zstd.NewWriter(w); return e },
	}
	for coding, encoder := range encode {
		t.Run(coding, func(t *testing.T) {
			t.Parallel()
			w := guardedWorld(t, func(rw http.ResponseWriter, r *http.Request) {
				var b bytes.Buffer
				e := encoder(&b)
				_, _ = io.WriteString(e, "before "+secret+" after")
				_ = e.Close()
				rw.Header().Set("Content-Encoding", coding)
				_, _ = rw.Write(b.Bytes())
			})
			w.start()
			resp, body := do(t, w.transport(false), request(t, "GET", "https://"+apiHost+"/", nil))
			if resp.Header.Get("Content-Encoding") != "" || shown(body) != "" || !strings.HasSuffix(body, " after") {
				t.Errorf("got %q, %v", body, resp.Header)
			}
		})
	}
}

func TestWhatCannotBeLookedThroughIsRefused(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		w := guardedWorld(t, func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Encoding", "x-own")
			_, _ = io.WriteString(rw, secret)
		})
		w.start()
		resp, body := do(t, w.transport(http2), request(t, "GET", "https://"+apiHost+"/", nil))
		if r := refusalOf(t, resp, body); resp.StatusCode != http.StatusBadGateway || r["reason"] != "undecodable" {
			t.Errorf("got %d %v", resp.StatusCode, r)
		}
	})
}

func TestWhatWouldHideTheCredentialIsNotAskedFor(t *testing.T) {
	var got atomic.Pointer[http.Header]
	w := guardedWorld(t, func(_ http.ResponseWriter, r *http.Request) {
		h := r.Header.Clone()
		got.Store(&h)
	})
	w.start()
	for field, values := range map[string][2]string{
		"Range": {"bytes=0-7,9-", ""}, "If-Range": {`"x"`, ""}, "Sec-Websocket-Extensions": {"permessage-deflate", ""},
		"Grpc-Accept-Encoding": {"gzip", ""}, "A-Im": {"gzip, diffe", ""}, "Accept-Charset": {"utf-32, utf-7", ""}, "Accept-Encoding": {"dcb, gzip;q=0.5, zstd", "gzip;q=0.5, zstd"},
	} {
		req := request(t, "GET", "https://"+apiHost+"/", nil)
		req.Header.Set(field, values[0])
		do(t, w.transport(false), req)
		if v := got.Load().Get(field); v != values[1] {
			t.Errorf("%s %q became %q, want %q", field, values[0], v, values[1])
		}
	}
}

// Of what is compressed together with the credential, the length tells whether a guess in it was right.
func TestLengthOfWhatIsCompressedIsNotTold(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		w := guardedWorld(t, func(rw http.ResponseWriter, r *http.Request) {
			var b bytes.Buffer
			e := gzip.NewWriter(&b)
			_, _ = io.WriteString(e, r.URL.RawQuery+" "+secret)
			_ = e.Close()
			if r.Header.Get("Accept-Encoding") != "" {
				rw.Header().Set("Content-Encoding", "gzip")
			}
			rw.Header().Set("Content-Length", fmt.Sprint(b.Len()))
			if r.URL.Path == "/same" {
				rw.WriteHeader(http.StatusNotModified)
			}
		})
		w.start()
		for _, c := range []struct {
			method, path, accepts string
			told                  bool
		}{{"HEAD", "/", "gzip", false}, {"GET", "/same", "gzip", false}, {"HEAD", "/", "", true}} {
			req := request(t, c.method, "https://"+apiHost+c.path+"?"+secret[:8], nil)
			if c.accepts != "" {
				req.Header.Set("Accept-Encoding", c.accepts)
			}
			resp, _ := do(t, w.transport(http2), req)
			if got := resp.Header.Get("Content-Length"); (got != "") != c.told {
				t.Errorf("%s %s accepting %q: %s, Content-Length %q", c.method, c.path, c.accepts, resp.Status, got)
			}
		}
	})
}

// Attack 23: a POST in the disguise of a GET is answered as what it is, and so is one whose answer is labelled badly.
func TestTokensForADisguisedPOSTAreCovered(t *testing.T) {
	t.Parallel()
	kind := ""
	w := guardedWorld(t, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", kind)
		_, _ = io.WriteString(rw, `{"access_token":"ey.fresh"}`)
	})
	w.start()
	for _, c := range []struct {
		method, query, field, kind string
		shown                      bool
	}{
		{"GET", "_method=POST", "", "application/json", false},
		{"GET", "", "X-HTTP-Method-Override", "application/json", false},
		{"POST", "", "", "application/json; charset=utf-8; charset=utf-8", false},
		{"POST", "", "", "Application/JSON;=", false},
		{"GET", "a=b", "", "application/json", true},
	} {
		kind = c.kind
		req := request(t, c.method, "https://"+apiHost+"/token?"+c.query, nil)
		if c.field != "" {
			req.Header.Set(c.field, "POST")
		}
		if _, body := do(t, w.transport(false), req); strings.Contains(body, "ey.fresh") != c.shown || !strings.HasPrefix(body, `{"access_token":"`) {
			t.Errorf("%+v: got %s", c, body)
		}
	}
}

// Attack 23: AWS makes credentials in many places.
func TestCredentialsThatAWSMakesAreCovered(t *testing.T) {
	t.Parallel()
	x := &exchange{
		in: request(t, "GET", "https://"+apiHost+"/", nil), slot: &slot{},
		cred: &kept{cred: &authsome.Credential{AuthType: authsome.AuthTypeSigV4}},
	}
	for document, kind := range map[string]string{
		`{"authorizationData":[{"authorizationToken":"FRESH","expiresAt":1}]}`:                                    "application/x-amz-json-1.1",
		`{"Credentials":{"SecretAccessKey":"FRESH","SessionToken":"FRESH"}}`:                                      "application/json",
		`<R><SecretAccessKey>FRESH</SecretAccessKey></R>`:                                                         "text/xml",
		`<R><ServicePassword>FRESH</ServicePassword><ServiceCredentialSecret>FRESH</ServiceCredentialSecret></R>`: "text/xml;charset=utf-8",
		`<R><keyMaterial>FRESH</keyMaterial></R>`:                                                                 "text/xml",
	} {
		resp := &http.Response{Header: http.Header{"Content-Type": {kind}}}
		body := []byte(document)
		if m := x.freshIn(resp); m != nil {
			m.Cover(body)
		}
		if strings.Contains(string(body), "FRESH") || len(body) != len(document) {
			t.Errorf("%s as %s", body, kind)
		}
	}
}

// Attack 23: an agent may ask for a character encoding in which no name can be told.
func TestTokensInAnotherCharacterEncodingAreRefused(t *testing.T) {
	t.Parallel()
	w := guardedWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", r.Header.Get("Accept"))
		for _, c := range `{"access_token":"ey.fresh"}` {
			_, _ = rw.Write([]byte{0, byte(c)})
		}
	})
	w.start()
	for accept, want := range map[string]int{
		"application/json;charset=UTF-16BE": 502, "application/json; charset=\"utf_32\"": 502, "application/json;charset=X-UTF-16LE-BOM": 502, "application/json;charset=utf-16;charset=utf-16": 502,
		"application/json;charset=utf-8": 200, "application/json;charset=iso-8859-1": 200, "text/csv;charset=utf-16le": 200,
	} {
		req := request(t, "POST", "https://"+apiHost+"/token", strings.NewReader("x"))
		req.Header.Set("Accept", accept)
		if resp, body := do(t, w.transport(false), req); resp.StatusCode != want {
			t.Errorf("%s: %d %q", accept, resp.StatusCode, body)
		}
	}
}

// Attack 23: an answer that brings a token, and a request for a new key.
func TestNewCredentialsAreWithheld(t *testing.T) {
	for allowed, want := range map[bool]string{
		false: `{"access_token":"********","token_type":"bearer","scope":"a","nested":{"access_token":"kept"}}`,
		true:  `{"access_token":"ey.fresh","token_type":"bearer","scope":"a","nested":{"access_token":"kept"}}`,
	} {
		t.Run(fmt.Sprint("allowed ", allowed), func(t *testing.T) {
			t.Parallel()
			w := guardedWorld(t, func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("Content-Type", "application/json; charset=utf-8")
				rw.Header().Set("Set-Cookie", "session=1")
				_, _ = io.WriteString(rw, `{"access_token":"ey.fresh","token_type":"bearer","scope":"a","nested":{"access_token":"kept"}}`)
			})
			w.cfg.Routes[0].Guard = authsome.Guard{NewCredentials: allowed, Cookies: allowed}
			rule, err := policy.ParseRule("POST "+apiHost+"/v1/keys", "the definition of example")
			if err != nil {
				t.Fatal(err)
			}
			w.cfg.NewCredentials = []policy.Rule{rule}
			w.start()
			resp, body := do(t, w.transport(false), request(t, "POST", "https://"+apiHost+"/token", strings.NewReader("x")))
			if body != want || (resp.Header.Get("Set-Cookie") != "") != allowed {
				t.Errorf("got %s, %v", body, resp.Header)
			}
			resp, body = do(t, w.transport(false), request(t, "POST", "https://"+apiHost+"/v1/keys", strings.NewReader("x")))
			if allowed {
				if resp.StatusCode != 200 {
					t.Errorf("got %d %s", resp.StatusCode, body)
				}
				return
			}
			if r := refusalOf(t, resp, body); resp.StatusCode != 403 || r["reason"] != "new_credential" {
				t.Errorf("got %d %v", resp.StatusCode, r)
			}
			if resp, _ := do(t, w.transport(false), request(t, "GET", "https://"+apiHost+"/v1/keys", nil)); resp.StatusCode != 200 {
				t.Errorf("a list of keys: %d", resp.StatusCode)
			}
		})
	}
}

func TestGuardCanBeTurnedOff(t *testing.T) {
	t.Parallel()
	w := guardedWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Set-Cookie", "a=1")
		_, _ = io.WriteString(rw, secret+r.Header.Get("Range"))
	})
	w.cfg.Routes[0].Guard = authsome.Guard{Off: true, Cookies: true}
	w.start()
	req := request(t, "GET", "https://"+apiHost+"/", nil)
	req.Header.Set("Range", "bytes=0-")
	if resp, body := do(t, w.transport(false), req); body != secret+"bytes=0-" || resp.Header.Get("Set-Cookie") == "" {
		t.Errorf("got %q", body)
	}
}

// A token that was replaced lives on for a while, and is covered as long.
func TestFormerCredentialIsCovered(t *testing.T) {
	t.Parallel()
	w := guardedWorld(t, nil)
	ref := w.cfg.Routes[0].Ref
	w.source.answer = func(o authsome.CredentialOptions) (*authsome.Credential, error) {
		if o.Rejected != 0 {
			return credential(t, ref, "newer-"+secret, 2, apiHost), nil
		}
		return credential(t, ref, "former-token", 1, apiHost), nil
	}
	w.serve(apiHost, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer former-token" {
			rw.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = io.WriteString(rw, "former-token and newer-"+secret)
	}))
	w.start()
	resp, body := do(t, w.transport(false), request(t, "GET", "https://"+apiHost+"/", nil))
	if resp.StatusCode != 200 || strings.Contains(body, "former-token") || shown(body) != "" {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
}

// A message of a WebSocket is covered like a body, and none waits for the next one because of how it ends.
func TestWebSocketIsLookedThrough(t *testing.T) {
	t.Parallel()
	w := guardedWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(rw, r, nil)
		if err != nil {
			return
		}
		defer c.CloseNow()
		for {
			kind, message, err := c.Read(r.Context())
			if err != nil {
				return
			}
			_ = c.Write(r.Context(), kind, bytes.ReplaceAll(message, []byte("SECRET"), []byte(secret)))
		}
	})
	w.start()
	c, _, err := websocket.Dial(t.Context(), "wss://"+apiHost+"/ws",
		&websocket.DialOptions{HTTPClient: &http.Client{Transport: w.transport(false)}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	for _, message := range []string{"hello", "it is SECRET.", "ends in s", "ends in s3", "s", "SECRETSECRET"} {
		if err := c.Write(t.Context(), websocket.MessageText, []byte(message)); err != nil {
			t.Fatal(err)
		}
		_, got, err := c.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if want := len(strings.ReplaceAll(message, "SECRET", secret)); len(got) != want || shown(string(got)) != "" {
			t.Errorf("%q came back as %q", message, got)
		}
	}
}

// A field whose name is the credential does not come back either. Names are written in any case.
func TestFieldNamedLikeTheCredentialIsDropped(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		w := guardedWorld(t, nil)
		ref := w.cfg.Routes[0].Ref
		w.source.answer = func(authsome.CredentialOptions) (*authsome.Credential, error) {
			return credential(t, ref, "Token-As-A-Name", 1, apiHost), nil
		}
		w.serve(apiHost, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
			rw.Header().Set("X-"+token, "1")
			rw.Header().Set("X-Other", "1")
		}))
		w.start()
		resp, _ := do(t, w.transport(http2), request(t, "GET", "https://"+apiHost+"/", nil))
		if text := strings.ToLower(fmt.Sprint(resp.Header)); strings.Contains(text, "token-as-a-name") || resp.Header.Get("X-Other") != "1" {
			t.Errorf("got %s", text)
		}
		if w.covered() != 1 {
			t.Errorf("%d events", w.covered())
		}
	})
}

// gRPC servers answer a request whose messages are compressed likewise, whatever the client says it accepts.
func TestStreamThatNobodyCanDecodeIsRefused(t *testing.T) {
	t.Parallel()
	for _, h := range []struct{ kind, name, value string }{
		{"application/grpc", "Grpc-Encoding", "snappy"},
		{"application/grpc", "Connect-Content-Encoding", "br"},
		{"application/grpc-web-text+proto", "Grpc-Encoding", "gzip"},
		{"text/plain", "Grpc-Encoding", "gzip"},
		{"application/connect+json", "Connect-Content-Encoding", "snappy"},
		{"application/json", "Im", "gzip"},
	} {
		name := h.name
		w := guardedWorld(t, func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", h.kind)
			rw.Header().Set(h.name, h.value)
		})
		w.start()
		resp, body := do(t, w.transport(true), request(t, "POST", "https://"+apiHost+"/", strings.NewReader("x")))
		if r := refusalOf(t, resp, body); resp.StatusCode != http.StatusBadGateway || r["reason"] != "undecodable" {
			t.Errorf("%s: got %d %v", name, resp.StatusCode, r)
		}
	}
	w := guardedWorld(t, func(rw http.ResponseWriter, _ *http.Request) { rw.Header().Set("Grpc-Encoding", "identity") })
	w.start()
	if resp, _ := do(t, w.transport(true), request(t, "GET", "https://"+apiHost+"/", nil)); resp.StatusCode != http.StatusOK {
		t.Errorf("identity: %d", resp.StatusCode)
	}
}

// The client accepts messages that are not compressed, so it gets those.
func TestCompressedMessagesAreLookedThrough(t *testing.T) {
	t.Parallel()
	for _, h := range []struct{ kind, name, value string }{
		{"application/grpc+proto", "Grpc-Encoding", "gzip"},
		{"application/grpc", "Grpc-Encoding", "GZIP"},
		{"application/grpc-web", "Grpc-Encoding", "gzip"},
		{"application/connect+json", "Connect-Content-Encoding", "gzip"},
	} {
		w := guardedWorld(t, func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", h.kind)
			rw.Header().Set(h.name, h.value)
			var payload bytes.Buffer
			z := gzip.NewWriter(&payload)
			_, _ = io.WriteString(z, "you sent "+r.Header.Get("Authorization"))
			_ = z.Close()
			_, _ = rw.Write(binary.BigEndian.AppendUint32([]byte{1}, uint32(payload.Len())))
			_, _ = rw.Write(payload.Bytes())
		})
		w.start()
		resp, body := do(t, w.transport(true), request(t, "POST", "https://"+apiHost+"/", strings.NewReader("x")))
		if resp.StatusCode != http.StatusOK || resp.Header.Get(h.name) != "" || w.covered() != 1 {
			t.Errorf("%s: got %d %v, covered %d", h.kind, resp.StatusCode, resp.Header, w.covered())
		}
		want := "\x00\x00\x00\x00" + string(rune(len(body)-5)) + "you sent Bearer "
		if !strings.HasPrefix(body, want) || shown(body) != "" {
			t.Errorf("%s: got %q", h.kind, body)
		}
	}
}

// What is read may be a file of the person's own that happens to look like the answer of a token endpoint.
func TestFileThatLooksLikeATokenAnswerIsReadAsItIs(t *testing.T) {
	t.Parallel()
	const file = `{"access_token":"an example","token_type":"bearer"}`
	w := guardedWorld(t, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/vnd.github.raw+json")
		_, _ = io.WriteString(rw, file)
	})
	w.start()
	if _, body := do(t, w.transport(false), request(t, "GET", "https://"+apiHost+"/", nil)); body != file {
		t.Errorf("got %s", body)
	}
}

// Attacks 26 and 27: the placeholder in a body is passed on, worth nothing, and on record.
func TestPlaceholderInABodyIsOnRecord(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		var bodies atomic.Value
		w := guardedWorld(t, func(_ http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			bodies.Store(string(b))
		})
		w.start()
		text := "my key is " + authsome.Placeholder + " or " + authsome.Placeholder
		for _, body := range []io.Reader{
			strings.NewReader(text), io.MultiReader(strings.NewReader(text[:20]), strings.NewReader(text[20:])),
		} {
			do(t, w.transport(http2), request(t, "POST", "https://"+apiHost+"/issues?q=1", body))
			if got := bodies.Load(); got != text {
				t.Errorf("the API got %q", got)
			}
		}
		do(t, w.transport(http2), request(t, "POST", "https://"+apiHost+"/issues", strings.NewReader("nothing")))
		n := 0
		for _, e := range w.recorder.all() {
			if e.Name == authsome.EventPlaceholder {
				n++
				if e.Detail["path"] != "/issues" || e.Detail["host"] != apiHost || e.Ref.Provider != "example" {
					t.Errorf("recorded %+v", e)
				}
			}
		}
		if n != 2 {
			t.Errorf("%d events, want 2", n)
		}
	})
}

// A credential that is out of date when it arrives, since something has changed meanwhile, is sent nevertheless, once.
func TestOvertakenCredentialIsCovered(t *testing.T) {
	t.Parallel()
	w := guardedWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(rw, r.Header.Get("Authorization"))
	})
	answer := w.source.answer
	w.source.answer = func(o authsome.CredentialOptions) (*authsome.Credential, error) {
		w.proxy.memory.epoch.Add(1)
		return answer(o)
	}
	w.start()
	resp, body := do(t, w.transport(false), request(t, "GET", "https://"+apiHost+"/", nil))
	if resp.StatusCode != 200 || shown(body) != "" || len(body) != len("Bearer "+secret) {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
}
