package provider

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/net/publicsuffix"

	"authsome"
)

// validateHosts checks the patterns of a definition, with its own base URL or a stand-in for it.
func validateHosts(r *report, p *authsome.Provider) {
	base := checkedBase(p)
	seen := make(map[string]bool)
	for _, h := range hostFields(p) {
		if seen[h.pattern] {
			r.addf(h.path, "occurs twice: %q", h.pattern)
		}
		seen[h.pattern] = true
		if _, err := hostPattern(h.pattern, base, standInHost); err != nil {
			r.addf(h.path, "%v", err)
		}
		if strings.Contains(h.pattern, hostPlaceholder) && (p.OAuth == nil || p.OAuth.APIHost == nil) {
			r.addf(h.path, "must not contain %s, as oauth.api_host does not say where to learn it", hostPlaceholder)
		}
	}
}

// checkedBase is the base URL that a definition is checked with: its own, or a stand-in where it has none that is right.
func checkedBase(p *authsome.Provider) string {
	if base, err := parseBaseURL(ownBase(p)); err == nil {
		return base
	}
	return standInBase
}

// hostField is a pattern with the path of its field.
type hostField struct{ path, pattern string }

func hostFields(p *authsome.Provider) []hostField {
	var fields []hostField
	if p.HostURL != "" {
		fields = append(fields, hostField{"host_url", p.HostURL})
	}
	for i, h := range p.Hosts {
		fields = append(fields, hostField{fmt.Sprintf("hosts[%d]", i), h})
	}
	for i, v := range p.Variants {
		for j, h := range v.Hosts {
			fields = append(fields, hostField{fmt.Sprintf("variants[%d].hosts[%d]", i, j), h})
		}
	}
	return fields
}

// hostPattern parses a pattern of a definition and refuses one that reaches beyond its owner.
func hostPattern(s, base, apiHost string) (authsome.HostPattern, error) {
	s, err := substitute(s, basePlaceholder, base)
	if err == nil {
		s, err = substitute(s, hostPlaceholder, apiHost)
	}
	if err != nil {
		return authsome.HostPattern{}, err
	}
	p, err := authsome.ParseHostPattern(s)
	if err != nil {
		return p, err
	}
	if err := checkReach(p); err != nil {
		return authsome.HostPattern{}, fmt.Errorf("%q: %w", s, err)
	}
	return p, nil
}

// checkReach keeps a pattern from matching hosts of several owners.
func checkReach(p authsome.HostPattern) error {
	ip, err := netip.ParseAddr(p.Host())
	switch {
	case p.Expression() != "":
		return checkAnchored(p.Expression())
	case p.IsWildcard() && !isRegistrable(p.Host()):
		return fmt.Errorf("a wildcard must stand before a domain that somebody owns, and %s is a public suffix", p.Host())
	case err == nil && !ip.IsLoopback():
		return errors.New("an IP address can be a loopback address only; use a host name")
	}
	return nil
}

// isRegistrable reports whether everything below domain has one owner, as far as the Public Suffix List knows.
func isRegistrable(domain string) bool {
	if domain == "googleapis.com" {
		// Listed, so that browsers keep the sites apart which customers of Google put there; yet Google runs every host.
		return true
	}
	_, err := publicsuffix.EffectiveTLDPlusOne(domain)
	return err == nil
}
