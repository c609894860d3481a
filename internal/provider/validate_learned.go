package provider

import (
	"fmt"
	"strings"

	"authsome"
)

// validateLearned checks what a definition lets a server say about itself and about the person.
func validateLearned(r *report, p *authsome.Provider) {
	if o := p.OAuth; o != nil {
		validateLearnedHost(r, "oauth.api_host", o.APIHost)
		validateLearnedHost(r, "oauth.server_from_callback", o.ServerFromCallback)
		if o.ServerFromCallback != nil && !strings.HasPrefix(o.TokenURL, basePlaceholder) {
			r.addf("oauth.token_url", "must begin with %s, which oauth.server_from_callback gives a value", basePlaceholder)
		}
	}
	a := p.Account
	if a == nil {
		return
	}
	checkOneOf(r, "account.from", a.From, "", authsome.AccountFromURL, authsome.AccountFromToken, authsome.AccountFromIDToken)
	if a.From == "" || a.From == authsome.AccountFromURL {
		if _, err := endpointURL(strings.Replace(a.URL, hostPlaceholder, standInHost, 1), ""); err != nil {
			r.addf("account.url", "%v", err)
		}
	}
	if a.ID == "" && a.Label == "" {
		r.addf("account.id", "or account.label is required: a member of the answer, such as user.id")
	}
	for path, member := range map[string]string{"account.id": a.ID, "account.label": a.Label} {
		if member != "" {
			checkMemberPath(r, path, member)
		}
	}
}

// checkMemberPath checks names joined by dots.
func checkMemberPath(r *report, path, member string) {
	for name := range strings.SplitSeq(member, ".") {
		if name == "" || strings.ContainsFunc(name, notScopeRune) {
			r.addf(path, "must be the name of a member, or names joined by dots such as team.id, got %q", member)
			return
		}
	}
}

func validateLearnedHost(r *report, path string, h *authsome.LearnedHost) {
	if h == nil {
		return
	}
	checkMemberPath(r, path+".member", h.Member)
	if len(h.Within) == 0 {
		r.addf(path+".within", "is required: patterns such as *.acme.com that the host must match")
	}
	for i, s := range h.Within {
		if _, err := hostPattern(s, standInBase, standInHost); err != nil {
			r.addf(fmt.Sprintf("%s.within[%d]", path, i), "%v", err)
		}
	}
}
