package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"authsome"
	"authsome/internal/envscan"
	"authsome/internal/legacy"
	"authsome/internal/provider"
	"authsome/local"
)

// Kinds of what is taken in.
const (
	itemDefinition = "definition"
	itemProfile    = "profile"
	itemClient     = "client"
	itemConnection = "connection"
	itemRecord     = "record" // that cannot be read
)

// resultWouldImport is what a dry run says.
const resultWouldImport = "would_import"

// importSource is what the audit log says of where a connection comes from.
const importSource = "authsome 0.2"

// item is one thing that was found, and what became of it.
type item struct {
	kind     string
	profile  authsome.ProfileName
	provider authsome.ProviderName
	name     string
	result   string
	reason   string
}

// migration takes in what an old home holds. What cannot be taken in becomes an item, and the rest goes on.
type migration struct {
	layer   authsome.AuthLayer
	dir     string // the old home
	home    string // ours, which may be the same
	options importOptions

	items         []item
	refreshTokens bool                                           // one was taken in
	announced     map[authsome.ProviderName]*authsome.Provider   // definitions that a dry run does not register
	profiles      []authsome.ProfileName                         // that there are
	older         map[authsome.ProfileName][]authsome.Connection // that there were before
}

func (m *migration) run(ctx context.Context, old *legacy.Store) error {
	importer, ok := m.layer.(authsome.Importer)
	if !ok {
		return &authsome.Error{Message: "the vault in use takes nothing in"}
	}
	m.announced = make(map[authsome.ProviderName]*authsome.Provider)
	m.older = make(map[authsome.ProfileName][]authsome.Connection)
	for _, p := range old.Problems {
		m.add(item{
			kind: itemRecord, profile: authsome.ProfileName(p.Profile), provider: authsome.ProviderName(p.Provider), name: p.Name,
		}, "", p.Err)
	}
	if err := m.takeDefinitions(ctx, old.Definitions); err != nil {
		return err
	}
	var err error
	if m.profiles, err = m.layer.ListProfiles(ctx); err != nil {
		return err
	}
	for i := range old.Profiles {
		if err := m.takeProfile(ctx, importer, &old.Profiles[i]); err != nil {
			return err
		}
	}
	return nil
}

// add notes what became of something.
func (m *migration) add(i item, result string, err error) {
	i.result = result
	if err != nil {
		i.result, i.reason = resultFailed, authsome.AsError(err).Message
	}
	m.items = append(m.items, i)
}

func (m *migration) has(profile authsome.ProfileName) bool {
	return slices.Contains(m.profiles, profile)
}

// takeDefinitions registers the user's own definitions. In one's own home they are in their place already.
func (m *migration) takeDefinitions(ctx context.Context, definitions []legacy.Definition) error {
	all, broken, err := m.layer.Providers(ctx, authsome.DefaultProfile)
	if err != nil {
		return err
	}
	for _, d := range definitions {
		i := item{kind: itemDefinition, provider: authsome.ProviderName(d.Name), name: d.Name}
		isBroken := func(b authsome.BrokenDefinition) bool { return string(b.Name) == d.Name }
		isKnown := func(p authsome.ProviderState) bool { return string(p.Name) == d.Name && p.Source != "" }
		broke, known := slices.IndexFunc(broken, isBroken), slices.IndexFunc(all, isKnown)
		switch {
		case broke >= 0 && m.isOwn(d.Name):
			m.add(i, "", broken[broke].Err)
		case m.isOwn(d.Name):
			i.reason = "it is registered already"
			m.add(i, resultKept, nil)
		default:
			m.takeDefinition(ctx, i, d, known >= 0 || broke >= 0)
		}
	}
	return nil
}

func (m *migration) takeDefinition(ctx context.Context, i item, d legacy.Definition, taken bool) {
	p, err := provider.Parse(d.Content)
	switch {
	case err != nil:
		m.add(i, "", err)
	case taken && !m.options.force:
		i.reason = "there is one already; --force uses the old one in its place"
		m.add(i, resultKept, nil)
	case m.options.dryRun:
		m.announced[p.Name] = p
		m.add(i, resultWouldImport, nil)
	default:
		_, err := m.layer.Register(ctx, d.Content, m.options.force)
		m.add(i, resultImported, err)
	}
}

// isOwn reports whether a definition's file is the very one that is used now: both programs may share a home.
func (m *migration) isOwn(name string) bool {
	old, err := os.Stat(filepath.Join(m.dir, local.ProvidersDir, name+".json"))
	if err != nil {
		return false
	}
	own, err := os.Stat(filepath.Join(m.home, local.ProvidersDir, name+".json"))
	return err == nil && os.SameFile(old, own)
}

func (m *migration) takeProfile(ctx context.Context, importer authsome.Importer, p *legacy.Profile) error {
	name := authsome.ProfileName(p.Name)
	i := item{kind: itemProfile, profile: name, name: p.Name}
	if err := name.Validate(); err != nil {
		m.add(i, "", err)
		return nil
	}
	switch {
	case m.has(name):
	case m.options.dryRun:
		m.add(i, resultWouldImport, nil)
	default:
		m.add(i, resultImported, m.layer.CreateProfile(ctx, name))
	}
	if !m.has(name) {
		m.profiles = append(m.profiles, name)
	}
	var err error
	if m.older[name], err = m.layer.List(ctx, name); err != nil {
		return err
	}
	for _, c := range p.Clients {
		m.takeClient(ctx, importer, p, c)
	}
	for _, c := range p.Connections {
		m.takeConnection(ctx, importer, p, c)
	}
	return nil
}

