package oauth

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"authsome"
)

// script is a token endpoint that gives its answers in turn, the last one for ever, and notes when it was asked. It has
// no network, so that time can be virtual.
type script struct {
	began   time.Time
	answers []string // "STATUS BODY", "hang", or an error of the network
	asked   []time.Duration
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, r.Body)
	s.asked = append(s.asked, time.Since(s.began))
	answer := s.answers[min(len(s.asked), len(s.answers))-1]
	status, body, _ := strings.Cut(answer, " ")
	switch status {
	case "hang":
		<-r.Context().Done()
		return nil, r.Context().Err()
	case "error":
		return nil, errors.New(body)
	}
	code := map[string]int{"200": 200, "400": 400, "403": 403, "428": 428, "429": 429, "503": 503}[status]
	resp := &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}
	if code == http.StatusTooManyRequests {
		resp.Header.Set("Retry-After", "30")
	}
	return resp, nil
}

const (
	pending = `400 {"error":"authorization_pending"}`
	slow    = `400 {"error":"slow_down"}`
	granted = "200 " + goodAnswer
)

// poll lets a client wait for its token in virtual time, and returns the seconds at which it polled.
func poll(t *testing.T, interval, lifetime time.Duration, answers ...string) (asked []float64, token *Token, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &script{began: time.Now(), answers: answers}
		c := &Client{ClientID: "id", HTTP: &http.Client{Transport: s, Timeout: 10 * time.Second}}
		c.Provider.TokenURL = "https://as.test/token"
		token, err = c.AwaitDeviceToken(t.Context(), &DeviceAuthorization{
			DeviceCode: authsome.NewSecret("dc-0123"), Interval: interval, ExpiresAt: time.Now().Add(lifetime),
		})
		for _, at := range s.asked {
			asked = append(asked, at.Seconds())
		}
	})
	return asked, token, err
}

func TestDevice_8628_1_PollsNoFasterThanAllowed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		interval time.Duration
		answers  []string
		want     []float64
	}{
		"interval":                {7 * time.Second, []string{pending, pending, granted}, []float64{7, 14, 21}},
		"no interval":             {0, []string{pending, granted}, []float64{5, 10}},
		"slow_down adds for good": {5 * time.Second, []string{pending, slow, pending, slow, pending, granted}, []float64{5, 10, 20, 30, 45, 60}},
		"Google's statuses": {
			5 * time.Second, []string{`428 {"error":"authorization_pending"}`, `403 {"error":"slow_down"}`, granted}, []float64{5, 10, 20},
		},
		"GitHub's status": {
			5 * time.Second,
			[]string{`200 {"error":"authorization_pending"}`, `200 {"error":"slow_down","interval":10}`, granted},
			[]float64{5, 10, 20},
		},
		"form-encoded": {5 * time.Second, []string{"200 error=authorization_pending&error_description=x", granted}, []float64{5, 10}},
	} {
		asked, token, err := poll(t, tt.interval, time.Hour, tt.answers...)
		if err != nil || token.AccessToken.Reveal() != "at" {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(tt.want, asked); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestDevice_8628_2_FailuresThatPassMakeItSlower(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answers []string
		want    []float64
	}{
		"network":       {[]string{"error connection lost", "error again", pending, granted}, []float64{5, 15, 35, 40}},
		"timeout":       {[]string{"hang", "hang", granted}, []float64{5, 25, 55}}, // 10 s each until given up
		"out of order":  {[]string{`503 busy`, `503 {"error":"access_denied"}`, granted}, []float64{5, 15, 35}},
		"portal":        {[]string{"200 <html>", granted}, []float64{5, 15}},
		"retry after":   {[]string{"429 {}", granted}, []float64{5, 35}},
		"no token yet":  {[]string{"200 {}", granted}, []float64{5, 15}},
		"up to minutes": {[]string{"503", "503", "503", "503", "503", "503", granted}, []float64{5, 15, 35, 75, 135, 195, 255}},
	} {
		asked, _, err := poll(t, 5*time.Second, time.Hour, tt.answers...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(tt.want, asked); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestDevice_8628_2_Ends(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answers []string
		want    string
		polls   int
	}{
		"denied":                {[]string{pending, `400 {"error":"access_denied"}`}, "access_denied", 2},
		"denied in 200":         {[]string{`200 {"error":"access_denied"}`}, "access_denied", 1},
		"expired at the server": {[]string{pending, `400 {"error":"expired_token"}`}, "expired_token", 2},
		"expired here":          {[]string{pending}, "expired_token", 11}, // at 5 s, 10 s, … 55 s
		"never reached":         {[]string{"error no network"}, "expired_token", 3},
		"client refused":        {[]string{`400 {"error":"invalid_client"}`}, "invalid_client", 1},
		"used":                  {[]string{`400 {"error":"invalid_grant"}`}, "invalid_grant", 1},
	} {
		asked, _, err := poll(t, 5*time.Second, time.Minute, tt.answers...)
		if got := asError(t, err); got.Code != tt.want || len(asked) != tt.polls {
			t.Errorf("%s: %q after %d polls, want %q after %d", name, got.Code, len(asked), tt.want, tt.polls)
		}
	}
}

func TestDeviceWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{pending, "hang"} {
		synctest.Test(t, func(t *testing.T) {
			s := &script{began: time.Now(), answers: []string{answer}}
			c := &Client{ClientID: "id", HTTP: &http.Client{Transport: s}}
			c.Provider.TokenURL = "https://as.test/token"
			ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
			defer cancel()
			_, err := c.AwaitDeviceToken(ctx, &DeviceAuthorization{
				DeviceCode: authsome.NewSecret("dc-0123"), ExpiresAt: time.Now().Add(time.Hour),
			})
			if asError(t, err); !errors.Is(err, context.DeadlineExceeded) || time.Since(s.began) != 12*time.Second {
				t.Errorf("%s: %v after %v", answer, err, time.Since(s.began))
			}
		})
	}
}
