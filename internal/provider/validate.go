package provider

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"authsome"
)

// validate reports everything that is wrong with a decoded definition.
func validate(r *report, p *authsome.Provider) {
	if p.SchemaVersion != SchemaVersion {
		r.addf("schema_version", "must be %d, got %d", SchemaVersion, p.SchemaVersion)
	}
	if !validName(string(p.Name)) {
		r.addf("name", "must be 1 to 64 lowercase letters, digits, '-', '_' or '.', starting with a letter or digit, got %q",
			p.Name)
	}
	checkText(r, "display_name", p.DisplayName)
	if p.DisplayName == "" {
		r.addf("display_name", "is required: the name that people know the service by")
	}
	validateAuth(r, p)
	validateHosts(r, p)
	validateFacts(r, p)
	if m := bytes.TrimSpace(p.Metadata); len(m) > 0 && m[0] != '{' && !bytes.Equal(m, []byte("null")) {
		r.addf("metadata", "must be an object")
	}
	validateEnvironment(r, p)
	validateInjection(r, p.Inject)
	validateTemplates(r, p)
	validateVariants(r, p)
	validateTargets(r, p, "safe_posts", p.SafePosts)
	validateTargets(r, p, "unsafe_gets", p.UnsafeGets)
	validateCredentialPaths(r, p)
	validateLearned(r, p)
	validateNotes(r, p)
	validateCommand(r, p)
}

// validateFacts checks what a definition says about itself, and about others.
func validateFacts(r *report, p *authsome.Provider) {
	for _, page := range []struct{ path, url string }{{"docs", p.Docs}, {"key_url", p.KeyURL}} {
		if page.url != "" {
			checkPage(r, page.path, page.url)
		}
	}
	if strings.ContainsFunc(p.Category, func(c rune) bool { return c != '-' && (c < 'a' || c > 'z') }) {
		r.addf("category", "must be lowercase words joined by '-', such as observability, got %q", p.Category)
	}
	checkOneOf(r, "confidence", p.Confidence, "", "A", "B", "C")
	if _, err := time.Parse("2006-01", p.AsOf); p.AsOf != "" && err != nil {
		r.addf("as_of", "must be a month such as 2026-11, got %q", p.AsOf)
	}
	seen := make(map[authsome.ProviderName]bool)
	for i, name := range p.Precedes {
		path := fmt.Sprintf("precedes[%d]", i)
		if !validName(string(name)) || name == p.Name {
			r.addf(path, "must be the name of another provider, got %q", string(name))
		}
		if seen[name] {
			r.addf(path, "occurs twice: %q", string(name))
		}
		seen[name] = true
	}
}

// validateAuth checks auth_type, flow and the section that belongs to them.
func validateAuth(r *report, p *authsome.Provider) {
	flow, static := staticFlow(p.AuthType)
	switch {
	case p.AuthType == authsome.AuthTypeOAuth2:
		checkOneOf(r, "flow", p.Flow, authsome.FlowPKCE, authsome.FlowDeviceCode, authsome.FlowDCRPKCE,
			authsome.FlowClientCredentials, authsome.FlowJWTBearer, authsome.FlowTokenExchange)
		if p.OAuth == nil {
			r.addf("oauth", "is required when auth_type is %q", p.AuthType)
		}
	case static:
		checkOneOf(r, "flow", p.Flow, flow)
	default:
		checkOneOf(r, "auth_type", p.AuthType, authsome.AuthTypeOAuth2, authsome.AuthTypeAPIKey, authsome.AuthTypeBasic,
			authsome.AuthTypeSigV4)
	}
	if p.OAuth != nil {
		validateOAuth(r, p.OAuth, p.Flow)
	}
	if p.APIKey != nil {
		validateAPIKey(r, p.APIKey)
	}
}

func validateAPIKey(r *report, k *authsome.APIKey) {
	if k.HeaderName != "" {
		checkField(r, "api_key.header_name", k.HeaderName)
	}
	checkText(r, "api_key.header_prefix", k.HeaderPrefix)
	checkText(r, "api_key.key_pattern_hint", k.KeyPatternHint)
	validateKeyFields(r, k)
	if _, err := regexp.Compile(k.KeyPattern); err != nil {
		r.addf("api_key.key_pattern", "must be a regular expression in RE2 syntax: %v", err)
	}
}

