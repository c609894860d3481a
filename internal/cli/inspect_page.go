package cli

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"authsome"
	"authsome/internal/provider"
	"authsome/local"
)

// factsFrom says where what a definition states comes from.
func factsFrom(p *authsome.ProviderState) string {
	if p.Source == authsome.SourceCustom {
		return "your own definition"
	}
	from := "the bundled catalogue"
	if p.Confidence != "" {
		from += ", confidence " + p.Confidence
	}
	if p.AsOf != "" {
		from += ", compared with its sources in " + p.AsOf
	}
	return from
}

// printDefinition shows a definition to people: what it is, how one logs in, where the credential goes, and where each of
// these facts comes from.
func (a *app) printDefinition(p *authsome.ProviderState) error {
	from := factsFrom(p)
	if p.Source == authsome.SourceCustom && a.home != "" {
		from += " in " + filepath.Join(a.home, local.ProvidersDir, string(p.Name)+".json")
	}
	page := object{
		{"name", p.Name},
		{"is", p.DisplayName},
		{"category", p.Category},
		{"state", state(*p)},
		{"facts from", from},
		{"log in", fmt.Sprintf("authsome login %s (%s)", p.Name, p.Flow)},
		{"keys and apps at", p.KeyPage()},
		{"token printed by", strings.Join(p.TokenCommand, " ")},
		{"asked for", strings.Join(askedFor(&p.Provider), ", ")},
		{"travels", injectionText(&p.Provider)},
		{"exported as", strings.Join(exportNames(&p.Provider), ", ")},
	}
	page = append(page, serverFacts(&p.Provider)...)
	for _, note := range p.Notes {
		page = append(page, member{"note", note})
	}
	page = append(page, a.placesOf(p)...)
	return a.printMembers(page)
}

// askedFor lists what a login asks a person for.
func askedFor(p *authsome.Provider) []string {
	var asked []string
	for _, f := range p.KeyFields() {
		text := f.Label
		if f.EnvVar != "" {
			text += " ($" + f.EnvVar + ")"
		}
		asked = append(asked, text)
	}
	if p.Client != nil {
		asked = append(asked, fmt.Sprintf("client ID ($%s) and secret ($%s)", p.Client.ClientIDEnv, p.Client.ClientSecretEnv))
	}
	if provider.NeedsBaseURL(p) {
		asked = append(asked, "the address of your instance (--base-url)")
	}
	return asked
}

// injectionText says how the credential travels.
func injectionText(p *authsome.Provider) string {
	in := provider.Injection(p)
	switch {
	case p.AuthType == authsome.AuthTypeSigV4:
		return "each request is signed, AWS Signature Version 4"
	case p.OAuth != nil && p.OAuth.DPoP:
		return "each request gets a proof, DPoP (RFC 9449)"
	case len(in.Query) > 0:
		return "in the query of the URL"
	case in.User != "" || in.Password != "" || in.Basic != "":
		return "Authorization: Basic"
	case in.Header == "":
		return "in several header fields"
	default:
		return strings.TrimSpace(in.Header + ": " + in.Prefix + "…")
	}
}

// serverFacts are those about an authorization server.
func serverFacts(p *authsome.Provider) object {
	o := p.OAuth
	if o == nil {
		return nil
	}
	facts := object{
		{"scopes", strings.Join(o.Scopes, " ")},
		{"authorization", o.AuthorizationURL},
		{"token", o.TokenURL},
		{"revocation", o.RevocationURL},
		{"device", o.DeviceAuthorizationURL},
		{"resource", o.Resource},
		{"issuer", o.Issuer},
	}
	if o.Discovery != "" {
		facts = append(facts, member{"endpoints", "discovered at each login"})
	}
	if o.Redirect.Kind != "" {
		facts = append(facts, member{"redirect URI", redirectText(o.Redirect)})
	}
	return facts
}

func redirectText(r authsome.Redirect) string {
	path := r.Path
	if path == "" {
		path = "/callback"
	}
	switch r.Kind {
	case authsome.RedirectHTTPSOnly:
		return r.URI + " (paste what the browser shows)"
	case authsome.RedirectFixedPort:
		host := r.Host
		if host == "" {
			host = "127.0.0.1"
		}
		return fmt.Sprintf("http://%s:%d%s", host, r.Port, path)
	case authsome.RedirectLocalhost:
		return "http://localhost" + path + ", any port"
	default:
		return "http://127.0.0.1" + path + ", any port"
	}
}

// placesOf lists where the credential of each connection goes, which depends on what was chosen and learned at login.
func (a *app) placesOf(p *authsome.ProviderState) object {
	places := object{{"goes to", patternsText(&p.Provider, "", "")}}
	for _, c := range p.Connections {
		why := ""
		if c.BaseURL != "" {
			why += ", base URL chosen by you"
		}
		if c.APIHost != "" {
			why += ", host named by the provider at login"
		}
		label := ""
		if c.Account.Label != "" {
			label = " as " + c.Account.Label
		}
		needed := loginNeeded(c)
		if needed != "" {
			needed = ", login needed " + needed
		}
		places = append(places, member{
			"connection", fmt.Sprintf("%s%s: %s%s; goes to %s%s", mark(c), label, c.Status, needed, patternsText(&p.Provider, c.BaseURL, c.APIHost), why),
		})
	}
	return places
}

func patternsText(p *authsome.Provider, baseURL, apiHost string) string {
	hosts, _, err := provider.Patterns(p, baseURL, apiHost)
	if err != nil || len(hosts) == 0 {
		return strings.Join(append(slices.Clone(p.Hosts), p.HostURL), " ")
	}
	var all []string
	for _, h := range hosts {
		all = append(all, h.String())
	}
	return strings.Join(all, " ")
}

// inspectMatch says whether a request would get the credential of the default connection, and why.
func (a *app) inspectMatch(p *authsome.ProviderState, target string) error {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" {
		return &authsome.Error{
			Kind: authsome.KindUsage, Message: fmt.Sprintf("%q is no URL", target), Hint: "authsome inspect " + string(p.Name) + " --match https://HOST/PATH",
		}
	}
	baseURL, apiHost := "", ""
	for _, c := range p.Connections {
		if c.Default {
			baseURL, apiHost = c.BaseURL, c.APIHost
		}
	}
	hosts, excluded, err := provider.Patterns(&p.Provider, baseURL, apiHost)
	if err != nil {
		return err
	}
	var why string
	matches := true
	switch i := slices.IndexFunc(hosts, func(h authsome.HostPattern) bool { return h.Match(u) }); {
	case i < 0:
		matches, why = false, "none of its hosts match: "+patternsText(&p.Provider, baseURL, apiHost)
	case authsome.CoversAny(excluded, u):
		matches, why = false, "it is one of the provider's own endpoints, which are never given a credential"
	default:
		why = "it matches " + hosts[i].String()
	}
	if a.flags.json {
		return a.printJSON(object{{"url", target}, {"matches", matches}, {"reason", why}})
	}
	answer := "no"
	if matches {
		answer = "yes"
	}
	a.printf("%s: %s\n", answer, why)
	return nil
}
