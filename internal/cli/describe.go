package cli

import (
	"maps"
	"slices"

	"authsome"
)

// Members of a connection that hold a secret.
const (
	fieldAccessToken  = "access_token"
	fieldAPIKey       = "api_key"
	fieldRefreshToken = "refresh_token"
)

// describe is a connection as one flat object. Secrets are redacted; a refresh token is never shown otherwise.
func describe(c *authsome.Connection) object {
	o := object{
		{"provider", c.Provider},
		{"profile", c.Profile},
		{"connection", c.Ref.Connection},
		{"auth_type", c.AuthType},
		{"flow", c.Flow},
		{"status", c.Status},
		{"default", c.Default},
		{"scopes", c.Scopes},
		{"token_type", c.TokenType},
		{"expires_at", c.ExpiresAt},
		{"obtained_at", c.ObtainedAt},
		{"last_refresh_at", c.LastRefreshAt},
		{"last_refresh_error", c.LastRefreshError},
		{"error_description", c.ErrorDescription},
		{"next_attempt_at", c.NextAttemptAt},
		{"refresh_expires_at", c.RefreshExpiresAt},
		{"login_needed_by", c.LoginNeededBy},
		{"login_needed_source", c.LoginNeededSource},
		{"login_needed_confidence", c.LoginNeededConfidence},
		{"keep_alive_at", c.KeepAliveAt},
		{"account", accountObject(c.Account)},
		{secretField(c.AuthType), authsome.Redacted},
	}
	for _, name := range slices.Sorted(maps.Keys(c.Public)) {
		o = append(o, member{string(name), c.Public[name]})
	}
	if missing := missingScopes(c); len(missing) > 0 {
		o = append(o, member{"scopes_missing", missing})
	}
	if c.Guard != (authsome.Guard{}) {
		o = append(o, member{"guard", c.Guard})
	}
	if c.APIHost != "" {
		o = append(o, member{"api_host", c.APIHost})
	}
	if c.BaseURL != "" {
		o = append(o, member{"base_url", c.BaseURL})
	}
	if c.Refreshable {
		o = append(o, member{fieldRefreshToken, authsome.Redacted})
	}
	return o
}

// secretField is what the credential of a connection is called.
func secretField(t authsome.AuthType) string { return string(t.SecretField()) }

// missingScopes returns what was asked for at login and not granted.
func missingScopes(c *authsome.Connection) []string {
	var missing []string
	for _, s := range c.Requested {
		if !slices.Contains(c.Scopes, s) {
			missing = append(missing, s)
		}
	}
	return missing
}

// accountObject is null when the provider has not said who is logged in.
func accountObject(acc authsome.Account) any {
	if acc == (authsome.Account{}) {
		return nil
	}
	return acc
}

// summary is a connection as list and inspect show it.
func summary(c authsome.Connection) object {
	return object{
		{"connection", c.Ref.Connection},
		{"status", c.Status},
		{"default", c.Default},
		{"scopes", c.Scopes},
		{"expires_at", c.ExpiresAt},
		{"obtained_at", c.ObtainedAt},
		{"last_refresh_error", c.LastRefreshError},
		{"account", accountObject(c.Account)},
		{"login_needed_by", c.LoginNeededBy},
		{"login_needed_source", c.LoginNeededSource},
	}
}

func summaries(all []authsome.Connection) []object {
	out := make([]object, len(all))
	for i, c := range all {
		out[i] = summary(c)
	}
	return out
}