func validateInjection(r *report, inject *authsome.Injection) {
	if inject == nil {
		return
	}
	if inject.Header != "" {
		checkField(r, "inject.header", inject.Header)
	}
	checkText(r, "inject.prefix", inject.Prefix)
	checkFields(r, "inject.headers", inject.Headers)
	checkFields(r, "inject.defaults", inject.Defaults)
	checkOneOf(r, "inject.basic", inject.Basic, "", authsome.BasicUser, authsome.BasicPassword)
	if inject.Basic != "" && inject.Prefix != "" {
		r.addf("inject.prefix", "must be empty when inject.basic is set")
	}
}

// validateEnvironment checks the names of environment variables.
func validateEnvironment(r *report, p *authsome.Provider) {
	seen := make(map[string]string)
	exported := func(path, name string) {
		checkEnv(r, path, name)
		if other := seen[name]; other != "" {
			r.addf(path, "is the same variable as %s", other)
		}
		seen[name] = path
	}
	for _, field := range slices.Sorted(maps.Keys(p.Export.Env)) {
		exported("export.env."+field, p.Export.Env[field])
	}
	for _, field := range slices.Sorted(maps.Keys(p.Export.Aliases)) {
		for i, name := range p.Export.Aliases[field] {
			exported(fmt.Sprintf("export.aliases.%s[%d]", field, i), name)
		}
	}
	if p.APIKey != nil && p.APIKey.EnvVar != "" {
		checkEnv(r, "api_key.env_var", p.APIKey.EnvVar)
	}
	if p.Client != nil && p.Client.ClientIDEnv != "" {
		checkEnv(r, "client.client_id_env", p.Client.ClientIDEnv)
	}
	if p.Client != nil && p.Client.ClientSecretEnv != "" {
		checkEnv(r, "client.client_secret_env", p.Client.ClientSecretEnv)
	}
}

// checkEnv refuses names that no shell takes and names whose placeholder would change how the child itself works.
func checkEnv(r *report, path, name string) {
	valid := name != "" && (name[0] < '0' || name[0] > '9')
	for _, c := range []byte(name) {
		valid = valid && (c == '_' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9')
	}
	if !valid {
		r.addf(path, "must be the name of an environment variable, such as ACME_API_KEY, got %q", name)
		return
	}
	if reservedEnv(strings.ToUpper(name)) {
		r.addf(path, "must not be %s, which programs take for something other than a credential", name)
	}
}

func reservedEnv(name string) bool {
	switch name {
	case "PATH", "HOME", "SHELL", "IFS", "ENV", "BASH_ENV", "USER", "PWD", "TMPDIR", "NODE_OPTIONS", "JAVA_TOOL_OPTIONS",
		"PYTHONPATH", "PYTHONSTARTUP", "RUBYOPT", "PERL5OPT":
		return true
	}
	for _, prefix := range []string{"LD_", "DYLD_", "AUTHSOME_", "GIT_CONFIG", "GIT_SSH", "GIT_SSL", "SSL_CERT_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return strings.HasSuffix(name, "_PROXY")
}

// checkField checks the name of a header field, RFC 9110 section 5.1, and that it is not one of the message's framing.
func checkField(r *report, path, name string) {
	for _, c := range []byte(name) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			r.addf(path, "must be the name of a header field, got %q", name)
			return
		}
	}
	switch strings.ToLower(name) {
	case "host", "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade", "keep-alive",
		"proxy-authorization", "proxy-connection", "cookie":
		r.addf(path, "must not be %s, which belongs to the connection", name)
	}
}

// checkFields checks header fields that go with the credential.
func checkFields(r *report, path string, fields map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		checkField(r, path+"."+name, name)
		checkText(r, path+"."+name, fields[name])
		if strings.EqualFold(name, "Authorization") {
			r.addf(path+"."+name, "must not be a field that carries a credential")
		}
	}
}

// checkText refuses control characters: the text goes into a header or to a terminal.
func checkText(r *report, path, s string) {
	if strings.ContainsFunc(s, unicode.IsControl) {
		r.addf(path, "must not contain control characters")
	}
}

func checkOneOf[T ~string](r *report, path string, got T, allowed ...T) {
	if slices.Contains(allowed, got) {
		return
	}
	var quoted []string
	for _, a := range allowed {
		if a != "" {
			quoted = append(quoted, fmt.Sprintf("%q", string(a)))
		}
	}
	r.addf(path, "must be %s, got %q", orList(quoted), string(got))
}

// orList writes alternatives as English does: a; a or b; a, b or c.
func orList(items []string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	last := len(items) - 1
	return strings.Join(items[:last], ", ") + " or " + items[last]
}

// validName reports whether a name fits a provider: authsome.ProviderName allows more than a file name can tell apart.
func validName(name string) bool {
	for _, c := range []byte(name) {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return authsome.ProviderName(name).Validate() == nil
}
