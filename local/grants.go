package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"authsome"
	"authsome/internal/oauth"
	"authsome/vault"
)

// renewable reports whether a new access token can be had without a person.
func (c *connectionRecord) renewable() bool { return !c.RefreshToken.IsZero() || c.asksAgain() }

// asksAgain reports whether the next token is asked for as the first one was: what that takes is stored.
func (c *connectionRecord) asksAgain() bool {
	switch c.Flow {
	case authsome.FlowClientCredentials:
		return c.ClientID != ""
	case authsome.FlowJWTBearer:
		return len(c.Fields) > 0
	case authsome.FlowTokenExchange:
		return c.Subject != "" || len(c.Fields) > 0
	default:
		return false
	}
}

// authorizeGrant logs in by a grant that needs nobody to agree: client_credentials (RFC 6749 section 4.4), an assertion
// (RFC 7523) or another token (RFC 8693).
func (l *Layer) authorizeGrant(
	ctx context.Context, p *authsome.Provider, h *holding, req authsome.LoginRequest,
) (*authsome.Authorization, error) {
	spec, found, err := l.loginServer(ctx, p, h, req)
	if err != nil {
		return nil, err
	}
	c := l.newRecord(h, req)
	c.Requested = req.Scopes
	// What a definition asks for in a person's name is not for the client itself.
	ownScopes := req.Flow != authsome.FlowClientCredentials || p.Flow == req.Flow
	if len(c.Requested) == 0 && ownScopes {
		c.Requested = spec.Scopes
	}
	c.Scopes = c.Requested
	client, missing, err := l.grantMaterial(ctx, p, h, spec, c, req)
	if err != nil || missing != nil {
		return missing, err
	}
	b := &begunLogin{
		ref: req.Ref, provider: p, spec: spec, found: found, client: client, flow: req.Flow, baseURL: req.BaseURL, forced: req.Force,
	}
	if err := b.bind(); err != nil {
		return nil, err
	}
	c.bindTo(spec)
	token, err := l.obtain(ctx, l.loginClient(b), c)
	if err != nil {
		return nil, b.failed(err)
	}
	if err := b.keepKey(c); err != nil {
		return nil, err
	}
	c.ClientID = client.ClientID
	c.take(token, spec)
	l.learnHost(spec, c, token)
	if client.ClientID == "" {
		client = nil
	}
	done, err := l.connected(ctx, p, h, newLogin{connection: c, client: client, server: found})
	if err != nil {
		return nil, err
	}
	l.learnAccount(ctx, p, h, c, nil)
	done.Connection.Account = c.Account
	return done, nil
}

// grantMaterial fills in what the grant needs, or says what a person must be asked for.
func (l *Layer) grantMaterial(
	ctx context.Context, p *authsome.Provider, h *holding, spec *authsome.OAuth, c *connectionRecord, req authsome.LoginRequest,
) (*registrationRecord, *authsome.Authorization, error) {
	client := l.chooseRegistration(h, spec, req.Fields)
	wanted := grantFields(spec, req)
	if client == nil && needsClient(p, req.Flow) {
		known := h.registrations[req.Fields[authsome.FieldClientID].Reveal()] != nil
		wanted = append(clientFields(p, spec, known), wanted...)
		return nil, &authsome.Authorization{Provider: p, Fields: wanted}, nil
	}
	if client == nil {
		client = &registrationRecord{}
	}
	c.Fields = make(map[authsome.FieldName]sealed)
	for i, f := range wanted {
		value, there := req.Fields[f.Name]
		if i == len(wanted)-1 || f.Secret {
			value = cmp.Or(value, req.Fields[authsome.FieldAccessToken]) // from standard input
		}
		if value.IsZero() && !(f.Optional && there) {
			return nil, &authsome.Authorization{Provider: p, Fields: wanted}, nil
		}
		if !value.IsZero() {
			c.Fields[f.Name] = sealed{value}
		}
	}
	if req.Flow == authsome.FlowTokenExchange && req.Subject.Provider != "" {
		subject, err := l.subjectOf(ctx, req)
		if err != nil {
			return nil, nil, err
		}
		c.Subject = subject
	}
	return client, nil, nil
}

// needsClient reports whether a grant is asked for in the name of an OAuth client. Whoever holds the key of an assertion
// needs none; for a token exchange the definition says.
func needsClient(p *authsome.Provider, flow authsome.Flow) bool {
	return flow == authsome.FlowClientCredentials || flow == authsome.FlowTokenExchange && p.Client != nil
}