// definitionFor returns the definition that an old provider's credentials are for. Where a provider takes several kinds, the
// old program had one definition, and the present one may have NAME-key or NAME-oauth beside it.
func (m *migration) definitionFor(
	ctx context.Context, profile authsome.ProfileName, name string, kind authsome.AuthType,
) (*authsome.Provider, error) {
	suffix := map[authsome.AuthType]string{authsome.AuthTypeAPIKey: "-key", authsome.AuthTypeOAuth2: "-oauth"}[kind]
	var first error
	for _, candidate := range []authsome.ProviderName{authsome.ProviderName(name), authsome.ProviderName(name + suffix)} {
		p := m.announced[candidate]
		if p == nil {
			state, err := m.layer.Provider(ctx, profile, candidate)
			if err != nil {
				first = firstError(first, err)
				continue
			}
			p = &state.Provider
		}
		if p.AuthType == kind {
			return p, nil
		}
		first = firstError(first, &authsome.Error{
			Kind: authsome.KindUsage, Message: fmt.Sprintf("the definition of %s has auth_type %s, not %s", p.Name, p.AuthType, kind),
		})
	}
	return nil, first
}

func firstError(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

func (m *migration) takeClient(ctx context.Context, importer authsome.Importer, p *legacy.Profile, c legacy.Client) {
	profile := authsome.ProfileName(p.Name)
	i := item{kind: itemClient, profile: profile, provider: authsome.ProviderName(c.Provider), name: c.ClientID}
	definition, err := m.definitionFor(ctx, profile, c.Provider, authsome.AuthTypeOAuth2)
	if err != nil {
		m.add(i, "", err)
		return
	}
	i.provider = definition.Name
	used := slices.ContainsFunc(p.Connections, func(o legacy.Connection) bool { return o.Provider == c.Provider })
	if definition.Flow == authsome.FlowDCRPKCE && !used {
		return // it was registered for one login, and is of no use to the next
	}
	if m.options.dryRun {
		m.add(i, resultWouldImport, nil)
		return
	}
	done, err := importer.ImportClient(ctx, authsome.ImportedClient{
		Profile: profile, Provider: definition.Name, ClientID: c.ClientID, ClientSecret: c.ClientSecret,
	})
	m.add(i, keptUnless(done, resultImported), err)
}

func keptUnless(done bool, result string) string {
	if done {
		return result
	}
	return resultKept
}

func (m *migration) takeConnection(ctx context.Context, importer authsome.Importer, p *legacy.Profile, c legacy.Connection) {
	profile := authsome.ProfileName(p.Name)
	i := item{kind: itemConnection, profile: profile, provider: authsome.ProviderName(c.Provider), name: c.Name}
	definition, err := m.definitionFor(ctx, profile, c.Provider, authsome.AuthType(c.AuthType))
	if err != nil {
		m.add(i, "", err)
		return
	}
	in := importedConnection(p, c, definition.Name)
	in.Replace = m.options.force
	i.provider = definition.Name
	if string(in.Ref.Connection) != c.Name {
		i.reason = "as " + string(in.Ref.Connection)
	}
	result := resultImported
	if m.isOlder(in.Ref) {
		result = resultReplaced
	}
	switch {
	case m.isOlder(in.Ref) && !m.options.force:
		m.add(i, resultKept, nil)
	case m.options.dryRun:
		m.add(i, resultWouldImport, nil)
	default:
		done, err := importer.ImportConnection(ctx, in)
		m.refreshTokens = m.refreshTokens || done && !in.RefreshToken.IsZero()
		if err == nil && done {
			err = m.makeDefault(ctx, p, c, in.Ref)
		}
		m.add(i, keptUnless(done, result), err)
	}
}

func importedConnection(p *legacy.Profile, c legacy.Connection, name authsome.ProviderName) authsome.ImportedConnection {
	in := authsome.ImportedConnection{
		Ref: authsome.Ref{
			Profile: authsome.ProfileName(p.Name), Provider: name, Connection: authsome.ConnectionName(c.Name),
		},
		BaseURL: p.BaseURL(c), Value: c.AccessToken, RefreshToken: c.RefreshToken, TokenType: c.TokenType, Scopes: c.Scopes,
		Account: c.Account, ObtainedAt: c.ObtainedAt, ExpiresAt: c.ExpiresAt, Source: importSource,
		Invalid: c.Status == "revoked" || c.Status == "invalid",
	}
	if in.Ref.Connection.Validate() != nil {
		in.Ref.Connection = envscan.SafeName(c.Name)
	}
	if c.AuthType == string(authsome.AuthTypeAPIKey) {
		in.Value, in.RefreshToken = c.APIKey, authsome.Secret{}
		return in
	}
	in.ClientID = p.ClientID(c)
	if !c.RefreshToken.IsZero() {
		in.LastRefreshAt = c.LastRefreshAt
	}
	if c.Status == "expired" && c.LastRefreshFailed {
		in.LastRefreshError = "failed before it was imported"
	}
	return in
}

func (m *migration) isOlder(ref authsome.Ref) bool {
	return slices.ContainsFunc(m.older[ref.Profile], func(c authsome.Connection) bool { return c.Ref == ref })
}

// makeDefault makes the connection the default one that was so, unless the profile had connections of the provider before.
func (m *migration) makeDefault(ctx context.Context, p *legacy.Profile, c legacy.Connection, ref authsome.Ref) error {
	had := slices.ContainsFunc(m.older[ref.Profile], func(c authsome.Connection) bool { return c.Provider == ref.Provider })
	if had || p.Defaults[c.Provider] != c.Name {
		return nil
	}
	return m.layer.SetDefault(ctx, ref)
}
