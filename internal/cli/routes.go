package cli

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"authsome"
	"authsome/internal/policy"
	"authsome/internal/provider"
	"authsome/internal/proxy"
	"authsome/internal/run"
	"authsome/local"
)

// chosenRoutes is what a run injects, and what its child must not inherit.
type chosenRoutes struct {
	routes      []proxy.Route
	definitions []*authsome.Provider // of the routes, one for each provider
	connections map[authsome.Ref]authsome.Connection
	picks       []picked
	safePosts   []policy.Target
	unsafeGets  []policy.Target
	// newCredentials are requests that are answered with a new credential.
	newCredentials []policy.Rule
	settings       run.Settings

	parts map[authsome.ProviderName]*chosenRoutes // what it was joined of
}

func newChosenRoutes() *chosenRoutes {
	return &chosenRoutes{connections: make(map[authsome.Ref]authsome.Connection)}
}

// join makes one of what was chosen at each provider. It fails when two of them claim the same place.
func join(parts map[authsome.ProviderName]*chosenRoutes) (*chosenRoutes, error) {
	all := newChosenRoutes()
	all.parts = parts
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		p := parts[name]
		all.routes, all.definitions = append(all.routes, p.routes...), append(all.definitions, p.definitions...)
		all.safePosts, all.newCredentials = append(all.safePosts, p.safePosts...), append(all.newCredentials, p.newCredentials...)
		all.unsafeGets = append(all.unsafeGets, p.unsafeGets...)
		maps.Copy(all.connections, p.connections)
		all.settings.Placeholders = append(all.settings.Placeholders, p.settings.Placeholders...)
		all.settings.Withhold = append(all.settings.Withhold, p.settings.Withhold...)
		all.settings.Plain = append(all.settings.Plain, p.settings.Plain...)
	}
	all.order()
	return all, all.checkClaims()
}

// picked is a connection that was chosen, for all requests or for some.
type picked struct {
	connection authsome.Connection
	choice     choice // the zero choice: for all that no other is for
}

// chooseRoutes makes a route of one connection of each provider, the one that was named or the default one, and of each
// connection that was named for some of the requests.
func (a *app) chooseRoutes(ctx context.Context, layer authsome.AuthLayer, bounds *limits) (*chosenRoutes, error) {
	profile, err := a.profile()
	if err != nil {
		return nil, err
	}
	choices, err := bounds.choices()
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
	known := func(p authsome.ProviderName) error {
		_, err := layer.Provider(ctx, profile, p)
		return err
	}
	if err := allConnected(profile, connected, bounds, choices, known); err != nil {
		return nil, err
	}
	parts := make(map[authsome.ProviderName]*chosenRoutes)
	for _, name := range slices.Sorted(maps.Keys(connected)) {
		if !policy.Permits(string(name), bounds.flags, bounds.file) {
			continue
		}
		if parts[name], err = choosePart(ctx, layer, connected[name], choices); err != nil {
			return nil, err
		}
	}
	chosen, err := join(parts)
	if err != nil {
		return nil, err
	}
	chosen.settings.Masked = leftOut(ctx, layer, connected, bounds)
	return chosen, nil
}

// leftOut returns the variables with keys of the connected providers that a run leaves out: it has nothing to do with them, so its
// child is not to find a key of theirs in what it inherits. Of a definition that cannot be used nobody knows the variables.
func leftOut(
	ctx context.Context, layer authsome.AuthLayer, connected map[authsome.ProviderName][]authsome.Connection, bounds *limits,
) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(connected)) {
		if policy.Permits(string(name), bounds.flags, bounds.file) {
			continue
		}
		if p, err := layer.Provider(ctx, connected[name][0].Profile, name); err == nil {
			names = append(names, secretVariables(&p.Provider)...)
		}
	}
	return names
}

// secretVariables returns the variables in which programs look for what is secret of a provider.
func secretVariables(p *authsome.Provider) []string {
	names := slices.Concat(exportNames(p), readFrom(p))
	for _, f := range p.KeyFields() {
		if !f.Public {
			names = append(names, fieldVariable(p, f))
		}
	}
	return names
}

// readFrom returns the variables that a login reads secrets of a provider from.
func readFrom(p *authsome.Provider) (names []string) {
	if p.APIKey != nil {
		names = append(names, p.APIKey.EnvVar)
	}
	if p.Client != nil {
		names = append(names, p.Client.ClientIDEnv, p.Client.ClientSecretEnv)
	}
	return names
}

// choosePart chooses among the connections of one provider.
func choosePart(
	ctx context.Context, layer authsome.AuthLayer, all []authsome.Connection, choices []choice,
) (*chosenRoutes, error) {
	part := newChosenRoutes()
	return part, part.addProvider(ctx, layer, all, choices)
}

// addProvider adds the routes of one provider, those for some of the requests first.
func (r *chosenRoutes) addProvider(
	ctx context.Context, layer authsome.AuthLayer, all []authsome.Connection, choices []choice,
) error {
	var everywhere choice
	for _, ch := range choices {
		if ch.provider != all[0].Provider {
			continue
		}
		if ch.where == nil {
			if everywhere.connection == "" { // the first one wins: the command line's come first
				everywhere = ch
			}
			continue
		}
		c, err := pick(all, ch.connection)
		if err != nil {
			return placed(err, ch.at)
		}
		if err := r.addRoute(ctx, layer, c, ch); err != nil {
			return err
		}
	}
	c, err := pick(all, everywhere.connection)
	if err != nil {
		return placed(err, everywhere.at)
	}
	return r.add(ctx, layer, c)
}

