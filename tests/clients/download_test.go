package clients_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// large is what /large serves, in parts for whoever asks for them.
func (o *origin) large() string {
	var b strings.Builder
	for i := range 40_000 {
		fmt.Fprintf(&b, "%d %s\n", i, o.nonce)
	}
	return b.String()
}

func (o *origin) download(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	o.ranges = append(o.ranges, r.Header.Get("Range"))
	o.mu.Unlock()
	w.Header().Set("ETag", `"1"`)
	if r.URL.RawQuery == "torn" {
		w.Header().Set("Content-Length", fmt.Sprint(len(o.large())))
		_, _ = io.WriteString(w, o.large()[:1_000_001])
		panic(http.ErrAbortHandler)
	}
	http.ServeContent(w, r, "large.txt", time.Unix(1_700_000_000, 0), strings.NewReader(o.large()))
}

// TestDownloadsGoOn resumes downloads, asks for one that is complete to go on, and fetches one in parts.
func TestDownloadsGoOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const from = "https://api.clients.test/large"
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, program, script string }{
		{"curl", "curl", `head -c 1000000 "$WHOLE" > got; curl -sSf -C - -o got ` + from + `; curl -sSf -r 5-6 -o /dev/null ` + from},
		{"wget", "wget", `head -c 1000000 "$WHOLE" > got; wget -q -c -O got ` + from + `; wget -q -c -O got ` + from},
		{"parts", "curl", `for part in 0-9999 10000-999999 1000000-; do curl -sSf -r $part ` + from + `; done > got`},
		{"Go, broken off", "sh", envResume + `=` + from + ` ` + self + ` > got`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			need(t, test.program)
			o := w.serve(t)
			whole := filepath.Join(t.TempDir(), "whole")
			write(t, whole, o.large())
			got := w.start(t, o, []string{"WHOLE=" + whole}, "sh", "-ec", test.script+"\n"+`cmp got "$WHOLE" && echo the same`)
			if got.Code != 0 || !strings.Contains(got.Stdout, "the same") || len(got.problems) > 0 {
				t.Errorf("it is not whole: %q\n%s", got.problems, got)
			}
			o.mu.Lock()
			defer o.mu.Unlock()
			for i, spec := range o.ranges {
				if spec == "" && (i > 0 || test.name != "Go, broken off") {
					t.Errorf("the whole was asked for: %q", o.ranges)
				}
			}
			if len(o.ranges) < 2 {
				t.Errorf("asked for %q", o.ranges)
			}
		})
	}
}
