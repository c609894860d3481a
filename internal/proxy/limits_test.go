package proxy

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// framer is a client of HTTP/2 that sends what it likes, inside a decrypted connection.
func (w *world) framer() (*tls.Conn, *http2.Framer) {
	w.t.Helper()
	conn, _ := w.inside(apiHost)
	plain := conn.NetConn()
	cfg := w.transport(true).TLSClientConfig.Clone()
	cfg.ServerName, cfg.NextProtos = apiHost, []string{"h2"}
	secure := tls.Client(plain, cfg)
	_ = secure.SetDeadline(time.Now().Add(30 * time.Second))
	_, _ = io.WriteString(secure, http2.ClientPreface)
	f := http2.NewFramer(secure, secure)
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if err := f.WriteSettings(); err != nil {
		w.t.Fatal(err)
	}
	return secure, f
}

func fields(pairs ...string) []byte {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	for i := 0; i < len(pairs); i += 2 {
		_ = e.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]})
	}
	return b.Bytes()
}

// await reads frames until one is as wanted, or the connection ends.
func await(f *http2.Framer, wanted func(http2.Frame) bool) bool {
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return false
		}
		if wanted(frame) {
			return true
		}
	}
}

func TestRapidResetsKeepNobodyOut(t *testing.T) { // attack 40, CVE-2023-44487
	t.Parallel()
	w := newWorld(t)
	w.serve(apiHost, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			<-r.Context().Done()
		}
	}))
	w.start()
	_, f := w.framer()
	head := fields(":method", "GET", ":scheme", "https", ":authority", apiHost, ":path", "/")
	ended := make(chan bool, 1)
	go func() { ended <- await(f, func(fr http2.Frame) bool { _, ok := fr.(*http2.PingFrame); return ok }) }()
	for id := uint32(1); id < 40*maxStreams; id += 2 {
		if f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: head, EndStream: true, EndHeaders: true}) != nil ||
			f.WriteRSTStream(id, http2.ErrCodeCancel) != nil {
			break
		}
	}
	_ = f.WritePing(false, [8]byte{1})
	<-ended // it has answered, or hung up
	if resp, _ := do(t, w.transport(true), request(t, "GET", "https://"+apiHost+"/other", nil)); resp.StatusCode != 200 {
		t.Errorf("another client: got %s", resp.Status)
	}
}

func TestHeaderWithoutEndIsCutOff(t *testing.T) { // attack 40, CVE-2023-45288
	t.Parallel()
	w := newWorld(t)
	var api seen
	w.serve(apiHost, &api)
	w.start()
	_, f := w.framer()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		await(f, func(fr http2.Frame) bool { _, ok := fr.(*http2.GoAwayFrame); return ok })
	}()
	err := f.WriteHeaders(http2.HeadersFrameParam{
		StreamID: 1, BlockFragment: fields(":method", "GET", ":scheme", "https", ":authority", apiHost, ":path", "/"), EndStream: true,
	})
	more := fields("x", strings.Repeat("x", 10_000))
	for n := 0; n < 10_000 && err == nil; n++ { // 100 MB, if nobody stops it
		err = f.WriteContinuation(1, false, more)
	}
	<-ended
	if err == nil {
		t.Error("100 MB of header were taken")
	}
	if len(api.all()) != 0 {
		t.Error("the request was forwarded")
	}
}

func TestCONNECTInsideHTTP2IsRefusedPerStream(t *testing.T) { // attack 17
	t.Parallel()
	w := newWorld(t)
	var api seen
	w.serve(apiHost, &api)
	w.start()
	_, f := w.framer()
	ask := func(id uint32, pairs ...string) string {
		_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: fields(pairs...), EndStream: true, EndHeaders: true})
		status := "the connection ended"
		await(f, func(frame http2.Frame) bool {
			switch fr := frame.(type) {
			case *http2.MetaHeadersFrame:
				status = fr.PseudoValue("status")
			case *http2.RSTStreamFrame:
				status = "reset"
			default:
				return false
			}
			return frame.Header().StreamID == id
		})
		return status
	}
	if got := ask(1, ":method", "CONNECT", ":authority", apiHost); got != "405" {
		t.Errorf("CONNECT: got %s", got)
	}
	if got := ask(3, ":method", "CONNECT", ":authority", "other.test:443"); got != "421" {
		t.Errorf("CONNECT to another host: got %s", got)
	}
	got := ask(5, ":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":path", "/", ":authority", apiHost)
	if got != "reset" { // RFC 8441 is not announced, so it is an error of the stream
		t.Errorf("extended CONNECT: got %s", got)
	}
	if got := ask(7, ":method", "GET", ":scheme", "https", ":path", "/", ":authority", apiHost); got != "200" {
		t.Errorf("an ordinary request after those: got %s", got)
	}
	if len(api.all()) != 1 {
		t.Errorf("%d requests reached the API, want 1", len(api.all()))
	}
}

func TestUpgradeToCleartextHTTP2IsNotPassedOn(t *testing.T) { // attack 18
	t.Parallel()
	w := newWorld(t)
	var api seen
	w.serve(apiHost, &api)
	w.start()
	if got := w.exchangeRaw("GET / HTTP/1.1\r\nHost: " + apiHost + "\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n" +
		"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n"); got != http.StatusOK {
		t.Fatalf("got %d", got)
	}
	for _, name := range []string{"Upgrade", "Connection", "Http2-Settings"} {
		if v := api.all()[0].Header.Get(name); v != "" {
			t.Errorf("the API saw %s: %s", name, v)
		}
	}
}

// FuzzUpgrade: whatever was asked for and answered, a connection is handed over only when the answer is to the question.
func FuzzUpgrade(f *testing.F) {
	f.Add("websocket", "dGhlIHNhbXBsZSBub25jZQ==", "websocket", "Upgrade", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
	f.Add("websocket", "dGhlIHNhbXBsZSBub25jZQ==", "WebSocket", "keep-alive, Upgrade", "AAAA")
	f.Add("h2c", "", "h2c", "Upgrade", "")
	f.Add("a, websocket", "", "websocket", "Upgrade", "")
	f.Fuzz(func(t *testing.T, asked, key, answered, connection, accept string) {
		in := &http.Request{ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Connection": {"Upgrade"}, "Upgrade": {asked}}}
		protocol := upgradeOf(in)
		if strings.HasPrefix(strings.ToLower(protocol), "h2") || strings.Contains(protocol, ",") {
			t.Fatalf("%q is offered on", protocol)
		}
		out := &http.Request{Header: http.Header{"Sec-Websocket-Key": {key}}}
		if protocol != "" {
			out.Header["Upgrade"] = []string{protocol}
		}
		resp := &http.Response{Header: http.Header{
			"Upgrade": {answered}, "Connection": {connection}, "Sec-Websocket-Accept": {accept},
		}}
		x := &exchange{out: out}
		if !x.switches(resp) {
			return
		}
		if protocol == "" || !strings.EqualFold(protocol, answered) || !hasToken([]string{connection}, "upgrade") {
			t.Errorf("asked for %q, answered %q with Connection %q, and handed over", protocol, answered, connection)
		}
		resp.Header["Sec-Websocket-Accept"] = []string{accept + "x"}
		if strings.EqualFold(protocol, "websocket") && x.switches(resp) {
			t.Error("any Sec-WebSocket-Accept does")
		}
	})
}
