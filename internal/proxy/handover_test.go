package proxy

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
)

// names answers for DNS. A name with several answers gives another one each time it is asked for.
type names struct {
	mu      sync.Mutex
	answers map[string][]string
}

func (n *names) lookup(_ context.Context, _, host string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := n.answers[host]
	if len(list) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	if len(list) > 1 {
		n.answers[host] = list[1:]
	}
	var all []netip.Addr
	for a := range strings.SplitSeq(list[0], " ") {
		all = append(all, netip.MustParseAddr(a))
	}
	return all, nil
}

// sandboxBehind starts the world as that of a sandbox behind a proxy on this machine, with names of its own.
func (w *world) sandboxBehind(scheme string, answers map[string][]string) *corporate {
	w.t.Helper()
	w.cfg.Contained = true
	c := w.behind(scheme)
	w.start()
	w.proxy.upstream.lookup = (&names{answers: answers}).lookup
	return c
}

// askedFor is the target that each request to the proxy had.
func (c *corporate) askedFor() []string {
	var all []string
	for _, line := range c.all() {
		all = append(all, strings.Fields(line)[1])
	}
	return all
}

// Issue 4, point 6: a proxy on this machine reaches what the program in a sandbox does not, whatever that is called.
func TestSandboxDoesNotReachThisMachineThroughTheProxyOfTheEnvironment(t *testing.T) {
	for _, scheme := range []string{"http", "https", "socks5"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c := w.sandboxBehind(scheme, map[string][]string{
				"loop.test": {"127.0.0.1"}, "six.test": {"::1"}, "mapped.test": {"64:ff9b::7f00:1"}, "linked.test": {"169.254.169.254"},
				"both.test": {"192.0.2.77 127.0.0.1"}, "own.test": {ownAddress(t)},
			})
			for _, target := range []string{
				"127.0.0.1:443", "127.1.2.3:443", "[::1]:443", "[::ffff:127.0.0.1]:443", "[64:ff9b::7f00:1]:443", "[::7f00:1]:443",
				"localhost:443", "LOCALHOST.:443", "a.localhost:443", "loop.test:443", "six.test:443", "mapped.test:443",
				"linked.test:443", "both.test:443", "own.test:443", "unknown.test:443", "2130706433:443", "127.1:443", "0x7f.1:443",
			} {
				if _, _, resp := w.connectAs("authsome", password, target); resp.StatusCode == http.StatusOK {
					t.Errorf("%s: got %s", target, resp.Status)
				}
			}
			for _, host := range []string{"loop.test", "both.test", "unknown.test", "a.localhost"} {
				resp, body := do(t, w.transport(false), request(t, "GET", "http://"+host+"/", nil))
				if got := refusalOf(t, resp, body); got["reason"] != "forbidden_address" && got["reason"] != "unseen_address" {
					t.Errorf("%s: got %d %s", host, resp.StatusCode, body)
				}
			}
			if got := c.all(); len(got) != 0 {
				t.Errorf("the proxy was asked for %q", got)
			}
		})
	}
}

func ownAddress(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil || len(all) == 0 {
		t.Fatal(all, err)
	}
	return netip.MustParsePrefix(all[len(all)-1].String()).Addr().String()
}

// The name could lead elsewhere when the proxy asks for it: it gets what was looked at.
func TestSandboxHandsAddressesToAProxyOnThisMachine(t *testing.T) {
	for _, scheme := range []string{"http", "socks5"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var other, api seen
			w.serve("other.test", &other)
			w.serve(apiHost, &api)
			w.cfg.Resolve["192.0.2.9:443"] = w.cfg.Resolve["other.test:443"]
			w.cfg.Resolve["192.0.2.8:443"] = "127.0.0.1:1"
			c := w.sandboxBehind(scheme, map[string][]string{"other.test": {"192.0.2.8 192.0.2.9", "127.0.0.1"}})
			if resp, body := do(t, w.transport(false), request(t, "GET", "https://other.test/", nil)); body != "ok" {
				t.Errorf("got %s %q", resp.Status, body)
			}
			if got := c.askedFor(); !slices.Equal(got, []string{"192.0.2.8:443", "192.0.2.9:443"}) {
				t.Errorf("the proxy was asked for %q", got)
			}
			// And now that the name leads here, it is refused.
			if _, _, resp := w.connectAs("authsome", password, "other.test:443"); resp.StatusCode != http.StatusForbidden {
				t.Errorf("got %s", resp.Status)
			}
			// What its certificate proves is reached by its name, also where this machine has no DNS.
			if resp, body := do(t, w.transport(false), request(t, "GET", "https://"+apiHost+"/", nil)); body != "ok" {
				t.Errorf("got %s %q", resp.Status, body)
			}
			if got := c.askedFor(); got[len(got)-1] != apiHost+":443" {
				t.Errorf("the proxy was asked for %q", got)
			}
		})
	}
}

