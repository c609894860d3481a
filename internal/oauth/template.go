package oauth

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"authsome"
)

// filling is what a template's placeholders stand for.
type filling map[string]string

// fillingFor returns what a template may name. The refresh token stands for the whole grant (RFC 7009 section 2.1), so
// it is what {token} means, where there is one.
func (c *Client) fillingFor(tokens LoginTokens) filling {
	grant := tokens.RefreshToken
	if grant.IsZero() {
		grant = tokens.AccessToken
	}
	return filling{
		"{access_token}": tokens.AccessToken.Reveal(), "{refresh_token}": tokens.RefreshToken.Reveal(),
		"{token}": grant.Reveal(), "{account_id}": tokens.AccountID,
		"{client_id}": c.ClientID, "{client_secret}": c.ClientSecret.Reveal(),
	}
}

// in returns a template's value with everything filled in, and reports whether all of it was known.
func (f filling) in(template string) (value string, whole bool) {
	pairs := make([]string, 0, 2*len(f))
	whole = true
	for _, name := range slices.Sorted(maps.Keys(f)) {
		pairs = append(pairs, name, f[name])
		whole = whole && (f[name] != "" || !strings.Contains(template, name))
	}
	return strings.NewReplacer(pairs...).Replace(template), whole
}

// params returns the parameters whose values are known in full.
func (f filling) params(templates map[string]string) url.Values {
	v := make(url.Values, len(templates))
	for name, template := range templates {
		if value, whole := f.in(template); whole {
			set(v, name, value)
		}
	}
	return v
}

// names reports whether a template says, with something that is known, whose login it is about.
func (f filling) names(t *authsome.RequestTemplate) bool {
	for _, templates := range []map[string]string{t.Headers, t.Params} {
		for _, template := range templates {
			for _, whose := range []string{"{access_token}", "{refresh_token}", "{token}", "{account_id}"} {
				if strings.Contains(template, whose) && f[whose] != "" {
					return true
				}
			}
		}
	}
	return false
}

// fill completes a request by a template. It fails when there is nothing to put into a header field, or nothing that
// tells the login.
func (c *Client) fill(r *request, t *authsome.RequestTemplate, tokens LoginTokens) error {
	f := c.fillingFor(tokens)
	if t == nil || !f.names(t) {
		return refused(r.op, "there is no token that can be revoked")
	}
	if t.Method != "" {
		r.method = t.Method
	}
	r.params, r.format = f.params(t.Params), t.Format
	r.headers = make(map[string]string, len(t.Headers))
	for name, template := range t.Headers {
		value, whole := f.in(template)
		if !whole || hasControl(value) {
			return refused(r.op, "a value for the header field "+name+" is missing")
		}
		r.headers[name] = value
	}
	return nil
}
