package provider

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"authsome"
)

//go:generate go test . -run TestProvidersPageIsCurrent -update

var update = flag.Bool("update", false, "write docs/providers.md from the bundled definitions")

func TestProvidersPageIsCurrent(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "docs", "providers.md")
	want := providersPage(bundledProviders(t))
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
		t.Error("docs/providers.md is not what the definitions say; run: go generate ./internal/provider")
	}
}

func providersPage(all []authsome.Provider) []byte {
	var page bytes.Buffer
	page.WriteString(`# Bundled providers

<!-- Generated from internal/provider/definitions by: go generate ./internal/provider -->

A definition of your own goes through ` + "`authsome register PATH`" + `; its form is that of
[provider.schema.json](provider.schema.json). "Facts" says how well the endpoints and limits are known: A from the vendor
or from two independent sources, B from one maintained source, C weak.

| name | service | auth | flow | injected into | variable | facts |
|---|---|---|---|---|---|---|
`)
	for _, p := range all {
		hosts := []string{p.HostURL}
		hosts = append(hosts, p.Hosts...)
		field := "access_token"
		if p.AuthType == authsome.AuthTypeAPIKey {
			field = "api_key"
		}
		fmt.Fprintf(&page, "| %s | [%s](%s) | %s | %s | %s | %s | %s |\n", p.Name, p.DisplayName, p.Docs, p.AuthType, p.Flow,
			code(hosts), code(p.Export.Names(field)), p.Confidence)
	}
	page.WriteString(oauthClients(all))
	return page.Bytes()
}

// oauthClients tells what to enter where an OAuth client is registered.
func oauthClients(all []authsome.Provider) string {
	var page strings.Builder
	page.WriteString(`
## Registering an OAuth client

| name | redirect URI to enter | client secret | read from |
|---|---|---|---|
`)
	for _, p := range all {
		if p.Flow != authsome.FlowPKCE {
			continue
		}
		secret := "required"
		if p.OAuth.SecretOptional {
			secret = "optional"
		}
		fmt.Fprintf(&page, "| %s | %s | %s | %s |\n", p.Name, redirectText(p.OAuth.Redirect), secret,
			code([]string{p.Client.ClientIDEnv, p.Client.ClientSecretEnv}))
	}
	return page.String()
}

func redirectText(d authsome.Redirect) string {
	path := d.Path
	if path == "" {
		path = "/callback"
	}
	switch d.Kind {
	case authsome.RedirectFixedPort:
		return fmt.Sprintf("`http://127.0.0.1:%d%s`", d.Port, path)
	case authsome.RedirectLocalhost:
		return fmt.Sprintf("`http://localhost%s`, any port", path)
	case authsome.RedirectHTTPSOnly:
		return "`" + d.URI + "`"
	default:
		return fmt.Sprintf("`http://127.0.0.1%s`, any port", path)
	}
}

func code(items []string) string { return "`" + strings.Join(items, "` `") + "`" }
