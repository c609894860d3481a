package provider

import "authsome"

// validateLifetimes checks what is said about how long a login lasts.
func validateLifetimes(r *report, o *authsome.OAuth) {
	if o.RefreshExpiresIn < 0 {
		r.addf("oauth.refresh_expires_in", "must be a number of seconds, or 0 for unknown, got %d", o.RefreshExpiresIn)
	}
	if o.LoginExpiresIn < 0 {
		r.addf("oauth.login_expires_in", "must be a number of seconds, or 0 for unknown, got %d", o.LoginExpiresIn)
	}
	checkOneOf(r, "oauth.refresh_life", o.RefreshLife, "", authsome.RefreshLifeSliding, authsome.RefreshLifeFixed)
	checkOneOf(r, "oauth.lifetime_confidence", o.LifetimeConfidence, "", "A", "B", "C")
}