func TestSandboxSendsPlainRequestsThroughATunnelToTheAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := servePlain(t)
	c := w.sandboxBehind("http", map[string][]string{"plain.test": {"192.0.2.9", "127.0.0.1"}})
	c.names = map[string]string{"192.0.2.9:80": server}
	resp, body := do(t, w.transport(false), request(t, "GET", "http://plain.test/x", nil))
	if body != "plain.test/x" {
		t.Errorf("got %s %q", resp.Status, body)
	}
	if got := c.askedFor(); !slices.Equal(got, []string{"192.0.2.9:80"}) {
		t.Errorf("the proxy was asked for %q", got)
	}
}

// servePlain answers with what it was asked for.
func servePlain(t *testing.T) string {
	t.Helper()
	ln := listen(t)
	server := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = rw.Write([]byte(r.Host + r.URL.Path))
	})}
	go func() { _ = server.Serve(ln) }()
	t.Cleanup(func() { _ = server.Close() })
	return ln.Addr().String()
}

func TestSandboxHandsNamesToAProxyThatIsTrusted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var other seen
	w.serve("other.test", &other)
	w.cfg.TrustUpstreamProxy = true
	c := w.sandboxBehind("http", map[string][]string{"loop.test": {"127.0.0.1"}})
	if resp, body := do(t, w.transport(false), request(t, "GET", "https://other.test/", nil)); body != "ok" {
		t.Errorf("got %s %q", resp.Status, body)
	}
	for _, target := range []string{"localhost:443", "loop.test:443", "127.0.0.1:443"} { // what can be seen is refused still
		if _, _, resp := w.connectAs("authsome", password, target); resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: got %s", target, resp.Status)
		}
	}
	if got := c.askedFor(); !slices.Equal(got, []string{"other.test:443"}) {
		t.Errorf("the proxy was asked for %q", got)
	}
}

// A proxy elsewhere does not reach the loopback of this machine, and may know names that nobody knows here.
func TestSandboxHandsNamesToAProxyElsewhere(t *testing.T) {
	t.Parallel()
	d, err := newDialer(Config{Contained: true}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	d.lookup = (&names{answers: map[string][]string{
		"proxy.test": {"192.0.2.77"}, "here.test": {"127.0.0.1"}, "loop.test": {"127.0.0.1"}, "known.test": {"192.0.2.9"},
	}}).lookup
	tests := []struct {
		via, host string
		want      string // what is handed over; empty: nothing
	}{
		{"http://proxy.test:3128", "known.test", "known.test"},
		{"http://proxy.test:3128", "unknown.test", "unknown.test"},
		{"http://proxy.test:3128", "loop.test", ""},
		{"http://192.0.2.77:3128", "unknown.test", "unknown.test"},
		{"http://here.test:3128", "known.test", "192.0.2.9"},
		{"http://here.test:3128", "unknown.test", ""},
		{"http://nowhere.test:3128", "unknown.test", ""},
		{"http://[::1]:3128", "known.test", "192.0.2.9"},
	}
	for _, test := range tests {
		via := request(t, "GET", test.via, nil).URL
		got, err := d.handOver(t.Context(), via, authority{test.host, "443"}, false)
		var want []authority
		if test.want != "" {
			want = []authority{{test.want, "443"}}
		}
		if (err != nil) != (want == nil) || !slices.Equal(got, want) {
			t.Errorf("%s through %s: got %v, %v, want %v", test.host, test.via, got, err, want)
		}
	}
}
