package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpproxy"

	"authsome"
	"authsome/internal/run"
)

// environmentProxy tells through which proxy of the environment a request goes, as the variables have it: HTTPS_PROXY,
// HTTP_PROXY, ALL_PROXY for want of one of these, NO_PROXY, in upper case or lower. except is the host:port of a proxy
// that is none; empty for no exception. The result is nil where no proxy is named at all.
func (a *app) environmentProxy(except string) func(*http.Request) (*url.URL, error) {
	config := httpproxy.Config{
		HTTPSProxy: a.proxyOf("HTTPS_PROXY", "https_proxy").value,
		HTTPProxy:  a.proxyOf("HTTP_PROXY", "http_proxy").value,
		NoProxy:    a.either("NO_PROXY", "no_proxy").value,
		CGI:        a.env.getenv("REQUEST_METHOD") != "", // a request's field Proxy would set HTTP_PROXY
	}
	if config.HTTPSProxy == "" && config.HTTPProxy == "" {
		return nil
	}
	choose := config.ProxyFunc()
	return func(r *http.Request) (*url.URL, error) {
		proxy, err := choose(r.URL)
		if err == nil && proxy != nil && except != "" && proxy.Host == except {
			return nil, nil //nolint:nilnil // no proxy and no error: what http.Transport expects
		}
		return proxy, err
	}
}

// proxyOf returns the first variable that is set of those for one scheme, and of those for all.
func (a *app) proxyOf(names ...string) proxyVariable {
	return a.either(append(names, "ALL_PROXY", "all_proxy")...)
}

// proxyVariable is one of the environment.
type proxyVariable struct{ name, value string }

// either returns the first variable that is set.
func (a *app) either(names ...string) proxyVariable {
	for _, name := range names {
		if v := a.env.getenv(name); v != "" {
			return proxyVariable{name, v}
		}
	}
	return proxyVariable{}
}

// checkProxy reports a proxy of the environment that cannot be understood. httpproxy passes over those: traffic that is to go
// through a proxy would go directly, or to a host whose name is a part of the password.
func (a *app) checkProxy() error {
	for _, v := range []proxyVariable{a.proxyOf("HTTPS_PROXY", "https_proxy"), a.proxyOf("HTTP_PROXY", "http_proxy")} {
		if v.value != "" && !isProxyAddress(v.value) {
			return &authsome.Error{
				Kind: authsome.KindUsage, Message: v.name + " is not the address of a proxy", // which may hold a password
				Hint: "write it as http://USER:PASSWORD@HOST:PORT, https:// or socks5://, and of a password @ as %40, / as %2F, : as %3A, " +
					"# as %23, ? as %3F and % as %25",
			}
		}
	}
	return nil
}

// warnOfDeadBroker says so when requests would go through a proxy of authsome that has ended: in the shell of a former agent.
func (a *app) warnOfDeadBroker(ctx context.Context) {
	broker := a.env.getenv(envBroker)
	if broker == "" || !strings.HasSuffix(a.proxyOf("HTTPS_PROXY", "https_proxy").value, "@"+broker) {
		return
	}
	d := net.Dialer{Timeout: time.Second}
	conn, err := d.DialContext(ctx, "tcp", broker)
	if err == nil {
		_ = conn.Close()
		return
	}
	a.warn(&authsome.Error{
		Message: "this shell is an agent of the proxy at " + broker + ", which is not running: nothing will be reached",
		Hint:    "go on in a new shell, or start that proxy again: authsome proxy start",
	})
}

// isProxyAddress reports whether an address leads where its writer meant, as far as that can be told.
func isProxyAddress(address string) bool {
	if !strings.Contains(address, "://") {
		address = "http://" + address // as httpproxy takes it
	}
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || strings.Contains(u.Path+u.RawQuery+u.Fragment, "@") {
		return false
	}
	return slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme)
}

// upstreamRoots returns the certificate authorities that verify servers; nil for the system's alone.
func (a *app) upstreamRoots() *x509.CertPool {
	private := run.PrivateRoots(a.env.Environ)
	if len(private) == 0 {
		return nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	pool.AppendCertsFromPEM(private)
	return pool
}

// httpClient reaches the providers' endpoints. It honours the proxy of the environment, except for the one of a run that
// this process is a child of: the broker does not go through itself.
func (a *app) httpClient() *http.Client {
	proxy := a.environmentProxy(a.env.getenv(envBroker))
	return &http.Client{Transport: &lateTransport{
		secure: sync.OnceValue(func() *http.Transport {
			t := transportThrough(proxy)
			if roots := a.upstreamRoots(); roots != nil {
				t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
			}
			return t
		}),
		plain: sync.OnceValue(func() *http.Transport { return transportThrough(proxy) }),
		proxy: proxy,
		heed:  a.env.Heed,
		check: sync.OnceValue(func() error {
			err := a.checkProxy()
			if err != nil {
				a.warn(authsome.AsError(err)) // what comes of the request says no more than that it failed
			}
			return err
		}),
	}}
}

func transportThrough(proxy func(*http.Request) (*url.URL, error)) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // it is one, says net/http
	t.Proxy = proxy
	return t
}

// lateTransport is made when it is first used: most commands send nothing. Reading the certificates of a system takes longer than
// the rest of a command, and waits for the first request that may meet one.
type lateTransport struct {
	secure func() *http.Transport
	plain  func() *http.Transport                // for cleartext, which only loopback hosts are asked in
	proxy  func(*http.Request) (*url.URL, error) // nil for none
	heed   func()                                // see [Env]; may be nil
	check  func() error                          // of the proxy, before anything is sent
}

// RoundTrip sends a request.
func (l *lateTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if l.heed != nil {
		l.heed()
	}
	if err := l.check(); err != nil {
		return nil, err
	}
	if l.proxy == nil && r.URL.Scheme == "http" { // a proxy may be reached by TLS
		return l.plain().RoundTrip(r)
	}
	return l.secure().RoundTrip(r)
}
