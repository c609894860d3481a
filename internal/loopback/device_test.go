package loopback

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"authsome"
)

func TestDevicePageShowsTheCodeAndThenTheResult(t *testing.T) {
	t.Parallel()
	for _, failure := range []error{nil, errors.New("nobody entered the code in time")} {
		d, err := ServeDevicePage(DeviceConfig{
			Provider: "A<b>", Lifetime: 10 * time.Minute, Size: 2, Dark: func(x, y int) bool { return x == y },
			Device: authsome.DeviceAuthorization{
				UserCode: "ABCD-\"<i>", VerificationURI: "https://acme.test/device", VerificationURIComplete: "https://acme.test/device?c=1&d=2",
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		page := get(t, d.URL(), http.StatusOK)
		for _, part := range []string{
			"ABCD-&#34;&lt;i&gt;", `href="https://acme.test/device?c=1&amp;d=2"`, ">https://acme.test/device<", "10 minutes",
			"M4 4h1v1h-1zM5 5h1v1h-1z", `content="1; url=` + d.path + `/done"`,
		} {
			if !strings.Contains(page, part) {
				t.Errorf("the page lacks %s:\n%s", part, page)
			}
		}
		get(t, d.origin+"/elsewhere", http.StatusNotFound)
		result := make(chan string, 1)
		go func() { result <- get(t, d.URL()+"/done", http.StatusOK) }()
		time.AfterFunc(10*time.Millisecond, func() { d.Finish(failure) })
		want := "Connected to A&lt;b&gt;"
		if failure != nil {
			want = "nobody entered the code in time"
		}
		if got := <-result; !strings.Contains(got, want) {
			t.Errorf("the result lacks %q:\n%s", want, got)
		}
	}
}

func get(t *testing.T, url string, status int) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status {
		t.Errorf("%s: HTTP %d, %v", url, resp.StatusCode, err)
	}
	return string(body)
}
