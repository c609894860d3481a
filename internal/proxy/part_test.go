package proxy

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"authsome"
)

// partWorld serves content with the secret in several places, in parts for whoever wants them, and returns what of it the
// client may see.
func partWorld(t *testing.T) (w *world, covered string) {
	t.Helper()
	var content bytes.Buffer
	for i := range 40 {
		fmt.Fprintf(&content, "%s%d", strings.Repeat("some text ", i*7), i)
		content.WriteString(secret)
	}
	w = guardedWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		http.ServeContent(rw, r, "file.bin", time.Unix(1_000_000, 0), bytes.NewReader(content.Bytes()))
	})
	w.start()
	_, covered = do(t, w.transport(false), request(t, "GET", "https://"+apiHost+"/", nil))
	if shown(covered) != "" || len(covered) != content.Len() {
		t.Fatal("the whole is not covered")
	}
	return w, covered
}

func (w *world) partOf(http2 bool, spec string) (*http.Response, string) {
	w.t.Helper()
	req := request(w.t, "GET", "https://"+apiHost+"/", nil)
	req.Header.Set("Range", spec)
	return do(w.t, w.transport(http2), req)
}

// Attack 22: parts of an answer are parts of what the whole answer is, wherever they are cut.
func TestPartsAreThoseOfTheCoveredWhole(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		w, whole := partWorld(t)
		total := len(whole)
		random := rand.New(rand.NewPCG(1, 2))
		at := strings.IndexByte(whole, '*')
		for n := range 120 {
			first := random.IntN(total)
			last := min(total-1, first+random.IntN(60))
			if n < 30 { // through the first secret, byte by byte
				first, last = at+n, at+n
			}
			resp, body := w.partOf(http2, fmt.Sprintf("bytes=%d-%d", first, last))
			want := fmt.Sprintf("bytes %d-%d/%d", first, last, total)
			if resp.StatusCode != 206 || resp.Header.Get("Content-Range") != want || body != whole[first:last+1] ||
				resp.ContentLength != int64(len(body)) {
				t.Fatalf("%s: %s %v %q, want %q", want, resp.Status, resp.Header, body, whole[first:last+1])
			}
		}
		for spec, want := range map[string]string{
			"bytes=0-":                            whole,
			fmt.Sprintf("bytes=%d-", total-5):     whole[total-5:],
			"bytes=-7":                            whole[total-7:],
			fmt.Sprintf("bytes=-%d", 2*total):     whole,
			fmt.Sprintf("Bytes=100-%d", 10*total): whole[100:],
		} {
			resp, body := w.partOf(http2, spec)
			if resp.StatusCode != 206 || body != want {
				t.Errorf("%s: %s, %d bytes, want %d", spec, resp.Status, len(body), len(want))
			}
		}
		for _, spec := range []string{fmt.Sprintf("bytes=%d-", total), fmt.Sprintf("bytes=%d-%d", total+3, total+9), "bytes=99999999-"} {
			resp, body := w.partOf(http2, spec)
			if resp.StatusCode != 416 || resp.Header.Get("Content-Range") != fmt.Sprintf("bytes */%d", total) || strings.Contains(body, "text") {
				t.Errorf("%s, behind the end: %s %v %q", spec, resp.Status, resp.Header, body)
			}
		}
		for _, spec := range []string{"bytes=0-1,5-6", "bytes=5-4", "lines=1-2", "bytes=", "bytes=-0", "bytes=a-", "bytes=1-9999999999999999999"} {
			if resp, body := w.partOf(http2, spec); resp.StatusCode != 200 || body != whole {
				t.Errorf("%s: %s, %d bytes, want the whole", spec, resp.Status, len(body))
			}
		}
	})
}

func TestPartsThatNobodyAskedForAreRefused(t *testing.T) {
	t.Parallel()
	var header http.Header
	w := guardedWorld(t, func(rw http.ResponseWriter, _ *http.Request) {
		for name, values := range header {
			rw.Header()[name] = values
		}
		rw.WriteHeader(http.StatusPartialContent)
		_, _ = io.WriteString(rw, secret[9:]+" after")
	})
	w.start()
	for name, h := range map[string]http.Header{
		"another part":      {"Content-Range": {"bytes 9-40/100"}},
		"more":              {"Content-Range": {"bytes 0-9000/10000"}},
		"none":              {},
		"two":               {"Content-Range": {"bytes 0-4105/9999", "bytes 1-2/3"}},
		"parts":             {"Content-Type": {"multipart/byteranges; boundary=x"}},
		"cut in the middle": {"Content-Range": {"bytes 0-15/9000"}},
		"compressed":        {"Content-Range": {"bytes 0-4105/9999"}, "Content-Encoding": {"gzip"}},
		"nonsense":          {"Content-Range": {"bytes 5-4/100"}},
		"behind its end":    {"Content-Range": {"bytes 0-4105/100"}},
		"messages":          {"Content-Range": {"bytes 0-4105/9999"}, "Content-Type": {"application/grpc"}, "Grpc-Encoding": {"gzip"}},
	} {
		header = h
		resp, body := w.partOf(false, "bytes=5-9")
		if r := refusalOf(t, resp, body); resp.StatusCode != 502 || r["reason"] != "undecodable" {
			t.Errorf("%s: %s %s", name, resp.Status, body)
		}
	}
}

