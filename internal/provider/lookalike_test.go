package provider

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"authsome"
)

func bundledProviders(t *testing.T) []authsome.Provider {
	t.Helper()
	all, broken, err := Open("").All()
	if err != nil || len(broken) > 0 {
		t.Fatal(err, broken)
	}
	return all
}

func TestNoLookAlikeOfABundledHostMatches(t *testing.T) {
	t.Parallel()
	for _, p := range bundledProviders(t) {
		hosts, excluded := placesOf(t, &p)
		for _, pattern := range hosts {
			c := &authsome.Credential{Hosts: []authsome.HostPattern{pattern}, Excluded: excluded}
			host, path := pattern.Host(), pathOf(pattern)
			if pattern.IsWildcard() {
				if c.Allows(mustURL(t, "https://"+host+path)) {
					t.Errorf("%s: %s matches its own suffix", p.Name, pattern)
				}
				host = "some." + host
			}
			for _, s := range genuine(host, path) {
				if !c.Allows(mustURL(t, s)) {
					t.Errorf("%s: %s is not matched", p.Name, s)
				}
			}
			for _, s := range lookAlikes(host, path, pattern.IsWildcard()) {
				if u, err := url.Parse(s); err == nil && c.Allows(u) {
					t.Errorf("%s: %s matches %s", p.Name, pattern, s)
				}
			}
		}
	}
}

// placesOf returns the patterns of a definition; one that has no base URL is given one of its own.
func placesOf(t *testing.T, p *authsome.Provider) (hosts, excluded []authsome.HostPattern) {
	t.Helper()
	base, host := "", ""
	if ownBase(p) == "" {
		base = "https://" + string(p.Name) + ".tenant.test"
	}
	if p.OAuth != nil && p.OAuth.APIHost != nil {
		host = "https://api-host." + strings.TrimPrefix(p.OAuth.APIHost.Within[0], "*.")
	}
	hosts, excluded, err := Patterns(p, base, host)
	if err != nil {
		t.Fatal(err)
	}
	return hosts, excluded
}

// pathOf returns the path prefix of a pattern with a path below it, or the root.
func pathOf(p authsome.HostPattern) string {
	_, rest, _ := strings.Cut(p.String(), "://")
	if rest == "" {
		rest = p.String()
	}
	if _, path, ok := strings.Cut(rest, "/"); ok {
		return "/" + path + "/x"
	}
	return "/"
}

// genuine returns spellings of one place.
func genuine(host, path string) []string {
	return []string{
		"https://" + host + path, "https://" + host + ":443" + path, "https://" + host + "." + path,
		"https://" + strings.ToUpper(host) + path, "https://" + host + path + "?a=//evil.test",
	}
}

// lookAlikes returns places that a careless comparison takes for host.
func lookAlikes(host, path string, wildcard bool) []string {
	first, rest, _ := strings.Cut(host, ".")
	hosts := []string{
		host + ".evil.test", host + "evil.test", "evil.test." + host + ".evil.test", host + "-evil.test", host + "..",
		"evil.test%2f" + host, "evil.test%23." + host, host + "%00.evil.test", host + "%2eevil.test", "[" + host + "]",
		strings.ReplaceAll(host, ".", "x"), strings.ReplaceAll(host, ".", "-"), strings.ReplaceAll(host, ".", "。"),
		host + ":8443", host + ":80", host + ":4430", "user@" + host, "evil.test\\@" + host,
		host + "@evil.test", host + ":443@evil.test", host + "\\.evil.test", "evil.test#." + host, "evil.test?." + host, " " + host,
		homoglyph(host), "xn--" + host + ".evil.test",
	}
	if wildcard {
		hosts = append(hosts, first+"evil"+rest, "evil"+rest, "."+rest, first+".."+rest)
	} else {
		hosts = append(hosts, "evil"+host, "evil-"+host, "evil."+host, rest, "www."+host, first+"-"+rest, first+"evil."+rest)
	}
	var all []string
	for _, h := range hosts {
		all = append(all, "https://"+h+path)
	}
	all = append(all, "http://"+host+path, "http://"+host+":443"+path, "ws://"+host+path, "//"+host+path, host+path,
		"https://evil.test/"+host+path, "https://evil.test?"+host, "https://evil.test#"+host)
	if path != "/" {
		prefix := strings.TrimSuffix(path, "/x")
		for _, escape := range []string{"/..", "/../x", "/%2e%2e/x", "/.%2E/x", "/..%2fx", "/%252e%252e/x", `/..\x`, "/x/..%5cx", "/..;/x", "evil", "%2fx"} {
			all = append(all, "https://"+host+prefix+escape)
		}
		all = append(all, "https://"+host, "https://"+host+"/", "https://"+host+"/evil"+path, "https://"+host+"/"+path)
	}
	return all
}

