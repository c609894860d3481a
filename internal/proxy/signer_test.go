package proxy

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"authsome"
)

// nonceSigner signs with the number that the API wants next, as DPoP does.
type nonceSigner struct{ nonce atomic.Int64 }

func (s *nonceSigner) Sign(r *http.Request) error {
	authsome.DropCredentials(r.Header, "Proof")
	r.Header.Set("Authorization", "DPoP token")
	r.Header.Set("Proof", fmt.Sprintf("%s %s %d", r.Method, r.URL.Path, s.nonce.Load()))
	return nil
}

func (s *nonceSigner) Retry(resp *http.Response) bool {
	var n int64
	_, err := fmt.Sscan(resp.Header.Get("Nonce"), &n)
	return err == nil && s.nonce.Swap(n) != n
}

func TestRequestsAreSignedOneByOneAndOnceMoreWhenAsked(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		w := newWorld(t)
		var requests atomic.Int64
		w.serve(apiHost, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			want := fmt.Sprintf("%s %s 7", r.Method, r.URL.Path)
			if r.Header.Get("Authorization") != "DPoP token" || len(r.Header["Proof"]) != 1 || r.Header.Get("Proof") != want {
				rw.Header().Set("Nonce", "7")
				rw.WriteHeader(http.StatusUnauthorized)
			}
		}))
		signer := new(nonceSigner)
		w.source.answer = func(authsome.CredentialOptions) (*authsome.Credential, error) {
			cred := credential(t, authsome.Ref{Provider: "example"}, "token", 1, apiHost)
			cred.Signer = signer
			return cred, nil
		}
		w.start()
		tr := w.transport(http2)
		for i, method := range []string{"POST", "PUT"} {
			req := request(t, method, "https://"+apiHost+fmt.Sprintf("/%d", i), strings.NewReader("body"))
			req.Header.Set("Authorization", "Bearer mine")
			req.Header["proof"] = []string{"mine"}
			if resp, body := do(t, tr, req); resp.StatusCode != http.StatusOK {
				t.Errorf("%s: got %d %s", method, resp.StatusCode, body)
			}
		}
		if n := requests.Load(); n != 3 {
			t.Errorf("%d requests arrived, want one that was asked to sign again and two that were good", n)
		}
	})
}
