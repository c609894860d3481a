package oauth

import (
	"net/url"

	"authsome"
)

// secureURL parses the URL of an endpoint. Secrets go to https only, and to loopback, where no wire can be tapped.
func secureURL(op, s string) (*url.URL, error) {
	if s == "" {
		return nil, refused(op, "the provider has no endpoint for it")
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" { // the error would repeat the URL, which can hold a token
		return nil, refused(op, "the URL of the endpoint is malformed")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !authsome.IsLoopbackHost(u.Hostname())) {
		return nil, refused(op, "the endpoint is not https")
	}
	return u, nil
}

// SameOrigin reports whether two URLs are of one origin, RFC 6454 section 5: scheme, host and port are the same, as they are written.
func SameOrigin(a, b *url.URL) bool { return a.Scheme == b.Scheme && a.Host == b.Host }
