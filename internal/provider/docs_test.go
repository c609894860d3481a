package provider

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"authsome"
)

//go:generate go test . -run TestGeneratedFilesAreCurrent -update

var update = flag.Bool("update", false, "write docs/providers.md and index.tsv from the bundled definitions")

func TestGeneratedFilesAreCurrent(t *testing.T) {
	t.Parallel()
	all := bundledProviders(t)
	mustBeCurrent(t, filepath.Join("..", "..", "docs", "providers.md"), providersPage(all))
	var lines []byte
	for _, p := range all {
		lines = append(lines, indexLine(&p)...)
	}
	mustBeCurrent(t, "index.tsv", lines)
}

func mustBeCurrent(t *testing.T, path string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the definitions say; run: go generate ./internal/provider", path)
	}
}

func providersPage(all []authsome.Provider) []byte {
	var page bytes.Buffer
	page.WriteString(`# Bundled providers

<!-- Generated from internal/provider/definitions by: go generate ./internal/provider -->

A definition of your own goes through ` + "`authsome register PATH`" + `; its form is that of
[provider.schema.json](provider.schema.json). "Facts" says how well the endpoints and limits are known: A from the vendor
or from two independent sources, B from one maintained source, C weak; then the month in which they were compared with
their sources. Where there is none they rest on what is generally known, and want to be checked before they are relied on. Of two connections that fit a request, that of the provider which precedes the other is used.
`)
	for _, category := range categoriesOf(all) {
		page.WriteString("\n## " + strings.ToUpper(category[:1]) + category[1:] + `

| name | service | auth | flow | key or app | injected into | variable | precedes | facts |
|---|---|---|---|---|---|---|---|---|
`)
		writeProviders(&page, all, category)
	}
	page.WriteString(oauthClients(all))
	page.WriteString(commandsOf(all))
	page.WriteString(notesOf(all))
	return page.Bytes()
}

func categoriesOf(all []authsome.Provider) []string {
	var categories []string
	for _, p := range all {
		categories = append(categories, p.Category)
	}
	slices.Sort(categories)
	return slices.Compact(categories)
}

func writeProviders(page *bytes.Buffer, all []authsome.Provider, category string) {
	for _, p := range all {
		if p.Category != category {
			continue
		}
		hosts := []string{p.HostURL}
		hosts = append(hosts, p.Hosts...)
		field := "access_token"
		if p.AuthType == authsome.AuthTypeAPIKey {
			field = "api_key"
		}
		key := ""
		if p.KeyURL != "" {
			key = "[make one](" + p.KeyURL + ")"
		}
		var losers []string
		for _, name := range p.Precedes {
			losers = append(losers, string(name))
		}
		fmt.Fprintf(page, "| %s | [%s](%s) | %s | %s | %s | %s | %s | %s | %s %s |\n", p.Name, p.DisplayName, p.Docs,
			p.AuthType, p.Flow, key, code(hosts), code(p.Export.Names(field)), strings.Join(losers, " "), p.Confidence, p.AsOf)
	}
}

// oauthClients tells what to enter where an OAuth client is registered.
func oauthClients(all []authsome.Provider) string {
	var page strings.Builder
	page.WriteString(`
## Registering an OAuth client

| name | redirect URI to enter | client secret | read from | refresh token |
|---|---|---|---|---|
`)
	for _, p := range all {
		if p.Flow != authsome.FlowPKCE {
			continue
		}
		secret := "required"
		if p.OAuth.SecretOptional {
			secret = "optional"
		}
		fmt.Fprintf(&page, "| %s | %s | %s | %s | %s |\n", p.Name, redirectText(p.OAuth.Redirect), secret,
			code([]string{p.Client.ClientIDEnv, p.Client.ClientSecretEnv}), refreshText(p.OAuth))
	}
	return page.String()
}

// refreshText tells what is known of a provider's refresh tokens.
func refreshText(o *authsome.OAuth) string {
	var facts []string
	switch {
	case o.NoRefreshToken:
		return "none"
	case o.LongLived != nil && len(o.LongLived.RenewParams) > 0:
		facts = append(facts, "the access token itself is renewed")
	}
	switch o.Rotation {
	case authsome.RotationYes:
		facts = append(facts, "rotates")
	case authsome.RotationNo:
		facts = append(facts, "stays the same")
	case authsome.RotationOptional:
		facts = append(facts, "rotates for some clients")
	}
	if o.RefreshExpiresIn > 0 {
		facts = append(facts, fmt.Sprintf("%d days", o.RefreshExpiresIn/86400)+map[authsome.RefreshLife]string{
			authsome.RefreshLifeSliding: " from the last use", authsome.RefreshLifeFixed: " from the login",
		}[o.RefreshLife])
	}
	if o.LoginExpiresIn > 0 {
		facts = append(facts, fmt.Sprintf("at most %d days", o.LoginExpiresIn/86400))
	}
	return strings.Join(facts, ", ")
}

// commandsOf tells which programs print a token.
func commandsOf(all []authsome.Provider) string {
	var page strings.Builder
	page.WriteString(`
## Programs that print a token

` + "`authsome login NAME --from-command`" + ` runs the command and stores what it prints.

| name | command |
|---|---|
`)
	for _, p := range all {
		if p.TokenCommand != nil {
			fmt.Fprintf(&page, "| %s | `%s` |\n", p.Name, strings.Join(p.TokenCommand, " "))
		}
	}
	return page.String()
}

// notesOf tells what a person ought to know before logging in.
func notesOf(all []authsome.Provider) string {
	var page strings.Builder
	page.WriteString("\n## Good to know\n\n")
	for _, p := range all {
		if len(p.Notes) > 0 {
			fmt.Fprintf(&page, "- **%s**: %s\n", p.Name, strings.Join(p.Notes, " "))
		}
	}
	return page.String()
}

func redirectText(d authsome.Redirect) string {
	path := d.Path
	if path == "" {
		path = "/callback"
	}
	host := d.Host
	if host == "" {
		host = "127.0.0.1"
	}
	switch d.Kind {
	case authsome.RedirectFixedPort:
		return fmt.Sprintf("`http://%s:%d%s`", host, d.Port, path)
	case authsome.RedirectLocalhost:
		return fmt.Sprintf("`http://localhost%s`, any port", path)
	case authsome.RedirectHTTPSOnly:
		return "`" + d.URI + "`"
	default:
		return fmt.Sprintf("`http://127.0.0.1%s`, any port", path)
	}
}

func code(items []string) string { return "`" + strings.Join(items, "` `") + "`" }

// indexLine returns the line of a definition in the index.
func indexLine(p *authsome.Provider) string {
	return strings.Join([]string{string(p.Name), p.DisplayName, p.Category, string(p.AuthType), string(p.Flow)}, "\t") + "\n"
}
