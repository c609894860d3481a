package cli

import (
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// corporateCommand drives the proxy of a company's network.
func corporateCommand(ts *testscript.TestScript, neg bool, args []string) {
	w := ts.Value(worldKey{}).(*scriptWorld)
	switch {
	case len(args) == 1 && args[0] == "start":
		l, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		w.serve("corporate", l, w.corporate(ts.Getenv("API_ADDRESS")))
		ts.Setenv("CORPORATE", "http://me:corporate-password@"+l.Addr().String())
		w.secret("corporate-password")
	case len(args) == 1 && args[0] == "forget":
		w.mu.Lock()
		w.asked = nil
		w.mu.Unlock()
	case len(args) == 2 && args[0] == "asked":
		w.mu.Lock()
		all := strings.Join(w.asked, "\n")
		w.mu.Unlock()
		if strings.Contains(all, args[1]) == neg {
			ts.Fatalf("the proxy was asked for:\n%s", all)
		}
	default:
		ts.Fatalf("usage: corporate start|forget|asked TEXT")
	}
}

func (w *scriptWorld) corporate(api string) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		login := http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}
		if user, password, _ := login.BasicAuth(); user != "me" || password != "corporate-password" {
			rw.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		w.mu.Lock()
		w.asked = append(w.asked, r.Method+" "+r.RequestURI)
		w.mu.Unlock()
		if r.Method != http.MethodConnect {
			_, _ = io.WriteString(rw, "from the proxy")
			return
		}
		server, err := net.Dial("tcp", api)
		if err != nil {
			rw.WriteHeader(http.StatusBadGateway)
			return
		}
		client, _, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(client, server); _ = client.Close() }()
		_, _ = io.Copy(server, client)
		_ = server.Close()
	})
}
