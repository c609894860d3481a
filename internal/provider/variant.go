package provider

import (
	"fmt"
	"slices"
	"strings"

	"authsome"
	"authsome/internal/policy"
)

// Variants returns the other ways in which credentials of p travel, and where to. Hosts are left out as [Patterns] does.
func Variants(p *authsome.Provider, baseURL, apiHost string) ([]authsome.CredentialVariant, error) {
	if len(p.Variants) == 0 {
		return nil, nil
	}
	base, err := effectiveBase(p, baseURL)
	if err != nil {
		return nil, usageError(p, err)
	}
	var out []authsome.CredentialVariant
	for i, v := range p.Variants {
		variant := authsome.CredentialVariant{Inject: v.Inject}
		for j, h := range v.Hosts {
			foreign := isForeign(p, base) && !isTemplated(hostField{pattern: h})
			if foreign || strings.HasPrefix(h, hostPlaceholder) && apiHost == "" {
				continue
			}
			pattern, err := hostPattern(h, base, apiHost)
			if err != nil {
				return nil, usageError(p, fmt.Errorf("variants[%d].hosts[%d]: %w", i, j, err))
			}
			variant.Hosts = append(variant.Hosts, pattern)
		}
		if len(variant.Hosts) > 0 {
			out = append(out, variant)
		}
	}
	return out, nil
}

// SafePosts returns the requests to p that change nothing although their method is POST.
func SafePosts(p *authsome.Provider, baseURL string) ([]policy.Target, error) {
	return targets(p, baseURL, "safe_posts", p.SafePosts)
}

// UnsafeGets returns the requests to p that may change something although their method is GET.
func UnsafeGets(p *authsome.Provider, baseURL string) ([]policy.Target, error) {
	return targets(p, baseURL, "unsafe_gets", p.UnsafeGets)
}

func targets(p *authsome.Provider, baseURL, field string, list []string) ([]policy.Target, error) {
	if len(list) == 0 {
		return nil, nil
	}
	base, err := effectiveBase(p, baseURL)
	if err != nil {
		return nil, usageError(p, err)
	}
	var out []policy.Target
	for i, s := range list {
		if strings.Contains(s, basePlaceholder) && base == "" {
			continue
		}
		t, err := targetOf(s, base)
		if err != nil {
			return nil, usageError(p, fmt.Errorf("%s[%d]: %w", field, i, err))
		}
		out = append(out, t)
	}
	return out, nil
}

func targetOf(s, base string) (policy.Target, error) {
	s, err := substitute(s, basePlaceholder, base)
	if err != nil {
		return policy.Target{}, err
	}
	t, err := policy.ParseTarget(strings.TrimPrefix(s, "https://"))
	if err == nil && (!t.HasPath() || t.Host() == "") {
		err = fmt.Errorf("%q: it is to be host/path", s)
	}
	return t, err
}

// CredentialPaths returns the requests to p whose answer is a new credential.
func CredentialPaths(p *authsome.Provider, baseURL string) ([]policy.Rule, error) {
	if len(p.CredentialPaths) == 0 {
		return nil, nil
	}
	base, err := effectiveBase(p, baseURL)
	if err != nil {
		return nil, usageError(p, err)
	}
	var out []policy.Rule
	for i, s := range p.CredentialPaths {
		if strings.Contains(s, basePlaceholder) && base == "" {
			continue
		}
		r, err := credentialPath(s, base, string(p.Name))
		if err != nil {
			return nil, usageError(p, fmt.Errorf("credential_paths[%d]: %w", i, err))
		}
		out = append(out, r)
	}
	return out, nil
}

func credentialPath(s, base, name string) (policy.Rule, error) {
	method, target, _ := strings.Cut(s, " ")
	target, err := substitute(target, basePlaceholder, base)
	if err != nil {
		return policy.Rule{}, err
	}
	r, err := policy.ParseRule(method+" "+strings.TrimPrefix(target, "https://"), "the definition of "+name)
	if err == nil && (!r.HasPath() || r.Host() == "") {
		err = fmt.Errorf("%q: it is to be METHOD host/path", s)
	}
	return r, err
}

// validateCredentialPaths checks that each is at one of the definition's own hosts.
func validateCredentialPaths(r *report, p *authsome.Provider) {
	base := checkedBase(p)
	for i, s := range p.CredentialPaths {
		path := fmt.Sprintf("credential_paths[%d]", i)
		rule, err := credentialPath(s, base, string(p.Name))
		switch {
		case err != nil:
			r.addf(path, "%v", err)
		case !isAtOwnHost(p, base, rule.Target):
			r.addf(path, "is at none of the hosts: %q", s)
		}
	}
}

// isAtOwnHost reports whether a definition names the host of a target.
func isAtOwnHost(p *authsome.Provider, base string, t policy.Target) bool {
	return slices.ContainsFunc(hostFields(p), func(f hostField) bool {
		h, err := hostPattern(f.pattern, base, standInHost)
		return err == nil && (h.Host() == t.Host() || h.IsWildcard() && h.MatchHost("https", t.Host(), t.Port()))
	})
}

// validateVariants checks the other ways of travelling; their hosts are checked with all others.
func validateVariants(r *report, p *authsome.Provider) {
	for i, v := range p.Variants {
		path := fmt.Sprintf("variants[%d]", i)
		if len(v.Hosts) == 0 {
			r.addf(path+".hosts", "is required: where the credential travels in this way")
		}
		if v.Inject.Service != "" || v.Inject.Region != "" || v.Inject.Basic != "" {
			r.addf(path+".inject", "can have header, prefix, headers, defaults, query, user and password only")
		}
		one := *p
		one.Inject = &v.Inject
		inner := &report{}
		validateInjection(inner, &v.Inject)
		validateTemplates(inner, &one)
		for _, problem := range inner.problems {
			r.addf(path+"."+problem.Path, "%s", problem.Message)
		}
	}
}

// validateTargets checks that each is at one of the definition's own hosts.
func validateTargets(r *report, p *authsome.Provider, field string, list []string) {
	base := checkedBase(p)
	for i, s := range list {
		path := fmt.Sprintf("%s[%d]", field, i)
		t, err := targetOf(s, base)
		if err != nil {
			r.addf(path, "%v", err)
			continue
		}
		if !isAtOwnHost(p, base, t) {
			r.addf(path, "is at none of the hosts: %q", s)
		}
	}
}