// order puts what was chosen for some of the requests first, and a route before those that its definition precedes.
func (r *chosenRoutes) order() {
	names := provider.ByPrecedence(r.definitions)
	slices.SortStableFunc(r.routes, func(a, b proxy.Route) int {
		if chosen := min(1, len(b.Only)) - min(1, len(a.Only)); chosen != 0 {
			return chosen
		}
		return slices.Index(names, a.Ref.Provider) - slices.Index(names, b.Ref.Provider)
	})
}

// allConnected fails when a provider is named without there being a connection to it, and when nothing is left of those that
// were named: a run without it would surprise. known says whether there is such a provider at all.
func allConnected(
	profile authsome.ProfileName, connected map[authsome.ProviderName][]authsome.Connection, bounds *limits, choices []choice,
	known func(authsome.ProviderName) error,
) error {
	var want []policy.Entry
	for _, c := range choices {
		want = append(want, policy.Entry{Text: string(c.provider), At: c.at})
	}
	want = slices.Concat(want, bounds.flags.Only, bounds.file.Only)
	if len(bounds.flags.Only) > 0 && !slices.ContainsFunc(bounds.flags.Only, func(e policy.Entry) bool {
		return policy.Permits(e.Text, bounds.file)
	}) {
		return &authsome.Error{
			Kind: authsome.KindDenied, Message: fmt.Sprintf("%s permits none of the providers that --only names", bounds.file.Only[0].At),
			Hint: "name one that the file names, too",
		}
	}
	if err := knownRates(connected, bounds, known); err != nil {
		return err
	}
	for _, e := range want {
		if p := authsome.ProviderName(e.Text); len(connected[p]) == 0 {
			if err := known(p); err != nil {
				return placed(err, e.At) // a name that is none is mistyped, not logged out
			}
			return placed(&authsome.Error{
				Kind: authsome.KindConnectionNotFound, Ref: authsome.Ref{Profile: profile, Provider: p},
				Message: fmt.Sprintf("not connected to %s", p), Hint: "authsome login " + local.Arguments(authsome.Ref{Profile: profile, Provider: p}),
			}, e.At)
		}
	}
	return nil
}

// knownRates fails when a rate is about a provider that there is not: mistyped, it would bound nothing. That of one that there is
// no connection to holds from the first login on.
func knownRates(
	connected map[authsome.ProviderName][]authsome.Connection, bounds *limits, known func(authsome.ProviderName) error,
) error {
	for _, r := range bounds.config.Rates {
		if r.Provider == "" || len(connected[r.Provider]) > 0 {
			continue
		}
		if err := known(r.Provider); err != nil {
			return placed(err, r.At())
		}
	}
	return nil
}

// placed says where in a file a name stands that is of no use. Who has typed it on the command line knows.
func placed(err error, at string) error {
	if at == "" || strings.HasPrefix(at, "--") {
		return err
	}
	return amended(err, func(e *authsome.Error) { e.Message = at + ": " + e.Message })
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
		e.Hint += fmt.Sprintf("   (or for good: authsome connection set-default %s %s)", p, names[0])
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
	r.routes = append(r.routes, proxy.Route{Ref: c.Ref, Hosts: hosts, Excluded: excluded, Guard: c.Guard})
	if err := r.addPaths(&p.Provider, c); err != nil {
		return err
	}
	r.picks = append(r.picks, picked{connection: c})
	r.connections[c.Ref] = c
	r.definitions = append(r.definitions, &p.Provider)
	r.settings.Placeholders = append(r.settings.Placeholders, exportNames(&p.Provider)...)
	r.settings.Withhold = append(r.settings.Withhold, readFrom(&p.Provider)...)
	r.addFields(&p.Provider, c)
	return nil
}

// addPaths adds what the definition says about single requests at the connection's own address.
func (r *chosenRoutes) addPaths(p *authsome.Provider, c authsome.Connection) error {
	fresh, err := provider.CredentialPaths(p, c.BaseURL)
	if err != nil {
		return err
	}
	safe, err := provider.SafePosts(p, c.BaseURL)
	if err != nil {
		return err
	}
	unsafe, err := provider.UnsafeGets(p, c.BaseURL)
	if err != nil {
		return err
	}
	r.newCredentials, r.safePosts = append(r.newCredentials, fresh...), append(r.safePosts, safe...)
	r.unsafeGets = append(r.unsafeGets, unsafe...)
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
		port, address, _ := strings.Cut(rest, ":")
		if bare := strings.Trim(address, "[]"); !hasPort(address) && (net.ParseIP(bare) != nil || !strings.Contains(bare, ":")) {
			address = net.JoinHostPort(bare, port)
		}
		if host == "" || !isPort(port) || !hasPort(address) {
			return nil, &authsome.Error{
				Kind: authsome.KindUsage, Message: fmt.Sprintf("--resolve wants HOST:PORT:ADDRESS or HOST:PORT:ADDRESS:PORT, not %q", f),
				Hint: "authsome run --resolve api.example.com:443:127.0.0.1:8443 -- COMMAND",
			}
		}
		all[net.JoinHostPort(host, port)] = address
	}
	return all, nil
}

// hasPort reports whether an address ends with a port.
func hasPort(address string) bool {
	host, port, err := net.SplitHostPort(address)
	return err == nil && host != "" && isPort(port)
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}
