package cli

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"
	"sync"

	"golang.org/x/net/http/httpproxy"

	"authsome/internal/run"
)

// environmentProxy tells through which proxy of the environment a request goes, as the variables have it: HTTPS_PROXY,
// HTTP_PROXY, ALL_PROXY for want of one of these, NO_PROXY, in upper case or lower. except is the host:port of a proxy
// that is none; empty for no exception. The result is nil where no proxy is named at all.
func (a *app) environmentProxy(except string) func(*http.Request) (*url.URL, error) {
	all := a.either("ALL_PROXY", "all_proxy")
	config := httpproxy.Config{
		HTTPSProxy: cmp.Or(a.either("HTTPS_PROXY", "https_proxy"), all),
		HTTPProxy:  cmp.Or(a.either("HTTP_PROXY", "http_proxy"), all),
		NoProxy:    a.either("NO_PROXY", "no_proxy"),
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

// either returns the first variable that is set.
func (a *app) either(names ...string) string {
	for _, name := range names {
		if v := a.env.getenv(name); v != "" {
			return v
		}
	}
	return ""
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
}

// RoundTrip sends a request.
func (l *lateTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if l.heed != nil {
		l.heed()
	}
	if l.proxy == nil && r.URL.Scheme == "http" { // a proxy may be reached by TLS
		return l.plain().RoundTrip(r)
	}
	return l.secure().RoundTrip(r)
}
