package clients_test

import (
	"fmt"
	"net/http"
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
	http.ServeContent(w, r, "large.txt", time.Unix(1_700_000_000, 0), strings.NewReader(o.large()))
}

// TestDownloadsGoOn resumes downloads, asks for one that is complete to go on, and fetches one in parts.
func TestDownloadsGoOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const from = "https://api.clients.test/large"
	for _, test := range []struct{ name, program, script string }{
		{"curl", "curl", `head -c 1000000 "$WHOLE" > got; curl -sSf -C - -o got ` + from + `; curl -sSf -r 5-6 -o /dev/null ` + from},
		{"wget", "wget", `head -c 1000000 "$WHOLE" > got; wget -q -c -O got ` + from + `; wget -q -c -O got ` + from},
		{"parts", "curl", `for part in 0-9999 10000-999999 1000000-; do curl -sSf -r $part ` + from + `; done > got`},
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
			for _, spec := range o.ranges {
				if spec == "" {
					t.Errorf("the whole was asked for: %q", o.ranges)
				}
			}
			if len(o.ranges) < 2 {
				t.Errorf("asked for %q", o.ranges)
			}
		})
	}
}
