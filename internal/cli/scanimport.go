package cli

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"authsome"
)

// What became of a variable.
const (
	resultImported = "imported"
	resultReplaced = "replaced"
	resultKept     = "kept"   // the vault is left as it was
	resultFailed   = "failed" // it could not be taken in
)

// belonging is what was found in one place for one provider: the values of one credential, or of one OAuth client.
type belonging struct {
	provider *authsome.Provider
	client   bool
	parts    []*finding
}

// takeIn makes connections of what is new and, with force, of what differs. Its error carries the exit code when something
// failed: the findings say what.
func (s *survey) takeIn(ctx context.Context, layer authsome.AuthLayer, force bool) error {
	taken := make(map[authsome.ProviderName][]authsome.ConnectionName)
	var failed error
	for _, b := range s.belongings() {
		result, connection, err := s.takeOne(ctx, layer, b, taken[b.provider.Name], force)
		if err != nil {
			result, failed = resultFailed, exitStatus(1)
		}
		if result == resultImported || result == resultReplaced {
			taken[b.provider.Name] = append(taken[b.provider.Name], connection)
		}
		for _, f := range b.parts {
			f.result, f.connection = result, connection
			switch {
			case err != nil:
				f.reason = authsome.AsError(err).Message
			case connection != "":
				f.reason = authsome.Ref{Provider: b.provider.Name, Connection: connection}.String()
			case result == resultKept && b.client:
				f.reason = "there is a client already, or no identifier beside it"
			case result == resultKept:
				f.reason = "there is one already; --force replaces it"
			}
		}
	}
	return failed
}

// belongings puts together what belongs together, in the order in which it was found.
func (s *survey) belongings() []*belonging {
	var all []*belonging
	for _, f := range s.findings {
		if f.state == stateLooksLike {
			f.result, f.reason = resultKept, "only its form says whose it is"
			continue
		}
		i := slices.IndexFunc(all, func(b *belonging) bool { return b.takes(f) })
		if i < 0 {
			i = len(all)
			all = append(all, &belonging{provider: f.provider(), client: f.claims[0].OfClient()})
		}
		all[i].parts = append(all[i].parts, f)
	}
	return all
}

// takes reports whether a variable is part of the same credential: it was found in the same place, and is another field
// or the same value.
func (b *belonging) takes(f *finding) bool {
	first, claim := b.parts[0], f.claims[0]
	if b.provider.Name != claim.Provider.Name || b.client != claim.OfClient() || first.File != f.File {
		return false
	}
	return !slices.ContainsFunc(b.parts, func(part *finding) bool {
		return part.claims[0].Field == claim.Field && !part.Value.Equal(f.Value)
	})
}

// fields are the values by the names of the login's fields.
func (b *belonging) fields() map[authsome.FieldName]authsome.Secret {
	fields := make(map[authsome.FieldName]authsome.Secret)
	for _, f := range b.parts {
		fields[f.claims[0].Field] = f.Value
	}
	for _, f := range b.provider.KeyFields() {
		if _, found := fields[f.Name]; !found && f.Optional {
			fields[f.Name] = authsome.Secret{} // left out
		}
	}
	return fields
}

// takeOne takes in one credential. taken are the connections that this run has made at the provider.
func (s *survey) takeOne(
	ctx context.Context, layer authsome.AuthLayer, b *belonging, taken []authsome.ConnectionName, force bool,
) (result string, connection authsome.ConnectionName, err error) {
	if b.client {
		return s.takeClient(ctx, layer, b)
	}
	values := b.fields()
	held, err := s.heldBy(ctx, layer, values[b.provider.AuthType.SecretField()], b.provider.Name)
	if err != nil || held != "" {
		return resultKept, held, err
	}
	ref, replaces, err := s.target(b, taken)
	if err != nil {
		return resultFailed, "", err
	}
	if replaces && !force {
		return resultKept, "", nil
	}
	done, err := logInWith(ctx, layer, authsome.LoginRequest{Ref: ref, Fields: values, Force: replaces})
	if err != nil {
		return resultFailed, "", err
	}
	if replaces {
		return resultReplaced, done.Ref.Connection, nil
	}
	return resultImported, done.Ref.Connection, nil
}

// target says which connection a credential becomes, and whether that replaces an older one. The first of a provider
// becomes the default connection; further ones are named after the place they were found in.
func (s *survey) target(
	b *belonging, taken []authsome.ConnectionName,
) (ref authsome.Ref, replaces bool, err error) {
	ref = authsome.Ref{Profile: s.profile, Provider: b.provider.Name}
	older := s.states[b.provider.Name].Connections
	if len(taken) == 0 {
		return ref, len(older) > 0, nil
	}
	ref.Connection = b.parts[0].NameHint(filepath.Base(s.dir))
	if slices.Contains(taken, ref.Connection) {
		return ref, false, &authsome.Error{
			Kind: authsome.KindUsage, Ref: ref, Message: "there are several, and another one has become " + ref.String(),
			Hint: "authsome login " + string(ref.Provider) + " --connection NAME --with-token",
		}
	}
	isOlder := func(c authsome.Connection) bool { return c.Ref.Connection == ref.Connection }
	return ref, slices.ContainsFunc(older, isOlder), nil
}

// heldBy returns the connection of a provider that holds a value by now, or none.
func (s *survey) heldBy(
	ctx context.Context, layer authsome.AuthLayer, value authsome.Secret, name authsome.ProviderName,
) (authsome.ConnectionName, error) {
	if value.IsZero() {
		return "", nil
	}
	holders, err := layer.(authsome.Holder).Holders(ctx, s.profile, []authsome.Secret{value}) //nolint:forcetypeassert // compare has
	if err != nil {
		return "", err
	}
	for _, ref := range holders[0] {
		if ref.Provider == name && ref.Connection != "" {
			return ref.Connection, nil
		}
	}
	return "", nil
}

// logInWith logs in with what is there, asking nobody.
func logInWith(ctx context.Context, layer authsome.AuthLayer, req authsome.LoginRequest) (*authsome.Connection, error) {
	step, err := layer.Authorize(ctx, req)
	if err != nil {
		return nil, err
	}
	if step.Connection != nil {
		return step.Connection, nil
	}
	var labels []string
	for _, f := range step.Fields {
		if req.Fields[f.Name].IsZero() && !f.Optional {
			labels = append(labels, f.Label)
		}
	}
	wanted := "a person"
	if len(labels) > 0 {
		wanted = "the " + strings.Join(labels, " and the ")
	}
	return nil, &authsome.Error{
		Kind: authsome.KindLoginFailed, Ref: req.Ref, Message: "the login also wants " + wanted,
		Hint: "authsome login " + string(req.Ref.Provider),
	}
}

// takeClient stores an OAuth client whose identifier and secret lie together, so that logins do not ask for it.
func (s *survey) takeClient(
	ctx context.Context, layer authsome.AuthLayer, b *belonging,
) (result string, connection authsome.ConnectionName, err error) {
	fields := b.fields()
	importer, ok := layer.(authsome.Importer)
	if !ok || fields[authsome.FieldClientID].IsZero() || s.states[b.provider.Name].Configured {
		return resultKept, "", nil
	}
	done, err := importer.ImportClient(ctx, authsome.ImportedClient{
		Profile: s.profile, Provider: b.provider.Name, ClientID: fields[authsome.FieldClientID].Reveal(),
		ClientSecret: fields[authsome.FieldClientSecret],
	})
	if err != nil || !done {
		return resultKept, "", err
	}
	return resultImported, "", nil
}
