package proxy

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"authsome"
	"authsome/internal/policy"
)

// dropHopByHop removes what is meant for this proxy and not for the one behind it (RFC 9110 section 7.6.1): the fields
// that Connection names, and the known ones, whether it names them or not.
func dropHopByHop(h http.Header) {
	for _, list := range h["Connection"] {
		for name := range strings.SplitSeq(list, ",") {
			if name = strings.TrimSpace(name); name != "" && !strings.EqualFold(name, "close") {
				h.Del(name)
			}
		}
	}
	for _, name := range [...]string{
		"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization",
		"Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Http2-Settings",
	} {
		delete(h, name)
	}
}

// namesAnotherPath reports whether a request holds one of the fields that some servers (IIS, and frameworks that had to
// run behind it) take for the target. CGI and its heirs do not tell '_' from '-' in the name of a field.
func namesAnotherPath(h http.Header) bool {
	for name := range h {
		if n := len(name); n != len("X-Original-Url") && n != len("X-Rewrite-Url") || name[0]|0x20 != 'x' {
			continue
		}
		switch strings.ToLower(strings.ReplaceAll(name, "_", "-")) {
		case "x-original-url", "x-rewrite-url":
			return true
		}
	}
	return false
}

// routesElsewhere reports whether a query holds the parameter that WordPress takes for the path of its API, before the path
// itself, also as the beginning of an array's name.
func routesElsewhere(query string) bool {
	const route = "rest_route"
	for part := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(part, "=")
		if decoded, err := url.QueryUnescape(name); err == nil {
			name = decoded
		}
		name = strings.TrimLeft(name, " ")
		if len(name) >= len(route) && policy.SpelledAs(name[:len(route)], route) {
			return true
		}
	}
	return false
}

// hasToken reports whether a comma-separated field contains a token.
func hasToken(values []string, token string) bool {
	for _, list := range values {
		for part := range strings.SplitSeq(list, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

// trailerBody removes credentials from a request's trailer section, which is known when the body has been read.
type trailerBody struct {
	io.ReadCloser
	trailer http.Header
	fields  http.Header // whose names are those of credentials
}

// Read reads from the body.
func (b *trailerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		dropCredentials(b.trailer, b.fields)
	}
	return n, err
}

// cleanTrailer keeps the client's own credentials out of the trailer section of a request with a credential.
func (x *exchange) cleanTrailer() {
	if x.out.Trailer == nil || x.out.Body == nil {
		return
	}
	dropCredentials(x.out.Trailer, x.form.fields)
	x.out.Body = &trailerBody{x.out.Body, x.out.Trailer, x.form.fields}
}

// dropCredentials removes what commonly carries a credential, and the fields that the given ones replace.
func dropCredentials(h, fields http.Header) {
	if len(fields) == 0 {
		authsome.DropCredentials(h)
	}
	for name := range fields {
		authsome.DropCredentials(h, name)
	}
}

// holdsPlaceholder reports whether a request that is about to leave contains what the child was given instead of a
// credential, plain or as Basic credentials (RFC 7617), in its header or its target.
func holdsPlaceholder(r *http.Request) bool {
	if strings.Contains(r.URL.Path, authsome.Placeholder) || queryHolds(r.URL.RawQuery) {
		return true
	}
	for _, values := range r.Header {
		for _, v := range values {
			if len(v) >= len(authsome.Placeholder) && (strings.Contains(v, authsome.Placeholder) || basicHolds(v)) {
				return true
			}
		}
	}
	return false
}

func queryHolds(query string) bool {
	if strings.Contains(query, "%") {
		if decoded, err := url.QueryUnescape(query); err == nil {
			query = decoded
		}
	}
	return strings.Contains(query, authsome.Placeholder)
}

func basicHolds(value string) bool {
	if len(value) < 6 || !strings.EqualFold(value[:6], "basic ") {
		return false
	}
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(value[6:]))
	return err == nil && strings.Contains(string(decoded), authsome.Placeholder)
}
