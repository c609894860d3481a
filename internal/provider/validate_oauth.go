package provider

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"authsome"
)

func validateOAuth(r *report, o *authsome.OAuth, flow authsome.Flow) {
	if o.BaseURL != "" {
		if _, err := parseBaseURL(o.BaseURL); err != nil {
			r.addf("oauth.base_url", "%v", err)
		}
	}
	validateEndpoints(r, o, flow)
	validateDiscovery(r, o)
	checkOneOf(r, "oauth.assertion", o.Assertion, "", authsome.AssertionGoogle, authsome.AssertionGitHub)
	if flow == authsome.FlowJWTBearer && o.Assertion == "" {
		r.addf("oauth.assertion", "is required for the flow %q: %q or %q", flow, authsome.AssertionGoogle, authsome.AssertionGitHub)
	}
	validateRevocation(r, o)
	validateScopes(r, o)
	checkOneOf(r, "oauth.pkce", o.PKCE, "", authsome.PKCERequired, authsome.PKCEYes, authsome.PKCEIgnored,
		authsome.PKCENo)
	checkOneOf(r, "oauth.client_auth", o.ClientAuth, "", authsome.ClientAuthNone, authsome.ClientAuthBasic,
		authsome.ClientAuthPost, authsome.ClientAuthSecretUser, authsome.ClientAuthHash)
	checkOneOf(r, "oauth.body_format", o.BodyFormat, "", authsome.BodyForm, authsome.BodyJSON)
	validateRedirect(r, o.Redirect)
	checkOneOf(r, "oauth.device_token_request", o.DeviceTokenRequest, "", authsome.DeviceTokenForm,
		authsome.DeviceTokenJSON)
	checkOneOf(r, "oauth.device_client_auth", o.DeviceClientAuth, "", authsome.ClientAuthNone, authsome.ClientAuthBasic,
		authsome.ClientAuthPost)
	validateParams(r, o)
	validateQuirks(r, o)
	for _, code := range slices.Sorted(maps.Keys(o.ErrorMap)) {
		checkOneOf(r, "oauth.error_map."+code, o.ErrorMap[code], "grant", "client", "request", "transient")
	}
	if o.DefaultExpiresIn < 0 {
		r.addf("oauth.default_expires_in", "must be a number of seconds, or 0 for unknown, got %d", o.DefaultExpiresIn)
	}
	validateLifetimes(r, o)
}

// validateEndpoints checks the URLs, and that those are there which the flow needs. dcr_pkce may do without a
// registration endpoint: it is then discovered (RFC 8414).
func validateEndpoints(r *report, o *authsome.OAuth, flow authsome.Flow) {
	discovered := o.Discovery != ""
	needsAuthorization := (flow == authsome.FlowPKCE || flow == authsome.FlowDCRPKCE) && !discovered
	needsDevice := (flow == authsome.FlowDeviceCode || o.SupportsDeviceFlow) && !discovered
	for _, e := range endpoints(o) {
		path := "oauth." + e.name
		switch {
		case *e.url != "":
			if _, err := endpointURL(*e.url, o.BaseURL, e.placeholders...); err != nil {
				r.addf(path, "%v", err)
			}
		case e.name == "authorization_url" && needsAuthorization, e.name == "token_url" && !discovered:
			r.addf(path, "is required for the flow %q", flow)
		case e.name == "device_authorization_url" && needsDevice:
			r.addf(path, "is required for the device flow")
		}
	}
	if o.Resource != "" {
		if u, err := url.Parse(o.Resource); err != nil || u.Scheme == "" || u.Host == "" || u.Fragment != "" {
			r.addf("oauth.resource", "must be an absolute URI without a fragment, got %q", o.Resource)
		}
	}
}

func validateRevocation(r *report, o *authsome.OAuth) {
	checkOneOf(r, "oauth.revocation_style", o.RevocationStyle, "", authsome.RevokeRFC7009, authsome.RevokeToken,
		authsome.RevokeGitHub, authsome.RevokeBearer, authsome.RevokeDelete, authsome.RevokeBearerD, authsome.RevokeJSON,
		authsome.RevokeOwn, authsome.RevokeNone)
	needs := map[authsome.RevocationStyle]string{
		authsome.RevokeGitHub: "{client_id}",
		authsome.RevokeDelete: "{token}",
	}[o.RevocationStyle]
	switch {
	case o.RevocationStyle == "" || o.RevocationStyle == authsome.RevokeNone:
	case o.RevocationURL == "":
		r.addf("oauth.revocation_url", "is required when revocation_style is %q", o.RevocationStyle)
	case needs != "" && !strings.Contains(o.RevocationURL, needs):
		r.addf("oauth.revocation_url", "must contain %s when revocation_style is %q", needs, o.RevocationStyle)
	}
}

