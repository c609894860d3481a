package oauth_test

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"authsome"
	"authsome/internal/oauth"
)

// answering returns a client of a server that gives one answer. ahead is how far this machine's clock is before its.
func answering(t *testing.T, status int, header map[string]string, body string, ahead time.Duration) *oauth.Client {
	t.Helper()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", now.Format(http.TimeFormat))
		for name, value := range header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(srv.Close)
	return &oauth.Client{
		Provider: authsome.OAuth{TokenURL: srv.URL}, Now: func() time.Time { return now.Add(ahead) },
	}
}

// GitHub says by the status alone what is wrong. 403 is its answer to too many requests, too, and to an address that is not
// on an organization's list: a login must not end for that.
func TestGitHubAppRefusalsHaveTheirClass(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	reset := strconv.FormatInt(time.Date(2026, 11, 23, 12, 5, 0, 0, time.UTC).Unix(), 10)
	for _, tt := range []struct {
		status int
		header map[string]string
		ahead  time.Duration
		want   string
		wait   time.Duration
	}{
		{401, nil, 0, "grant: the app or its key is not accepted (HTTP 401)", 0},
		{
			401, nil, time.Hour,
			"request: the app or its key is not accepted (HTTP 401), and the clock of this machine is off by 1 hour", 0,
		},
		{404, nil, 0, "grant: the app is not installed there, or no more (HTTP 404)", 0},
		{404, nil, time.Hour, "grant: the app is not installed there, or no more (HTTP 404)", 0},
		{403, nil, 0, "request: GitHub refuses it for now (HTTP 403)", 0},
		{403, map[string]string{"Retry-After": "60"}, 0, "transient: rate limited (HTTP 403)", time.Minute},
		{
			403,
			map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset},
			0,
			"transient: rate limited (HTTP 403)", 5 * time.Minute,
		},
		{429, map[string]string{"Retry-After": "60"}, 0, "transient: rate limited (HTTP 429)", time.Minute},
	} {
		c := answering(t, tt.status, tt.header, `{"message": "no", "status": "`+strconv.Itoa(tt.status)+`"}`, tt.ahead)
		_, err := c.InstallationToken(t.Context(), oauth.App{ID: "7", Key: key}, "11")
		e, _ := errors.AsType[*oauth.Error](err)
		if reason(err) != tt.want || e.RetryAfter != tt.wait {
			t.Errorf("HTTP %d %v: %s after %v, want %s after %v", tt.status, tt.header, reason(err), e.RetryAfter, tt.want, tt.wait)
		}
	}
}

// An assertion whose times are wrong is refused with the code of a dead grant. The key is as good as it was.
func TestAssertionRefusedForTheClockIsNoVerdict(t *testing.T) {
	t.Parallel()
	for ahead, want := range map[time.Duration]string{
		0:                "grant: invalid_grant",
		30 * time.Second: "grant: invalid_grant",
		-2 * time.Hour:   "request: invalid_grant, and the clock of this machine is off by 2 hours",
		10 * time.Minute: "request: invalid_grant, and the clock of this machine is off by 10 minutes",
	} {
		c := answering(t, 400, nil, `{"error": "invalid_grant"}`, ahead)
		if _, err := c.JWTBearer(t.Context(), authsome.NewSecret("a.b.c"), nil); reason(err) != want {
			t.Errorf("ahead by %v: %s, want %s", ahead, reason(err), want)
		}
	}
}
