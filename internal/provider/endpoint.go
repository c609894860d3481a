package provider

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"authsome"
)

const (
	basePlaceholder = "{base_url}"
	hostPlaceholder = "{api_host}"
	standInHost     = "https://api-host.invalid" // where the API's host is not known yet
	standInBase     = "https://base-url.invalid" // where the base URL is not known yet
)

// endpoint is one URL of an authorization server.
type endpoint struct {
	name         string
	url          *string
	placeholders []string // allowed besides {base_url}
	own          bool     // a place that takes or issues credentials: never to be injected into
}

// endpoints lists the URLs of o, in the order of the fields.
func endpoints(o *authsome.OAuth) []endpoint {
	all := []endpoint{
		{name: "issuer", url: &o.Issuer},
		{name: "authorization_url", url: &o.AuthorizationURL, own: true},
		{name: "token_url", url: &o.TokenURL, own: true},
		{name: "refresh_url", url: &o.RefreshURL, own: true},
		{name: "revocation_url", url: &o.RevocationURL, own: true, placeholders: []string{"{token}", "{client_id}"}},
		{name: "device_authorization_url", url: &o.DeviceAuthorizationURL, own: true},
		{name: "registration_endpoint", url: &o.RegistrationEndpoint, own: true},
		{name: "pushed_authorization_url", url: &o.PushedAuthorizationURL, own: true},
		{name: "introspection_url", url: &o.IntrospectionURL, own: true},
	}
	if e := o.Elsewhere; e != nil {
		all = append(
			all,
			endpoint{name: "elsewhere.token_url", url: &e.TokenURL, own: true},
			endpoint{name: "elsewhere.revocation_url", url: &e.RevocationURL, own: true, placeholders: []string{"{token}", "{client_id}"}},
		)
	}
	if o.LongLived != nil {
		all = append(all, endpoint{name: "long_lived.exchange_url", url: &o.LongLived.ExchangeURL, own: true})
	}
	return all
}

// endpointURL checks a URL as a definition has it, with base put in its place; an unknown base may be empty. Errors say
// what is expected.
func endpointURL(s, base string, placeholders ...string) (*url.URL, error) {
	if base == "" {
		base = standInBase
	}
	s, err := substitute(s, basePlaceholder, base)
	if err != nil {
		return nil, err
	}
	filled := s
	for _, p := range placeholders {
		filled = strings.ReplaceAll(filled, p, "x")
	}
	if strings.ContainsAny(filled, "{}") {
		return nil, fmt.Errorf("must not contain placeholders other than %s, got %q",
			orList(append([]string{basePlaceholder}, placeholders...)), s)
	}
	return secureURL(s)
}

// secureURL parses a URL that secrets will be sent to.
func secureURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, fmt.Errorf("must be a URL, got %q", s)
	case u.Scheme != "https" && (u.Scheme != "http" || !authsome.IsLoopbackHost(u.Hostname())):
		return nil, fmt.Errorf("must be https (http only for loopback hosts), got %q", s)
	case u.Hostname() == "":
		return nil, fmt.Errorf("must name a host, got %q", s)
	case u.User != nil:
		return nil, errors.New("must not contain a user name or password")
	case u.Fragment != "":
		return nil, fmt.Errorf("must not have a fragment, got %q", s)
	}
	return u, nil
}

// parseBaseURL checks a base URL and returns it without trailing slashes.
func parseBaseURL(s string) (string, error) {
	s = strings.TrimRight(strings.TrimSpace(s), "/")
	u, err := secureURL(s)
	if err != nil {
		return "", err
	}
	if u.RawQuery != "" || u.ForceQuery || strings.ContainsAny(s, "{}") {
		return "", fmt.Errorf("must be a URL without query or placeholders, got %q", s)
	}
	return s, nil
}

// substitute puts a URL where its placeholder stands, which is the beginning or nowhere: anywhere else it could turn a path
// into a host.
func substitute(s, placeholder, value string) (string, error) {
	rest, templated := strings.CutPrefix(s, placeholder)
	if strings.Contains(rest, placeholder) {
		return "", fmt.Errorf("must have %s at the beginning only, got %q", placeholder, s)
	}
	if !templated {
		return s, nil
	}
	if rest != "" && rest[0] != '/' {
		return "", fmt.Errorf("must go on with a path after %s, got %q", placeholder, s)
	}
	return strings.TrimRight(value, "/") + rest, nil
}

// checkPage checks a link for people.
func checkPage(r *report, path, s string) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		r.addf(path, "must be the URL of a web page, got %q", s)
	}
}
