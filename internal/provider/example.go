package provider

import "strings"

// exampleOf returns a right value for a field, as it would stand in a definition; empty where the message says it all.
func exampleOf(path string) string {
	var plain strings.Builder
	inIndex := false
	for _, c := range path {
		switch {
		case c == '[':
			inIndex = true
		case c == ']':
			inIndex = false
		case !inIndex:
			plain.WriteRune(c)
		}
	}
	name := plain.String()
	for _, group := range []string{"export.env", "export.aliases", "oauth.error_map", "inject.headers", "inject.defaults", "inject.query"} {
		if strings.HasPrefix(name, group+".") {
			name = group
		}
	}
	return examples(name)
}

// examples is a function and not a table, so that no start of the program has to make it.
func examples(name string) string {
	switch name {
	case "name":
		return `"acme"`
	case "display_name":
		return `"Acme"`
	case "auth_type":
		return `"oauth2"`
	case "flow":
		return `"pkce"`
	case "host_url", "hosts":
		return `"api.acme.com/v1"`
	case "docs", "key_url":
		return `"https://acme.com/settings/keys"`
	case "category":
		return `"crm"`
	case "as_of":
		return `"2026-11"`
	case "precedes":
		return `["acme-key"]`
	case "export.env":
		return `{"access_token": "ACME_TOKEN"}`
	case "export.aliases":
		return `{"access_token": ["ACME_ACCESS_TOKEN"]}`
	case "client.client_id_env":
		return `"ACME_CLIENT_ID"`
	case "client.client_secret_env":
		return `"ACME_CLIENT_SECRET"`
	case "api_key.env_var":
		return `"ACME_API_KEY"`
	case "api_key.header_name", "inject.header":
		return `"X-Api-Key"`
	case "api_key.key_pattern":
		return `"ak_[A-Za-z0-9]{32}"`
	case "api_key.base_url", "oauth.base_url":
		return `"https://acme.com"`
	case "api_key.fields.name":
		return `"application_key"`
	case "inject.headers":
		return `{"X-Acme-App": "{application_key}"}`
	case "inject.defaults":
		return `{"Acme-Version": "2026-11-01"}`
	case "inject.query":
		return `{"key": "{api_key}"}`
	case "inject.user", "inject.password":
		return `"{api_key}"`
	case "account", "account.url", "account.id":
		return `{"url": "https://api.acme.com/me", "id": "id", "label": "email"}`
	default:
		return oauthExample(name)
	}
}

func oauthExample(name string) string {
	switch name {
	case "oauth":
		return `{"authorization_url": "https://acme.com/authorize", "token_url": "https://acme.com/token"}`
	case "oauth.authorization_url":
		return `"https://acme.com/oauth/authorize"`
	case "oauth.token_url", "oauth.refresh_url":
		return `"https://acme.com/oauth/token"`
	case "oauth.revocation_url":
		return `"https://acme.com/oauth/revoke"`
	case "oauth.device_authorization_url":
		return `"https://acme.com/oauth/device"`
	case "oauth.registration_endpoint":
		return `"https://acme.com/oauth/register"`
	case "oauth.issuer":
		return `"https://acme.com"`
	case "oauth.resource":
		return `"https://mcp.acme.com/mcp"`
	case "oauth.scopes":
		return `["read", "write"]`
	case "oauth.redirect.port":
		return `{"kind": "fixed-port", "port": 7999}`
	case "oauth.redirect.path":
		return `"/callback"`
	case "oauth.redirect.uri":
		return `"https://localhost:7999/callback"`
	case "oauth.error_map":
		return `{"token_revoked": "grant"}`
	case "oauth.api_host.member":
		return `"instance_url"`
	case "oauth.api_host.within":
		return `["*.acme.com"]`
	case "oauth.default_expires_in", "oauth.refresh_expires_in", "oauth.login_expires_in":
		return `3600`
	default:
		return ""
	}
}