// homoglyph replaces letters by others that look the same.
func homoglyph(host string) string {
	return strings.NewReplacer("a", "а", "o", "о", "i", "і", "e", "е", "c", "с").Replace(host)
}

func TestEveryBundledDefinitionIsValidBySchemaAndParser(t *testing.T) {
	t.Parallel()
	schema := publishedSchema(t)
	for name, doc := range readDocuments(t, "definitions/*.json") {
		p, err := Parse(doc)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if string(p.Name)+".json" != name {
			t.Errorf("%s is of %s", name, p.Name)
		}
		if err := validateBySchema(t, schema, doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEveryBundledDefinitionIsComplete(t *testing.T) {
	t.Parallel()
	required := strings.Fields(`atlassian discord github gitlab google hubspot klaviyo-oauth linear microsoft notion postiz
		slack x ahrefs apollo ashby beehiiv brevo buffer calendly clearbit dub g2 hunter instantly intercom keywords-everywhere
		klaviyo lemlist livestorm mailchimp mention-me openai optimizely postmark resend rewardful savvycal semrush sendgrid
		tolt typeform wistia zapier anthropic stripe groq mistral openrouter perplexity`)
	for _, p := range bundledProviders(t) {
		required = slices.DeleteFunc(required, func(name string) bool { return name == string(p.Name) })
		for _, f := range p.KeyFields() {
			if f.EnvVar == "" && !f.Optional {
				t.Errorf("%s: the field %s cannot be read from the environment", p.Name, f.Name)
			}
		}
		discovered := p.OAuth != nil && p.OAuth.Discovery != ""
		if p.OAuth != nil && p.Client == nil && !discovered && p.OAuth.ClientAuth != authsome.ClientAuthNone {
			t.Errorf("%s: the client cannot be read from the environment", p.Name)
		}
		exported := len(p.Export.Names(string(p.AuthType.SecretField()))) > 0 || p.AuthType == authsome.AuthTypeSigV4
		if p.HostURL == "" && len(p.Hosts) == 0 || p.Docs == "" || p.Confidence == "" || !exported {
			t.Errorf("%s: hosts, docs, confidence or the exported name is missing", p.Name)
		}
		if p.Confidence == "A" && p.AsOf == "" {
			t.Errorf("%s: well-known facts have a date", p.Name)
		}
	}
	if len(required) > 0 {
		t.Errorf("missing: %v", required)
	}
}

// What was wrong in the catalogue of the 0.2 generation.
func TestKnownMistakesOfGeneration02AreCorrected(t *testing.T) {
	t.Parallel()
	o := make(map[authsome.ProviderName]*authsome.OAuth)
	for _, p := range bundledProviders(t) {
		o[p.Name] = p.OAuth
	}
	for what, ok := range map[string]bool{
		"google asks for offline access":      o["google"].AuthorizeParams["access_type"] == "offline" && o["google"].AuthorizeParams["prompt"] == "consent",
		"atlassian asks for offline access":   slices.Contains(o["atlassian"].Scopes, "offline_access") && o["atlassian"].AuthorizeParams["audience"] != "",
		"linear logs in where its API is":     o["linear"].TokenURL == "https://api.linear.app/oauth/token" && o["linear"].ScopeSeparator == ",",
		"slack asks for user scopes":          o["slack"].ScopeParam == "user_scope" && o["slack"].ScopeSeparator == "," && o["slack"].ResponsePath == "authed_user",
		"slack revokes with the token":        o["slack"].RevocationStyle == authsome.RevokeBearer,
		"notion sends JSON with Basic":        o["notion"].BodyFormat == authsome.BodyJSON && o["notion"].ClientAuth == authsome.ClientAuthBasic,
		"x uses its new hosts":                strings.HasPrefix(o["x"].TokenURL, "https://api.x.com/") && o["x"].ErrorMap["invalid_request"] == "grant",
		"a device at github needs no secret":  o["github"].DeviceClientAuth == authsome.ClientAuthNone,
		"a device at google needs the secret": o["google"].SupportsDeviceFlow && o["google"].DeviceClientAuth == "",
		"gitlab has a device endpoint":        o["gitlab"].SupportsDeviceFlow,
		"discord has PKCE":                    o["discord"].PKCE == authsome.PKCEYes,
		"hubspot has left version 1":          !strings.Contains(o["hubspot"].TokenURL+o["hubspot"].RevocationURL, "/v1/"),
		"github names its own errors":         o["github"].ErrorMap["bad_refresh_token"] == "grant",
		"microsoft is redirected to a name":   o["microsoft"].Redirect.Kind == authsome.RedirectLocalhost,
		"google is revoked without a client":  o["google"].RevocationStyle == authsome.RevokeToken,
	} {
		if !ok {
			t.Errorf("not so: %s", what)
		}
	}
}
