package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"authsome"
)

// draft is a definition that is being written.
type draft struct {
	kind        string
	displayName string
	hosts       []string
	header      string
	prefix      string
	env         string
	authURL     string
	tokenURL    string
	scopes      []string
	register    bool
	force       bool
}

func (a *app) providerCommand() *cobra.Command {
	cmd := group(&cobra.Command{Use: "provider", Short: "Write definitions of your own"})
	var d draft
	create := &cobra.Command{
		Use: "new NAME|URL", Short: "Write a definition", Args: exactly(1),
		Long: "Write a definition: what is not given as a flag is asked for at the terminal. Of a URL, an MCP server's or an\n" +
			"OpenID Connect issuer's, everything is discovered, and the definition registered.",
		Example: "  authsome provider new acme --host api.acme.com --env ACME_API_KEY > acme.json\n" +
			"  authsome provider new acme --kind oauth2 --register\n  authsome provider new https://mcp.acme.com/mcp",
		RunE: func(cmd *cobra.Command, args []string) error { return a.newProvider(cmd.Context(), args[0], d) },
	}
	f := create.Flags()
	f.StringVar(&d.kind, "kind", "", "api_key, basic or oauth2")
	f.StringVar(&d.displayName, "display-name", "", "the name people know the service by")
	f.StringSliceVar(&d.hosts, "host", nil, "host that the credential may go to, with a path prefix if need be")
	f.StringVar(&d.header, "header", "", "header field of an API key (default Authorization)")
	f.StringVar(&d.prefix, "prefix", "", "what precedes an API key (default Bearer, or nothing in a field of its own)")
	f.StringVar(&d.env, "env", "", "environment variable that programs read the credential from")
	f.StringVar(&d.authURL, "auth-url", "", "authorization endpoint")
	f.StringVar(&d.tokenURL, "token-url", "", "token endpoint")
	f.StringSliceVar(&d.scopes, "scopes", nil, "scopes to ask for")
	f.BoolVar(&d.register, "register", false, "register the definition instead of printing it")
	f.BoolVar(&d.force, "force", false, "replace a definition of the same name")
	cmd.AddCommand(create)
	return cmd
}

func (a *app) newProvider(ctx context.Context, nameOrURL string, d draft) error {
	layer, err := a.auth(ctx)
	if err != nil {
		return err
	}
	if strings.Contains(nameOrURL, "://") {
		p, err := layer.Discover(ctx, nameOrURL)
		if err != nil {
			return err
		}
		return a.done("registered", authsome.Ref{Provider: p.Name}, "%s is known as %s; authsome login %s connects to it", nameOrURL, p.Name, p.Name)
	}
	if err := authsome.ProviderName(nameOrURL).Validate(); err != nil {
		return &authsome.Error{Kind: authsome.KindUsage, Message: err.Error(), Hint: "authsome provider new --help", Err: err}
	}
	if err := a.complete(ctx, nameOrURL, &d); err != nil {
		return err
	}
	doc, err := d.definition(nameOrURL)
	if err != nil {
		return err
	}
	if !d.register {
		_, err := a.out.Write(doc)
		return err
	}
	p, err := layer.Register(ctx, doc, d.force)
	if err != nil {
		return err
	}
	return a.done("registered", authsome.Ref{Provider: p.Name}, "registered %s; authsome login %s connects to it", p.Name, p.Name)
}

// question is one thing that a definition cannot do without.
type question struct {
	flag    string
	text    string
	into    *string
	initial string
	check   func(string) error
}

