package attack_test

import (
	"crypto/rand"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// otherAccounts is the rest of 21: the provider keeps what it is sent and shows it to everybody. What one account has left there,
// in this run or before, comes back neither with another one nor with none.
func otherAccounts(t *testing.T) {
	t.Helper()
	var mu sync.Mutex
	var kept []string
	w := newWorld(t, setup{
		victim: func(rw http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			kept = append(kept, r.Header.Get("Authorization"))
			_, _ = io.WriteString(rw, strings.Join(kept, "\n"))
		},
	})
	other := "sk-other-" + rand.Text()
	w.home.MustWith(t, other, "login", "victim", "--connection", "other", "--with-token")
	kept = append(kept, "of an earlier run: "+other)
	r := w.run(t, "--connection", "victim=default", "--connection", "victim=other "+victimHost+"/other/**")
	for _, http2 := range []bool{false, true} {
		tr := r.transport(t, http2)
		for _, path := range []string{"/x", "/other/x", "/x", "/other/x"} {
			a := fetch(t, tr, "GET", "https://"+victimHost+path, nil, nil)
			a.expect(t, path, http.StatusOK)
			if form := a.holds(w.secret, other); form != "" {
				t.Fatalf("HTTP/2 %t: %s gave the secret of an account back (%s): %s", http2, path, form, a)
			}
		}
	}
	for _, secret := range []string{w.secret, other} {
		if n := strings.Count(strings.Join(kept, "\n"), "Bearer "+secret); n != 4 {
			t.Errorf("%d requests came with the credential of one account, and not 4", n)
		}
	}
}