// grantFields is what a grant needs besides a client.
func grantFields(spec *authsome.OAuth, req authsome.LoginRequest) []authsome.Field {
	switch {
	case req.Flow == authsome.FlowJWTBearer && spec.Assertion == authsome.AssertionGitHub:
		return []authsome.Field{
			{Name: authsome.FieldAppID, Label: "App ID or client ID of the GitHub App", Env: "GITHUB_APP_ID"},
			{Name: authsome.FieldInstallationID, Label: "Installation ID", Optional: true, Env: "GITHUB_APP_INSTALLATION_ID"},
			{
				Name: authsome.FieldPrivateKey, Label: "Private key of the app (PEM)", Secret: true, File: true,
				Env: "GITHUB_APP_PRIVATE_KEY_PATH",
			},
		}
	case req.Flow == authsome.FlowJWTBearer:
		return []authsome.Field{{
			Name: authsome.FieldServiceAccount, Label: "Key file of the service account (JSON)", Secret: true, File: true,
			Env: "GOOGLE_APPLICATION_CREDENTIALS",
		}}
	case req.Flow == authsome.FlowTokenExchange && req.Subject.Provider == "":
		return []authsome.Field{{Name: authsome.FieldSubjectToken, Label: "Token to exchange", Secret: true}}
	default:
		return nil
	}
}

// subjectOf names the connection whose token is exchanged, in the same profile.
func (l *Layer) subjectOf(ctx context.Context, req authsome.LoginRequest) (string, error) {
	subject := req.Subject
	subject.Profile = req.Ref.Profile
	if subject.Provider == req.Ref.Provider && subject.Connection == req.Ref.Connection {
		return "", ownToken(req.Ref)
	}
	_, _, c, err := l.lookup(ctx, subject)
	if err != nil {
		return "", err
	}
	name := subjectName(c.ref)
	return name, l.checkSubjects(ctx, req.Ref, c)
}

// checkSubjects follows a chain of exchanges from c, and fails when it leads to the connection that exchanges, or round in
// a circle: each of them would wait for the other. Where the chain breaks off nobody waits.
func (l *Layer) checkSubjects(ctx context.Context, of authsome.Ref, c *connectionRecord) error {
	seen := map[string]bool{subjectName(of): true}
	for !seen[subjectName(c.ref)] {
		seen[subjectName(c.ref)] = true
		if c.Subject == "" {
			return nil
		}
		next, err := l.reread(ctx, subjectRef(of.Profile, c.Subject))
		if errors.Is(err, vault.ErrNotFound) {
			return nil
		}
		if err != nil {
			return gone(c.ref, err)
		}
		c = next
	}
	return ownToken(of)
}

// subjectName is how a record names another connection of its profile.
func subjectName(ref authsome.Ref) string { return string(ref.Provider) + "/" + string(ref.Connection) }

// subjectRef is the inverse of subjectName.
func subjectRef(profile authsome.ProfileName, name string) authsome.Ref {
	p, connection, _ := strings.Cut(name, "/")
	return authsome.Ref{
		Profile: profile, Provider: authsome.ProviderName(p), Connection: authsome.ConnectionName(connection),
	}
}

func ownToken(ref authsome.Ref) error {
	return &authsome.Error{
		Kind: authsome.KindUsage, Ref: ref, Message: "a connection cannot exchange its own token",
		Hint: fmt.Sprintf("authsome login %s --subject PROVIDER=CONNECTION", ref.Provider),
	}
}

// obtain asks for a token with what the record holds.
func (l *Layer) obtain(ctx context.Context, endpoint *oauth.Client, c *connectionRecord) (*oauth.Token, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.timeout)
	defer cancel()
	switch {
	case c.Flow == authsome.FlowClientCredentials:
		return l.introspected(ctx, endpoint, c)(endpoint.ClientCredentials(ctx, c.Requested))
	case c.Flow == authsome.FlowTokenExchange:
		subject, err := l.subjectToken(ctx, c)
		if err != nil {
			return nil, err
		}
		return l.introspected(ctx, endpoint, c)(endpoint.TokenExchange(ctx, subject, c.Requested))
	case endpoint.Provider.Assertion == authsome.AssertionGitHub:
		return l.installationToken(ctx, endpoint, c)
	default:
		return l.serviceAccountToken(ctx, endpoint, c)
	}
}

