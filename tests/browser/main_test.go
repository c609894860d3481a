// Package browser_test shows a real Chromium what the program shows to people, and to the pages that they should not
// have opened.
package browser_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"testing"

	"authsome/tests/internal/process"
)

// envOpened makes this test binary the $BROWSER of the program: it passes the address on to the test at this URL.
const envOpened = "TEST_OPENED"

func TestMain(m *testing.M) {
	if to := os.Getenv(envOpened); to != "" {
		os.Exit(passOn(to, os.Args[1:]))
	}
	code := process.Main(m)
	closeChromium()
	os.Exit(code)
}

func passOn(to string, args []string) int {
	if len(args) != 1 {
		fmt.Fprintln(os.Stderr, "a browser is given one address")
		return 1
	}
	resp, err := http.PostForm(to, url.Values{"address": args})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	resp.Body.Close()
	return 0
}
