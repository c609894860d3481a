package proxy

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"authsome"
)

// revoking answers 401 to every token but the good one, and counts.
type revoking struct {
	mu     sync.Mutex
	good   string
	bodies []string
}

func (h *revoking) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.bodies = append(h.bodies, string(body))
	if r.Header.Get("Authorization") != "Bearer "+h.good {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, "expired")
		return
	}
	_, _ = io.WriteString(w, "done")
}

func (h *revoking) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.bodies)
}

// renewing makes the source hand out token-2 in place of a rejected token-1.
func (w *world) renewing() {
	ref := w.cfg.Routes[0].Ref
	w.source.answer = func(opts authsome.CredentialOptions) (*authsome.Credential, error) {
		if opts.Rejected == 1 {
			return credential(w.t, ref, "token-2", 2, apiHost), nil
		}
		return credential(w.t, ref, "token-1", 1, apiHost), nil
	}
}

func TestRefusedCredentialIsReplacedAndTheRequestSentAgain(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		for _, body := range []string{"", "small", strings.Repeat("x", keepBodyUpTo)} {
			w := newWorld(t)
			w.renewing()
			api := &revoking{good: "token-2"}
			w.serve(apiHost, api)
			w.start()
			tr := w.transport(http2)
			method := "POST"
			if body == "" {
				method = "GET"
			}
			resp, got := do(t, tr, request(t, method, "https://"+apiHost+"/", strings.NewReader(body)))
			if resp.StatusCode != 200 || got != "done" {
				t.Fatalf("%d bytes: got %d %q", len(body), resp.StatusCode, got)
			}
			if api.count() != 2 || api.bodies[0] != body || api.bodies[1] != body {
				t.Errorf("%d bytes: the API was called %d times", len(body), api.count())
			}
			if w.source.count() != 2 || w.source.calls[1] != (authsome.CredentialOptions{Rejected: 1, Background: true}) {
				t.Errorf("the source was asked %+v", w.source.calls)
			}
			do(t, tr, request(t, "GET", "https://"+apiHost+"/", nil))
			if api.count() != 3 || w.source.count() != 2 {
				t.Errorf("the newer credential was not remembered")
			}
			if n := len(w.recorder.all()); n != 3 {
				t.Errorf("%d injections were recorded, want 3", n)
			}
		}
	})
}

func TestRequestThatCannotBeSentAgainGetsTheAPIsAnswer(t *testing.T) {
	t.Parallel()
	for name, length := range map[string]int64{"unknown length": -1, "large": keepBodyUpTo + 1} {
		w := newWorld(t)
		w.renewing()
		api := &revoking{good: "token-2"}
		w.serve(apiHost, api)
		w.start()
		req := request(t, "POST", "https://"+apiHost+"/", strings.NewReader(strings.Repeat("x", keepBodyUpTo+1)))
		req.ContentLength = length
		if resp, got := do(t, w.transport(false), req); resp.StatusCode != 401 || got != "expired" || api.count() != 1 {
			t.Errorf("%s: got %d %q after %d calls", name, resp.StatusCode, got, api.count())
		}
	}
}

func TestUnauthorizedForAnotherReasonDoesNotCauseARefreshEachTime(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(w *world){
		"no newer credential": func(*world) {},
		"newer one refused":   func(w *world) { w.renewing() },
		"source fails": func(w *world) {
			first := w.source.answer
			w.source.answer = func(opts authsome.CredentialOptions) (*authsome.Credential, error) {
				if opts.Rejected != 0 {
					return nil, errors.New("no")
				}
				return first(opts)
			}
		},
	} {
		w := newWorld(t)
		answer(w)
		api := &revoking{good: "none is"}
		w.serve(apiHost, api)
		w.start()
		tr := w.transport(false)
		for range 4 {
			if resp, _ := do(t, tr, request(t, "GET", "https://"+apiHost+"/", nil)); resp.StatusCode != 401 {
				t.Errorf("%s: got %d", name, resp.StatusCode)
			}
		}
		if n := w.source.count(); n != 2 {
			t.Errorf("%s: the source was called %d times, want 2", name, n)
		}
	}
}

// lateBody gives its bytes one by one.
type lateBody struct{ left string }

func (b *lateBody) Read(p []byte) (int, error) {
	if b.left == "" {
		return 0, io.EOF
	}
	n := copy(p[:1], b.left)
	b.left = b.left[n:]
	return n, nil
}

func TestBodyIsKeptWholeHoweverMuchOfItWasPassedOn(t *testing.T) {
	t.Parallel()
	for passed := range 6 {
		b := &keptBody{src: io.NopCloser(&lateBody{"hello"}), buf: make([]byte, 0, 5)}
		first := make([]byte, passed)
		if _, err := io.ReadFull(b, first); err != nil && passed < 5 {
			t.Fatal(err)
		}
		again, err := b.whole()
		if err != nil {
			t.Fatal(err)
		}
		whole, _ := io.ReadAll(again)
		rest, err := io.ReadAll(b)
		if string(whole) != "hello" || string(first)+string(rest) != "hello" || err != nil {
			t.Errorf("after %d bytes: %q again, then %q, %v", passed, whole, rest, err)
		}
	}
	short := &keptBody{src: io.NopCloser(io.MultiReader(strings.NewReader("he"), failingReader{})), buf: make([]byte, 0, 5)}
	if _, err := short.whole(); err == nil {
		t.Error("a body that breaks off is whole")
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("gone") }
