package provider

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"authsome"
)

// Expand returns p's authorization server with the base URL put into its endpoints and parameters: baseURL if given, otherwise the
// definition's own. Under another base URL, optional endpoints that do not contain {base_url} are left out when the token
// endpoint does: they belong to the public service. It fails with [authsome.KindUsage] when p has no OAuth
// section, when a base URL is needed and there is none, and when an endpoint is neither https nor on loopback.
func Expand(p *authsome.Provider, baseURL string) (*authsome.OAuth, error) {
	if p.OAuth == nil {
		return nil, usageError(p, errors.New("it has no OAuth section"))
	}
	o := cloneOAuth(p.OAuth)
	base, err := effectiveBase(p, baseURL)
	if err != nil {
		return nil, usageError(p, err)
	}
	if isForeign(p, base) && strings.Contains(o.TokenURL, basePlaceholder) {
		for _, optional := range []*string{&o.Issuer, &o.RevocationURL, &o.DeviceAuthorizationURL, &o.RegistrationEndpoint} {
			if !strings.Contains(*optional, basePlaceholder) {
				*optional = ""
			}
		}
	}
	for _, e := range endpoints(o) {
		if *e.url == "" {
			continue
		}
		if base == "" && strings.Contains(*e.url, basePlaceholder) {
			return nil, usageError(p, fmt.Errorf("%s depends on a base URL, give --base-url", e.name))
		}
		if _, err := endpointURL(*e.url, base, e.placeholders...); err != nil {
			return nil, usageError(p, fmt.Errorf("%s: %w", e.name, err))
		}
		if *e.url, err = substitute(*e.url, base); err != nil {
			return nil, usageError(p, fmt.Errorf("%s: %w", e.name, err))
		}
	}
	if err := expandParams(o, base); err != nil {
		return nil, usageError(p, err)
	}
	o.BaseURL = base
	return o, nil
}

// Patterns returns where credentials of p may go, and the places among them where they may not: p's own authorization,
// token, revocation, device and registration endpoints, which are to be compared with [authsome.HostPattern.Covers].
// Under a base URL other than the definition's own, hosts that do not contain {base_url} are left out if others do.
func Patterns(p *authsome.Provider, baseURL string) (hosts, excluded []authsome.HostPattern, err error) {
	base, err := effectiveBase(p, baseURL)
	if err != nil {
		return nil, nil, usageError(p, err)
	}
	fields := hostFields(p)
	if isForeign(p, base) && slices.ContainsFunc(fields, isTemplated) {
		fields = slices.DeleteFunc(fields, func(f hostField) bool { return !isTemplated(f) })
	}
	for _, f := range fields {
		if base == "" && isTemplated(f) {
			return nil, nil, usageError(p, fmt.Errorf("%s depends on a base URL, give --base-url", f.path))
		}
		pattern, err := hostPattern(f.pattern, base)
		if err != nil {
			return nil, nil, usageError(p, fmt.Errorf("%s: %w", f.path, err))
		}
		hosts = append(hosts, pattern)
	}
	if p.OAuth == nil {
		return hosts, nil, nil
	}
	excluded, err = ownEndpoints(p, baseURL)
	return hosts, excluded, err
}

// ownEndpoints returns the patterns of everything that takes or issues credentials. A path ends where a placeholder
// begins.
func ownEndpoints(p *authsome.Provider, baseURL string) ([]authsome.HostPattern, error) {
	o, err := Expand(p, baseURL)
	if err != nil {
		return nil, err
	}
	var excluded []authsome.HostPattern
	seen := make(map[string]bool)
	for _, e := range endpoints(o) {
		if !e.own || *e.url == "" {
			continue
		}
		s, _, cut := strings.Cut(*e.url, "{")
		if cut {
			s = s[:strings.LastIndexByte(s, '/')+1]
		}
		u, err := url.Parse(s)
		if err != nil {
			return nil, usageError(p, fmt.Errorf("%s: %w", e.name, err))
		}
		pattern, err := authsome.EndpointPattern(u)
		if err != nil {
			return nil, usageError(p, fmt.Errorf("%s: %w", e.name, err))
		}
		if !seen[pattern.String()] {
			seen[pattern.String()] = true
			excluded = append(excluded, pattern)
		}
	}
	return excluded, nil
}

// Injection returns how a credential of p travels: the header field, what precedes the value, and the fixed fields.
func Injection(p *authsome.Provider) authsome.Injection {
	in := authsome.Injection{Header: "Authorization", Prefix: "Bearer "}
	if k := p.APIKey; k != nil && p.AuthType == authsome.AuthTypeAPIKey {
		if k.HeaderName != "" {
			in.Header = k.HeaderName
		}
		in.Prefix = ""
		if k.HeaderPrefix != "" {
			in.Prefix = k.HeaderPrefix + " "
		}
	}
	own := p.Inject
	if own == nil {
		return in
	}
	if own.Header != "" {
		in.Header, in.Prefix = own.Header, own.Prefix
	} else if own.Prefix != "" {
		in.Prefix = own.Prefix
	}
	if own.Basic != "" {
		in.Basic, in.Prefix = own.Basic, "Basic "
	}
	in.Headers, in.Defaults = maps.Clone(own.Headers), maps.Clone(own.Defaults)
	return in
}

// effectiveBase returns the base URL to use, which is empty if there is none.
func effectiveBase(p *authsome.Provider, baseURL string) (string, error) {
	if baseURL == "" && p.OAuth != nil {
		baseURL = p.OAuth.BaseURL
	}
	if baseURL == "" {
		return "", nil
	}
	base, err := parseBaseURL(baseURL)
	if err != nil {
		return "", fmt.Errorf("base URL: %w", err)
	}
	return base, nil
}

// isForeign reports whether base is another one than the definition's own.
func isForeign(p *authsome.Provider, base string) bool {
	if p.OAuth == nil || p.OAuth.BaseURL == "" {
		return base != ""
	}
	own, err := parseBaseURL(p.OAuth.BaseURL)
	return err != nil || base != own
}

func isTemplated(f hostField) bool { return strings.Contains(f.pattern, basePlaceholder) }

func cloneOAuth(o *authsome.OAuth) *authsome.OAuth {
	c := *o
	c.Scopes = slices.Clone(o.Scopes)
	c.AuthorizeParams = maps.Clone(o.AuthorizeParams)
	c.DeviceParams = maps.Clone(o.DeviceParams)
	c.TokenParams = maps.Clone(o.TokenParams)
	c.RefreshParams = maps.Clone(o.RefreshParams)
	c.ErrorMap = maps.Clone(o.ErrorMap)
	if o.LongLived != nil {
		l := *o.LongLived // the exchange URL is expanded
		c.LongLived = &l
	}
	return &c
}

func usageError(p *authsome.Provider, err error) error {
	return &authsome.Error{
		Kind:    authsome.KindUsage,
		Ref:     authsome.Ref{Provider: p.Name},
		Message: fmt.Sprintf("the definition of %s cannot be used: %v", p.Name, err),
		Hint:    "authsome inspect " + string(p.Name),
		Err:     err,
	}
}
