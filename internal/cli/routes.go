package cli

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"authsome"
	"authsome/internal/provider"
	"authsome/internal/proxy"
	"authsome/internal/run"
)

// chosenRoutes is what a run injects, and what its child must not inherit.
type chosenRoutes struct {
	routes      []proxy.Route
	definitions []*authsome.Provider // of the routes
	settings    run.Settings
}

// chooseRoutes makes a route of one connection of each provider: the one that was named, or the default one.
func (a *app) chooseRoutes(ctx context.Context, layer authsome.AuthLayer, o runOptions) (*chosenRoutes, error) {
	profile, err := a.profile()
	if err != nil {
		return nil, err
	}
	named, err := namedConnections(o.connections)
	if err != nil {
		return nil, err
	}
	all, err := layer.List(ctx, profile)
	if err != nil {
		return nil, err
	}
	connected := make(map[authsome.ProviderName][]authsome.Connection)
	for _, c := range all {
		connected[c.Provider] = append(connected[c.Provider], c)
	}
	if err := allConnected(profile, connected, o.only, named); err != nil {
		return nil, err
	}
	chosen := &chosenRoutes{}
	for _, name := range slices.Sorted(maps.Keys(connected)) {
		if len(o.only) > 0 && !slices.Contains(o.only, string(name)) {
			continue
		}
		c, err := pick(connected[name], named[name])
		if err != nil {
			return nil, err
		}
		if err := chosen.add(ctx, layer, c); err != nil {
			return nil, err
		}
	}
	chosen.order()
	return chosen, nil
}

// order puts a route before those that its definition precedes.
func (r *chosenRoutes) order() {
	names := provider.ByPrecedence(r.definitions)
	slices.SortStableFunc(r.routes, func(a, b proxy.Route) int {
		return slices.Index(names, a.Ref.Provider) - slices.Index(names, b.Ref.Provider)
	})
}

// namedConnections parses --connection.
func namedConnections(flags []string) (map[authsome.ProviderName]authsome.ConnectionName, error) {
	named := make(map[authsome.ProviderName]authsome.ConnectionName)
	for _, f := range flags {
		p, c, ok := strings.Cut(f, "=")
		if !ok || p == "" || c == "" {
			return nil, &authsome.Error{
				Kind: authsome.KindUsage, Message: fmt.Sprintf("--connection wants PROVIDER=CONNECTION, not %q", f),
				Hint: "authsome run --connection github=work -- COMMAND",
			}
		}
		named[authsome.ProviderName(p)] = authsome.ConnectionName(c)
	}
	return named, nil
}

// allConnected fails when a flag names a provider without a connection: a run without it would surprise.
func allConnected(
	profile authsome.ProfileName, connected map[authsome.ProviderName][]authsome.Connection, only []string,
	named map[authsome.ProviderName]authsome.ConnectionName,
) error {
	want := slices.Sorted(maps.Keys(named))
	for _, p := range only {
		want = append(want, authsome.ProviderName(p))
	}
	for _, p := range want {
		if len(connected[p]) == 0 {
			return &authsome.Error{
				Kind: authsome.KindConnectionNotFound, Ref: authsome.Ref{Profile: profile, Provider: p},
				Message: fmt.Sprintf("not connected to %s", p), Hint: fmt.Sprintf("authsome login %s", p),
			}
		}
	}
	return nil
}

// pick returns the connection of that name, or the default one, or the only one.
func pick(all []authsome.Connection, name authsome.ConnectionName) (authsome.Connection, error) {
	var names []string
	for _, c := range all {
		if c.Ref.Connection == name || name == "" && (c.Default || len(all) == 1) {
			return c, nil
		}
		names = append(names, string(c.Ref.Connection))
	}
	p := all[0].Provider
	e := &authsome.Error{
		Kind: authsome.KindConnectionNotFound, Ref: authsome.Ref{Provider: p, Connection: name},
		Message: fmt.Sprintf("%s has no connection %s; there are %s", p, name, strings.Join(names, ", ")),
		Hint:    fmt.Sprintf("authsome run --connection %s=%s -- COMMAND", p, names[0]),
	}
	if name == "" {
		e.Message = fmt.Sprintf("%s has several connections and no default one: %s", p, strings.Join(names, ", "))
	}
	return authsome.Connection{}, e
}

func (r *chosenRoutes) add(ctx context.Context, layer authsome.AuthLayer, c authsome.Connection) error {
	p, err := layer.Provider(ctx, c.Profile, c.Provider)
	if err != nil {
		return err
	}
	hosts, excluded, err := provider.Patterns(&p.Provider, c.BaseURL, c.APIHost)
	if err != nil {
		return err
	}
	r.routes = append(r.routes, proxy.Route{Ref: c.Ref, Hosts: hosts, Excluded: excluded})
	r.definitions = append(r.definitions, &p.Provider)
	r.settings.Placeholders = append(r.settings.Placeholders, exportNames(&p.Provider)...)
	if p.APIKey != nil {
		r.settings.Withhold = append(r.settings.Withhold, p.APIKey.EnvVar)
	}
	r.addFields(&p.Provider, c)
	if p.Client != nil {
		r.settings.Withhold = append(r.settings.Withhold, p.Client.ClientIDEnv, p.Client.ClientSecretEnv)
	}
	return nil
}

// addFields gives the child what it needs besides the main value: what is public as it is, placeholders for the rest. What
// may be absent is, lest a program send a placeholder where the provider expects nothing.
func (r *chosenRoutes) addFields(p *authsome.Provider, c authsome.Connection) {
	for _, f := range p.KeyFields() {
		name := fieldVariable(p, f)
		value, public := c.Public[f.Name]
		switch {
		case f.Name == p.AuthType.SecretField():
		case public:
			r.settings.Plain = append(r.settings.Plain, run.Variable{Name: name, Value: value})
		case f.Optional && f.Public:
		case f.Optional:
			r.settings.Withhold = append(r.settings.Withhold, name)
		default:
			r.settings.Placeholders = append(r.settings.Placeholders, name)
		}
	}
}

// resolutions joins the addresses of the configuration with those of --resolve, which win.
func (a *app) resolutions(flags []string) (map[string]string, error) {
	cfg, err := a.config()
	if err != nil {
		return nil, err
	}
	all := make(map[string]string)
	maps.Copy(all, cfg.Resolve)
	for _, f := range flags {
		host, rest, _ := strings.Cut(f, ":")
		port, address, ok := strings.Cut(rest, ":")
		if !ok || host == "" || port == "" || address == "" {
			return nil, &authsome.Error{
				Kind: authsome.KindUsage, Message: fmt.Sprintf("--resolve wants HOST:PORT:ADDRESS, not %q", f),
				Hint: "authsome run --resolve api.example.com:443:127.0.0.1:8443 -- COMMAND",
			}
		}
		if _, _, err := net.SplitHostPort(address); err != nil {
			address = net.JoinHostPort(strings.Trim(address, "[]"), port)
		}
		all[net.JoinHostPort(host, port)] = address
	}
	return all, nil
}