// Attack 22: Range is not the only field by which servers can be asked for parts, and of parts that are small enough none holds
// as much of a secret as could be told.
func TestPartsAskedForInAnotherWayAreRefused(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		w := guardedWorld(t, func(rw http.ResponseWriter, r *http.Request) {
			for _, name := range []string{"Request-Range", "X-Ms-Range"} {
				if spec := r.Header.Get(name); spec != "" {
					r.Header.Set("Range", spec)
				}
			}
			http.ServeContent(rw, r, "file.bin", time.Unix(1_000_000, 0), strings.NewReader("before "+secret+" after"))
		})
		w.start()
		for name, spec := range map[string]string{"Request-Range": "bytes=7-12", "X-Ms-Range": "bytes=13-18", "request-range": "bytes=7-9,13-15"} {
			req := request(t, "GET", "https://"+apiHost+"/", nil)
			req.Header.Set(name, spec)
			resp, body := do(t, w.transport(http2), req)
			if r := refusalOf(t, resp, body); resp.StatusCode != http.StatusBadGateway || r["reason"] != "undecodable" {
				t.Errorf("%s: %s: %d %s", name, spec, resp.StatusCode, body)
			}
		}
	})
}

// Some APIs send the pages of a list as parts.
func TestPagesAreNoPartsOfAFile(t *testing.T) {
	t.Parallel()
	for _, span := range []string{"id 1..200; max=200", "items 0-24/100", "0-24/100"} {
		w := guardedWorld(t, func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Range", span)
			rw.WriteHeader(http.StatusPartialContent)
			_, _ = io.WriteString(rw, "before "+secret+" after")
		})
		w.start()
		resp, body := do(t, w.transport(false), request(t, "GET", "https://"+apiHost+"/", nil))
		if resp.StatusCode != http.StatusPartialContent || shown(body) != "" || !strings.HasSuffix(body, " after") {
			t.Errorf("%s: %d %q", span, resp.StatusCode, body)
		}
	}
}

func TestPartThatBreaksOffIsNotWhole(t *testing.T) {
	t.Parallel()
	w := guardedWorld(t, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Range", "bytes 0-4196/9999")
		rw.WriteHeader(http.StatusPartialContent)
		_, _ = io.WriteString(rw, strings.Repeat("x", 50))
	})
	w.start()
	req := request(t, "GET", "https://"+apiHost+"/", nil)
	req.Header.Set("Range", "bytes=0-100")
	resp, err := w.transport(false).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("%d bytes of 101 are taken for all of them", len(body))
	}
}

func TestPartsOfAnswersThatMayHoldKeysAreRefused(t *testing.T) {
	t.Parallel()
	x := &exchange{
		in: request(t, "GET", "https://"+apiHost+"/", nil), slot: &slot{}, d: &destination{},
		cred: &kept{cred: &authsome.Credential{AuthType: authsome.AuthTypeSigV4}}, part: parsePart([]string{"bytes=0-9"}, minMargin),
	}
	resp := &http.Response{StatusCode: 206, Body: http.NoBody, Header: http.Header{
		"Content-Range": {"bytes 0-4105/9999"}, "Content-Type": {"application/xml"},
	}}
	if why := (&guarded{x: x, resp: resp}).cutPart(""); why == nil || why.Reason != "undecodable" {
		t.Errorf("got %v", why)
	}
	resp.Header.Set("Content-Type", "application/octet-stream")
	if why := (&guarded{x: x, resp: resp}).cutPart(""); why != nil {
		t.Errorf("a file: %v", why)
	}
}

// FuzzPart: of what an honest server sends for what is asked, the client gets what it has asked for, with the margin on both
// sides of it, or up to the end of the whole.
func FuzzPart(f *testing.F) {
	f.Add("bytes=0-9", int64(100), int64(10))
	f.Add("bytes=-9", int64(5), int64(10))
	f.Add("bytes=50-", int64(100), int64(0))
	f.Fuzz(func(t *testing.T, spec string, total, margin int64) {
		total, margin = max(1, total&0xffffff), margin&0xffff
		p := parsePart([]string{spec}, margin)
		if p == nil {
			return
		}
		w, ok := serveRange(p.field(), total)
		if !ok {
			return // 416
		}
		first, last, ok := p.cut(w)
		if !ok {
			t.Fatalf("%s became %s, was answered %+v, and is refused", spec, p.field(), w)
		}
		wanted, served := serveRange(spec, total)
		if !served {
			if first <= w.last {
				t.Fatalf("%s of %d: the client gets %d-%d where there is nothing", spec, total, first, last)
			}
			return
		}
		if first != wanted.first || last != wanted.last {
			t.Fatalf("%s of %d: the client gets %d-%d, wants %d-%d", spec, total, first, last, wanted.first, wanted.last)
		}
		if first-w.first < min(margin, first) || w.last-last < min(margin, total-1-last) {
			t.Fatalf("%s of %d: %+v around %d-%d is less than the margin of %d", spec, total, w, first, last, margin)
		}
	})
}

// serveRange is an honest server.
func serveRange(spec string, total int64) (window, bool) {
	_, span, _ := strings.Cut(spec, "=")
	from, to, _ := strings.Cut(strings.TrimSpace(span), "-")
	last := total - 1
	if to != "" {
		last, _ = strconv.ParseInt(to, 10, 64)
	}
	if from == "" {
		return window{max(0, total-last), total - 1, total}, last > 0
	}
	first, _ := strconv.ParseInt(from, 10, 64)
	return window{first, min(last, total-1), total}, first < total
}
