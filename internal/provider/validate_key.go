package provider

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"authsome"
)

// staticFlow is the one flow of each kind of credential that is no OAuth token.
func staticFlow(t authsome.AuthType) (authsome.Flow, bool) {
	switch t {
	case authsome.AuthTypeAPIKey:
		return authsome.FlowAPIKey, true
	case authsome.AuthTypeBasic:
		return authsome.FlowBasic, true
	case authsome.AuthTypeSigV4:
		return authsome.FlowSigV4, true
	default:
		return "", false
	}
}

// validateKeyFields checks the further values of a key.
func validateKeyFields(r *report, k *authsome.APIKey) {
	if k.BaseURL != "" {
		if _, err := parseBaseURL(k.BaseURL); err != nil {
			r.addf("api_key.base_url", "%v", err)
		}
	}
	seen := make(map[authsome.FieldName]bool)
	for i, f := range k.Fields {
		path := fmt.Sprintf("api_key.fields[%d]", i)
		if !isFieldName(string(f.Name)) || f.Name == authsome.FieldAPIKey || f.Name == authsome.FieldAccessToken {
			r.addf(path+".name", "must be a name of lowercase letters, digits and '_' such as application_key, got %q", string(f.Name))
		}
		if seen[f.Name] {
			r.addf(path+".name", "occurs twice: %q", string(f.Name))
		}
		seen[f.Name] = true
		checkText(r, path+".label", f.Label)
		checkText(r, path+".pattern_hint", f.PatternHint)
		if f.EnvVar != "" {
			checkEnv(r, path+".env_var", f.EnvVar)
		}
		if _, err := regexp.Compile(f.Pattern); err != nil {
			r.addf(path+".pattern", "must be a regular expression in RE2 syntax: %v", err)
		}
	}
}

func isFieldName(s string) bool {
	return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, func(c rune) bool {
		return c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9')
	})
}

// validateTemplates checks that a template names only what the credential has.
func validateTemplates(r *report, p *authsome.Provider) {
	if p.Inject == nil {
		return
	}
	known := []authsome.FieldName{p.AuthType.SecretField()}
	for _, f := range p.KeyFields() {
		known = append(known, f.Name)
	}
	if p.AuthType == authsome.AuthTypeOAuth2 {
		known = append(known, authsome.FieldClientID)
	}
	check := func(path, template string) {
		checkText(r, path, template)
		names, err := authsome.TemplateFields(template)
		if err != nil {
			r.addf(path, "must be a template such as {%s}: %v", known[0], err)
		}
		for _, name := range names {
			if !slices.Contains(known, name) {
				r.addf(path, "names the field %q, which the credential does not have", string(name))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Inject.Headers)) {
		check("inject.headers."+name, p.Inject.Headers[name])
	}
	for _, name := range slices.Sorted(maps.Keys(p.Inject.Query)) {
		if name == "" {
			r.addf("inject.query", "must not have a parameter without a name")
		}
		check("inject.query."+name, p.Inject.Query[name])
	}
	check("inject.user", p.Inject.User)
	check("inject.password", p.Inject.Password)
	if len(p.Inject.Query) > 0 && p.AuthType == authsome.AuthTypeOAuth2 {
		r.addf("inject.query", "must not be given: an access token never travels in a URL (RFC 6750 section 5.3)")
	}
}