// introspected completes a token whose answer does not say when it expires, where the server can be asked (RFC 7662).
func (l *Layer) introspected(
	ctx context.Context, endpoint *oauth.Client, c *connectionRecord,
) func(*oauth.Token, error) (*oauth.Token, error) {
	return func(t *oauth.Token, err error) (*oauth.Token, error) {
		at := endpoint.Provider.IntrospectionURL
		if err != nil || !t.ExpiresAt.IsZero() || at == "" || !c.mayBeTold(at, c.IntrospectionURL) {
			return t, err
		}
		ctx, cancel := context.WithTimeout(ctx, l.timeout)
		defer cancel()
		said, err := endpoint.Introspect(ctx, t.AccessToken)
		if err != nil {
			l.log.Debug("a new token cannot be introspected", "err", err)
			return t, nil
		}
		t.LearnExpiry(said)
		return t, nil
	}
}

func (l *Layer) serviceAccountToken(ctx context.Context, endpoint *oauth.Client, c *connectionRecord) (*oauth.Token, error) {
	account, err := oauth.ParseServiceAccount(c.Fields[authsome.FieldServiceAccount].Secret)
	if err != nil {
		return nil, unusableMaterial(c, "the key file of the service account", err)
	}
	tokenURL := endpoint.Provider.TokenURL
	if account.TokenURL != "" && account.TokenURL != tokenURL && !account.NamesOldEndpoint(tokenURL) {
		return nil, unusableMaterial(c, "the key file of the service account",
			fmt.Errorf("its token_uri is %s, the definition's token_url %s", account.TokenURL, tokenURL))
	}
	assertion, err := account.Assertion(tokenURL, c.Requested, l.now())
	if err != nil {
		return nil, err
	}
	return endpoint.JWTBearer(ctx, assertion, nil)
}

func (l *Layer) installationToken(ctx context.Context, endpoint *oauth.Client, c *connectionRecord) (*oauth.Token, error) {
	key, err := oauth.ParsePrivateKey(c.Fields[authsome.FieldPrivateKey].Secret)
	if err != nil {
		return nil, unusableMaterial(c, "the private key of the app", err)
	}
	app := oauth.App{ID: strings.TrimSpace(c.Fields[authsome.FieldAppID].Reveal()), Key: key}
	installation := c.Fields[authsome.FieldInstallationID].Reveal()
	if installation == "" {
		if installation, err = l.onlyInstallation(ctx, endpoint, app, c.ref); err != nil {
			return nil, err
		}
		c.Fields[authsome.FieldInstallationID] = sealed{authsome.NewSecret(installation)}
	}
	return endpoint.InstallationToken(ctx, app, installation)
}

// onlyInstallation returns the one place where the app is installed.
func (l *Layer) onlyInstallation(
	ctx context.Context, endpoint *oauth.Client, app oauth.App, ref authsome.Ref,
) (string, error) {
	all, err := endpoint.Installations(ctx, app)
	if err != nil {
		return "", err
	}
	if len(all) == 1 {
		return all[0].ID, nil
	}
	var names []string
	for _, i := range all {
		names = append(names, i.ID+" ("+i.Account+")")
	}
	message := "the app is installed nowhere"
	if len(names) > 0 {
		message = "the app is installed at several places: " + strings.Join(names, ", ")
	}
	return "", &authsome.Error{
		Kind: authsome.KindLoginFailed, Ref: ref, Reason: "installation", Message: message,
		Hint: fmt.Sprintf("set GITHUB_APP_INSTALLATION_ID and run: authsome login %s", Arguments(ref)),
	}
}

// subjectToken returns the token that is exchanged: a fresh one of the other connection, or the one that was given.
func (l *Layer) subjectToken(ctx context.Context, c *connectionRecord) (authsome.Secret, error) {
	if c.Subject == "" {
		return c.Fields[authsome.FieldSubjectToken].Secret, nil
	}
	ref := subjectRef(c.ref.Profile, c.Subject)
	cred, err := l.Credential(ctx, ref, authsome.CredentialOptions{})
	if err != nil {
		e := authsome.AsError(err)
		return authsome.Secret{}, &oauth.Error{
			Class: oauth.ClassTransient, Err: err,
			Reason: fmt.Sprintf("the token of %s cannot be had: %s", ref, cmp.Or(e.Reason, e.Message)),
		}
	}
	return cred.Value, nil
}

// unusableMaterial is the failure of a login whose key cannot be used.
func unusableMaterial(c *connectionRecord, what string, err error) error {
	return &authsome.Error{
		Kind: authsome.KindLoginFailed, Ref: c.ref, Reason: "unusable_key", Message: fmt.Sprintf("%s cannot be used: %v", what, err),
		Hint: "authsome login " + Arguments(c.ref) + " --force", Err: errors.Unwrap(err),
	}
}
