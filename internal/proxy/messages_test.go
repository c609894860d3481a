package proxy

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Streams whose messages are never read to their end hold no more than the proxy's budget. The next one is refused in its own
// language, and never as if it had ended well.
func TestCompressedMessagesHoldABoundedAmount(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(make([]byte, 8<<20))
	_ = z.Close()
	packed := append(binary.BigEndian.AppendUint32([]byte{1}, uint32(b.Len())), b.Bytes()...)
	for kind, refusal := range map[string]string{
		"application/grpc":           "",
		"application/grpc-web+proto": "grpc-status: 8",
		"application/connect+json":   `"code":"resource_exhausted"`,
	} {
		w := guardedWorld(t, func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", kind)
			rw.Header().Set("Grpc-Encoding", "gzip")
			if strings.Contains(kind, "connect") {
				rw.Header().Del("Grpc-Encoding")
				rw.Header().Set("Connect-Content-Encoding", "gzip")
			}
			_, _ = rw.Write(packed)
			rw.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
		})
		const size = 20 << 20
		w.cfg.messageBudget = size
		w.start()
		tr := w.transport(true)
		ask := func() *http.Response {
			resp, err := tr.RoundTrip(request(t, "POST", "https://"+apiHost+"/", strings.NewReader("x")))
			if err != nil {
				t.Fatal(err)
			}
			return resp
		}
		resp := ask()
		body, err := io.ReadAll(resp.Body)
		if err != nil || len(body) != 5+(8<<20) {
			t.Fatalf("%s: %d bytes, %v", kind, len(body), err)
		}
		var open []io.Closer
		for range 12 { // nobody reads on, and the proxy cannot pass on more than the windows of the streams
			resp := ask()
			_, _ = resp.Body.Read(make([]byte, 1))
			open = append(open, resp.Body)
		}
		resp = ask()
		body, err = io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK || len(body) > 1<<10 || !strings.Contains(string(body), refusal) {
			t.Errorf("%s: %d bytes, %v", kind, len(body), err)
		}
		if status := resp.Trailer.Get("Grpc-Status"); refusal == "" && (status != "8" || !strings.Contains(resp.Trailer.Get("Grpc-Message"), "too much memory")) {
			t.Errorf("%s: ends with %v", kind, resp.Trailer)
		}
		if left := w.proxy.messages.Left(); left < 0 {
			t.Errorf("%s: %d bytes are left", kind, left)
		}
		for _, o := range open {
			_ = o.Close()
		}
	}
}