// complete asks for what is missing, at a terminal; without one it says which flag gives it.
func (a *app) complete(ctx context.Context, name string, d *draft) error {
	host := strings.Join(d.hosts, ",")
	questions := []question{
		{"kind", "Kind of credential: api_key, basic or oauth2", &d.kind, "api_key", isKind},
		{"display-name", "Name people know the service by", &d.displayName, strings.ToUpper(name[:1]) + name[1:], nil},
		{"host", "Host of its API, with a path prefix if it serves web pages too", &host, "", isHost},
	}
	if d.kind == "" && (d.authURL != "" || d.tokenURL != "") {
		d.kind = "oauth2"
	}
	if d.kind == "" && len(d.hosts) > 0 {
		d.kind = "api_key"
	}
	for _, q := range questions {
		if err := a.answer(ctx, q); err != nil {
			return err
		}
	}
	d.hosts = strings.Split(host, ",")
	more := []question{{"env", "Environment variable that programs read it from", &d.env, variableName(name) + "_TOKEN", nil}}
	if d.kind == "oauth2" {
		more = append(more,
			question{"auth-url", "Authorization endpoint", &d.authURL, "", isHTTPS},
			question{"token-url", "Token endpoint", &d.tokenURL, "", isHTTPS})
	}
	for _, q := range more {
		if err := a.answer(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// answer asks one question until the answer will do.
func (a *app) answer(ctx context.Context, q question) error {
	if *q.into != "" {
		if q.check == nil {
			return nil
		}
		if err := q.check(*q.into); err != nil {
			return &authsome.Error{Kind: authsome.KindUsage, Message: fmt.Sprintf("--%s: %v", q.flag, err), Hint: "authsome provider new --help"}
		}
		return nil
	}
	if a.env.UI.ReadLine == nil {
		if q.initial != "" {
			*q.into = q.initial
			return nil
		}
		return &authsome.Error{
			Kind: authsome.KindUsage, Message: fmt.Sprintf("--%s is missing, and there is nobody to ask", q.flag), Hint: "authsome provider new --help",
		}
	}
	for {
		text := q.text
		if q.initial != "" {
			text += " [" + q.initial + "]"
		}
		line, err := a.env.UI.ReadLine(ctx, text)
		if err != nil {
			return &authsome.Error{Kind: authsome.KindCancelled, Message: "no definition was written", Err: err}
		}
		if line = strings.TrimSpace(line); line == "" {
			line = q.initial
		}
		if line == "" {
			continue
		}
		if q.check != nil {
			if err := q.check(line); err != nil {
				a.tell("%v", err)
				continue
			}
		}
		*q.into = line
		return nil
	}
}

func isKind(s string) error {
	if s != "api_key" && s != "basic" && s != "oauth2" {
		return fmt.Errorf("it must be api_key, basic or oauth2, not %q", s)
	}
	return nil
}

func isHost(s string) error {
	for host := range strings.SplitSeq(s, ",") {
		if strings.HasPrefix(host, "{base_url}") {
			continue
		}
		if _, err := authsome.ParseHostPattern(host); err != nil {
			return err
		}
	}
	return nil
}

func isHTTPS(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !authsome.IsLoopbackHost(u.Hostname())) {
		return fmt.Errorf("it must be an https URL, not %q", s)
	}
	return nil
}

// definition writes the draft, with comments on what a person may want to add.
func (d *draft) definition(name string) ([]byte, error) {
	type pair struct {
		name  string
		value any
	}
	members := []pair{
		{"schema_version", 1},
		{"name", name},
		{"display_name", d.displayName},
		{"auth_type", d.kind},
		{"flow", map[string]string{"api_key": "api_key", "basic": "basic", "oauth2": "pkce"}[d.kind]},
		{"hosts", d.hosts},
	}
	switch d.kind {
	case "oauth2":
		members = append(members,
			pair{"export", map[string]any{"env": map[string]string{"access_token": d.env}}},
			pair{"client", map[string]string{"client_id_env": variableName(name) + "_CLIENT_ID", "client_secret_env": variableName(name) + "_CLIENT_SECRET"}},
			pair{"oauth", map[string]any{"authorization_url": d.authURL, "token_url": d.tokenURL, "scopes": append([]string{}, d.scopes...)}})
	case "basic":
		members = append(members, pair{"api_key", map[string]any{
			"env_var": d.env,
			"fields":  []any{map[string]any{"name": "username", "public": true, "env_var": variableName(name) + "_USER"}},
		}})
	default:
		members = append(members,
			pair{"export", map[string]any{"env": map[string]string{"api_key": d.env}}}, pair{"api_key", d.key()})
	}
	var b bytes.Buffer
	b.WriteString("{\n  // What else can stand here: docs/provider.schema.json. Check it with: authsome register PATH\n")
	for i, m := range members {
		value, err := json.MarshalIndent(m.value, "  ", "  ")
		if err != nil {
			return nil, err
		}
		comma := ","
		if i == len(members)-1 {
			comma = ""
		}
		fmt.Fprintf(&b, "  %q: %s%s\n", m.name, value, comma)
	}
	b.WriteString("}\n")
	return b.Bytes(), nil
}

// key says how an API key travels: as a bearer token, or bare in a field of its own.
func (d *draft) key() map[string]string {
	key := map[string]string{"env_var": d.env}
	if d.header != "" {
		key["header_name"], key["header_prefix"] = d.header, d.prefix
	} else if d.prefix != "" {
		key["header_prefix"] = d.prefix
	}
	return key
}