// validateScopes checks the syntax of RFC 6749 section 3.3.
func validateScopes(r *report, o *authsome.OAuth) {
	separator := o.ScopeSeparator
	if separator == "" {
		separator = " "
	}
	if len(separator) != 1 || !strings.Contains(" ,+", separator) {
		r.addf("oauth.scope_separator", "must be a space, a comma or a plus sign, got %q", separator)
	}
	seen := make(map[string]bool)
	for i, scope := range o.Scopes {
		path := fmt.Sprintf("oauth.scopes[%d]", i)
		if scope == "" || strings.ContainsFunc(scope, notScopeRune) || strings.Contains(scope, separator) {
			r.addf(path, "must be one scope without spaces, quotes or the separator, got %q", scope)
		}
		if seen[scope] {
			r.addf(path, "occurs twice: %q", scope)
		}
		seen[scope] = true
	}
	if strings.ContainsFunc(o.ScopeParam, notScopeRune) {
		r.addf("oauth.scope_param", "must be the name of a parameter, got %q", o.ScopeParam)
	}
}

func notScopeRune(c rune) bool { return c <= ' ' || c >= 0x7f || c == '"' || c == '\\' }

func validateRedirect(r *report, d authsome.Redirect) {
	checkOneOf(r, "oauth.redirect.kind", d.Kind, "", authsome.RedirectLoopbackIP, authsome.RedirectLocalhost,
		authsome.RedirectFixedPort, authsome.RedirectHTTPSOnly)
	if d.Host != "" && !authsome.IsLoopbackHost(d.Host) {
		r.addf("oauth.redirect.host", "must be a loopback host such as 127.0.0.1 or localhost, got %q", d.Host)
	}
	fixed := d.Kind == authsome.RedirectFixedPort
	if fixed && (d.Port < 1 || d.Port > 65535) {
		r.addf("oauth.redirect.port", "must be a number from 1 to 65535 when the kind is %q, got %d", d.Kind, d.Port)
	}
	if !fixed && d.Port != 0 {
		r.addf("oauth.redirect.port", "must not be given unless the kind is %q", authsome.RedirectFixedPort)
	}
	if d.Path != "" && (!strings.HasPrefix(d.Path, "/") || strings.ContainsAny(d.Path, "?#%\\ ")) {
		r.addf("oauth.redirect.path", "must be a path such as /callback, got %q", d.Path)
	}
	if d.Kind == authsome.RedirectHTTPSOnly {
		if u, err := endpointURL(d.URI, ""); err != nil || u.Scheme != "https" {
			r.addf("oauth.redirect.uri", "must be an https URL when the kind is %q, got %q", d.Kind, d.URI)
		}
	}
}

// validateParams keeps additional parameters from repeating one that the client sends itself, which RFC 6749 section 3.1
// and 3.2 forbid.
func validateParams(r *report, o *authsome.OAuth) {
	for _, group := range []struct {
		path   string
		params map[string]string
		own    []string
	}{
		{"oauth.authorize_params", o.AuthorizeParams, []string{
			"response_type", "client_id", "redirect_uri", "state", "code_challenge", "code_challenge_method",
		}},
		{"oauth.device_params", o.DeviceParams, []string{"client_id", "client_secret"}},
		{"oauth.token_params", o.TokenParams, []string{
			"grant_type", "code", "redirect_uri", "client_id", "client_secret", "code_verifier", "device_code",
		}},
		{"oauth.refresh_params", o.RefreshParams, []string{"grant_type", "refresh_token", "client_id", "client_secret"}},
	} {
		for _, name := range slices.Sorted(maps.Keys(group.params)) {
			if name == "" || slices.Contains(group.own, name) {
				r.addf(group.path+"."+name, "must not be given: the client sets it")
			}
		}
	}
}
