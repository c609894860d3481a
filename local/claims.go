package local

import (
	"net/url"
	"slices"

	"authsome"
	"authsome/internal/oauth"
	"authsome/internal/provider"
)

// apiOf returns where the token of a discovered OpenID provider goes: to its userinfo endpoint, which may be at another host,
// unless that is the ground of somebody else's definition. A server that named the API of another service would otherwise have
// its own token, which may be one of an account of its own at that service, put on requests to it.
func (l *Layer) apiOf(issuer *url.URL, found *oauth.Discovered) (string, error) {
	if found.Userinfo == "" {
		return issuer.String(), nil
	}
	userinfo, err := url.Parse(found.Userinfo)
	if err != nil {
		return "", err
	}
	if userinfo.Hostname() == issuer.Hostname() {
		return found.Userinfo, nil
	}
	all, _, err := l.catalogue.All()
	if err != nil {
		return "", err
	}
	claimed := false
	for i := range all {
		if !isFor(&all[i], userinfo) {
			continue
		}
		if logsInAt(&all[i], issuer) {
			return found.Userinfo, nil
		}
		claimed = true
	}
	if claimed {
		return issuer.String(), nil
	}
	return found.Userinfo, nil
}

// isFor reports whether a definition is for the host of a URL, or for a part of it.
func isFor(p *authsome.Provider, u *url.URL) bool {
	hosts, _, err := provider.Patterns(p, "", "")
	if err != nil { // of an instance whose address is not known
		return false
	}
	return slices.ContainsFunc(hosts, func(h authsome.HostPattern) bool { return h.MatchHost(u.Scheme, u.Hostname(), u.Port()) })
}

// logsInAt reports whether a provider's authorization server is at the host of an issuer.
func logsInAt(p *authsome.Provider, issuer *url.URL) bool {
	spec, err := provider.Expand(p, "")
	if err != nil || spec == nil {
		return false
	}
	for _, endpoint := range []string{spec.Issuer, spec.AuthorizationURL, spec.TokenURL} {
		if u, err := url.Parse(endpoint); err == nil && u.Host == issuer.Host {
			return true
		}
	}
	return false
}
