package provider

import (
	"cmp"
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
	if isForeign(p, base) && o.Elsewhere != nil {
		o.TokenURL = cmp.Or(o.Elsewhere.TokenURL, o.TokenURL)
		o.RevocationURL = cmp.Or(o.Elsewhere.RevocationURL, o.RevocationURL)
	}
	o.Elsewhere = nil // it has been heeded
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
		if *e.url, err = substitute(*e.url, basePlaceholder, base); err != nil {
			return nil, usageError(p, fmt.Errorf("%s: %w", e.name, err))
		}
	}
	if err := expandParams(o, base); err != nil {
		return nil, usageError(p, err)
	}
	o.LifetimeConfidence = cmp.Or(o.LifetimeConfidence, p.Confidence)
	o.BaseURL = base
	return o, nil
}

// expandParams puts the base URL into additional parameters.
func expandParams(o *authsome.OAuth, base string) error {
	for _, group := range paramGroups(o) {
		for name, value := range group.params {
			if !strings.Contains(value, basePlaceholder) {
				continue
			}
			if base == "" {
				return fmt.Errorf("%s.%s depends on a base URL, give --base-url", group.name, name)
			}
			filled, err := substitute(value, basePlaceholder, base)
			if err != nil {
				return fmt.Errorf("%s.%s: %w", group.name, name, err)
			}
			group.params[name] = filled
		}
	}
	return nil
}

// Patterns returns where credentials of p may go, and the places among them where they may not: those of [OwnEndpoints],
// which are to be compared with [authsome.HostPattern.Covers].
// Under a base URL other than the definition's own, hosts that do not contain {base_url} are left out if others do.
// {api_host} stands for apiHost; while that is not known, hosts that depend on it are left out.
func Patterns(p *authsome.Provider, baseURL, apiHost string) (hosts, excluded []authsome.HostPattern, err error) {
	base, err := effectiveBase(p, baseURL)
	if err != nil {
		return nil, nil, usageError(p, err)
	}
	fields := hostFields(p)
	if isForeign(p, base) && slices.ContainsFunc(fields, isTemplated) {
		fields = slices.DeleteFunc(fields, func(f hostField) bool { return !isTemplated(f) })
	}
	for _, f := range fields {
		if base == "" && strings.Contains(f.pattern, basePlaceholder) {
			return nil, nil, usageError(p, fmt.Errorf("%s depends on a base URL, give --base-url", f.path))
		}
		if strings.HasPrefix(f.pattern, hostPlaceholder) && apiHost == "" {
			continue
		}
		pattern, err := hostPattern(f.pattern, base, apiHost)
		if err != nil {
			return nil, nil, usageError(p, fmt.Errorf("%s: %w", f.path, err))
		}
		hosts = append(hosts, pattern)
	}
	if p.OAuth == nil {
		return hosts, nil, nil
	}
	o, err := Expand(p, baseURL)
	if err != nil {
		return nil, nil, err
	}
	excluded, err = OwnEndpoints(p, o)
	return hosts, excluded, err
}

// OwnEndpoints returns the patterns of everything at o, a server of p, that takes or issues credentials. A path ends
// where a placeholder begins.
func OwnEndpoints(p *authsome.Provider, o *authsome.OAuth) ([]authsome.HostPattern, error) {
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
	in := authsome.Injection{Prefix: "Bearer "}
	if p.AuthType == authsome.AuthTypeBasic {
		in = authsome.Injection{User: "{username}", Password: "{password}"}
	}
	if k := p.APIKey; k != nil && p.AuthType == authsome.AuthTypeAPIKey {
		in.Header = k.HeaderName
		in.Prefix = ""
		if k.HeaderPrefix != "" {
			in.Prefix = k.HeaderPrefix + " "
		}
	}
	if p.Inject != nil {
		in = overridden(in, p.Inject)
	}
	if in.Header == "" && in.User == "" && in.Password == "" && !in.Mentions(p.AuthType.SecretField()) {
		in.Header = "Authorization"
	}
	return in
}

// overridden returns in with what a definition says itself.
func overridden(in authsome.Injection, own *authsome.Injection) authsome.Injection {
	if own.Header != "" {
		in.Header, in.Prefix = own.Header, own.Prefix
	} else if own.Prefix != "" {
		in.Prefix = own.Prefix
	}
	if own.Basic != "" {
		in.Basic, in.Prefix = own.Basic, "Basic "
	}
	if own.User != "" || own.Password != "" {
		in.User, in.Password = own.User, own.Password
	}
	in.Headers, in.Query, in.Defaults = maps.Clone(own.Headers), maps.Clone(own.Query), maps.Clone(own.Defaults)
	in.Service, in.Region = own.Service, own.Region
	return in
}

// effectiveBase returns the base URL to use, which is empty if there is none.
func effectiveBase(p *authsome.Provider, baseURL string) (string, error) {
	if baseURL == "" {
		baseURL = ownBase(p)
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

// ownBase is the base URL that a definition has itself; empty: none.
func ownBase(p *authsome.Provider) string {
	switch {
	case p.OAuth != nil && p.OAuth.BaseURL != "":
		return p.OAuth.BaseURL
	case p.APIKey != nil:
		return p.APIKey.BaseURL
	default:
		return ""
	}
}

// BaseURL returns the base URL that stands for {base_url}: the given one, or the definition's own; empty if there is none.
func BaseURL(p *authsome.Provider, given string) string {
	if given != "" {
		return given
	}
	return ownBase(p)
}

// NeedsBaseURL reports whether a definition cannot be used without a base URL that a person gives.
func NeedsBaseURL(p *authsome.Provider) bool {
	if ownBase(p) != "" {
		return false
	}
	if slices.ContainsFunc(hostFields(p), func(f hostField) bool { return strings.Contains(f.pattern, basePlaceholder) }) {
		return true
	}
	return p.OAuth != nil && slices.ContainsFunc(endpoints(p.OAuth), func(e endpoint) bool {
		return strings.Contains(*e.url, basePlaceholder)
	})
}

// isForeign reports whether base is another one than the definition's own.
func isForeign(p *authsome.Provider, base string) bool {
	if ownBase(p) == "" {
		return base != ""
	}
	own, err := parseBaseURL(ownBase(p))
	return err != nil || base != own
}

func isTemplated(f hostField) bool {
	return strings.Contains(f.pattern, basePlaceholder) || strings.Contains(f.pattern, hostPlaceholder)
}

func cloneOAuth(o *authsome.OAuth) *authsome.OAuth {
	c := *o
	c.Scopes = slices.Clone(o.Scopes)
	c.AuthorizeParams = maps.Clone(o.AuthorizeParams)
	c.DeviceParams = maps.Clone(o.DeviceParams)
	c.TokenParams = maps.Clone(o.TokenParams)
	c.RefreshParams = maps.Clone(o.RefreshParams)
	c.ErrorMap = maps.Clone(o.ErrorMap)
	if o.APIHost != nil {
		host := *o.APIHost
		c.APIHost = &host
	}
	if o.ServerFromCallback != nil {
		server := *o.ServerFromCallback
		c.ServerFromCallback = &server
	}
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
