package provider

import "authsome"

// validateDiscovery checks where discovery begins, and what a definition says of the server itself.
func validateDiscovery(r *report, o *authsome.OAuth) {
	checkOneOf(r, "oauth.discovery", o.Discovery, "", authsome.DiscoverResource, authsome.DiscoverIssuer)
	switch o.Discovery {
	case authsome.DiscoverResource:
		if _, err := secureURL(o.Resource); err != nil {
			r.addf("oauth.resource", "must be the URL of the protected resource when discovery is %q: %v", o.Discovery, err)
		}
	case authsome.DiscoverIssuer:
		if o.Issuer == "" {
			r.addf("oauth.issuer", "is required when discovery is %q", o.Discovery)
		}
	}
	if o.RequirePAR && o.PushedAuthorizationURL == "" && o.Discovery == "" {
		r.addf("oauth.pushed_authorization_url", "is required when require_par is set")
	}
}
