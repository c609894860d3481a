package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"authsome"
	"authsome/internal/oauth"
)

// begunLogin is an authorization request, or that of a device, whose answer has not come yet.
type begunLogin struct {
	ref         authsome.Ref
	provider    *authsome.Provider
	spec        *authsome.OAuth
	found       *authsome.OAuth // what spec owes to discovery; nil: nothing
	client      *registrationRecord
	flow        authsome.Flow
	baseURL     string
	redirectURI string
	state       string
	verifier    authsome.Secret
	nonce       string         // of an OpenID Connect login; empty: it is none
	dpop        *oauth.DPoPKey // that the tokens are to be bound to; nil: they are not
	scopes      []string
	device      *oauth.DeviceAuthorization // nil: a redirect brings the answer
	until       time.Time                  // when it is forgotten
	forced      bool                       // although there may be a good connection
}

// Authorize begins a login, or does all of it when nothing is left to ask.
func (l *Layer) Authorize(ctx context.Context, req authsome.LoginRequest) (*authsome.Authorization, error) {
	ref, p, h, err := l.at(ctx, req.Ref)
	if err != nil {
		return nil, err
	}
	req.Ref = h.resolve(ref)
	wanting := stepUp(&req, h.connections[req.Ref.Connection])
	if !req.Force && !wanting {
		if done := l.alreadyConnected(ctx, req.Ref, h); done != nil {
			return &authsome.Authorization{Provider: p, Connection: done, AlreadyConnected: true}, nil
		}
	}
	if req.Flow == "" {
		req.Flow = p.Flow
	}
	if ask, err := baseURL(p, &req); ask != nil || err != nil {
		return ask, err
	}
	authorize := l.authorizeOAuth
	if p.AuthType != authsome.AuthTypeOAuth2 {
		authorize = l.authorizeKey
	}
	step, err := authorize(ctx, p, h, req)
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		err = cancelledLogin(req.Ref, err)
	}
	switch authsome.KindOf(err) {
	case authsome.KindLoginFailed:
		l.record(authsome.EventLogin, req.Ref, err.Error(), nil)
	case authsome.KindCancelled:
		l.record(authsome.EventLogin, req.Ref, string(authsome.KindCancelled), nil)
	}
	return step, err
}

// alreadyConnected returns the connection when it is good, which is an access call's business to find out.
func (l *Layer) alreadyConnected(ctx context.Context, ref authsome.Ref, h *holding) *authsome.Connection {
	if h.connections[ref.Connection] == nil {
		return nil
	}
	c, err := l.Connection(ctx, ref, authsome.CredentialOptions{})
	if err != nil || c.Status != authsome.StatusConnected {
		return nil
	}
	return c
}

// stepUp makes a login that wants further scopes ask for the earlier ones too, and reports whether anything is wanted that
// the connection does not have. With Force the scopes are the ones to have.
func stepUp(req *authsome.LoginRequest, c *connectionRecord) (wanting bool) {
	if c == nil || len(req.Scopes) == 0 {
		return false
	}
	for _, s := range req.Scopes {
		wanting = wanting || !slices.Contains(c.Scopes, s)
	}
	if wanting && !req.Force {
		all := slices.Clone(c.Scopes)
		for _, s := range req.Scopes {
			if !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
		req.Scopes = all
	}
	return wanting
}

func (l *Layer) authorizeOAuth(
	ctx context.Context, p *authsome.Provider, h *holding, req authsome.LoginRequest,
) (*authsome.Authorization, error) {
	token := req.Fields[authsome.FieldAccessToken]
	if forAccess := req.Flow != authsome.FlowJWTBearer && req.Flow != authsome.FlowTokenExchange; forAccess && !token.IsZero() {
		c := l.newRecord(h, req)
		if namesClient(p) {
			id := req.Fields[authsome.FieldClientID].Reveal()
			if c.ClientID = cmp.Or(id, h.settings.ClientID); c.ClientID == "" {
				return &authsome.Authorization{Provider: p, Fields: clientFields(p, &authsome.OAuth{ClientAuth: authsome.ClientAuthNone}, false)}, nil
			}
		}
		c.AccessToken, c.TokenType, c.Scopes = sealed{token}, "Bearer", req.Scopes
		return l.connected(ctx, p, h, newLogin{connection: c})
	}
	switch req.Flow {
	case authsome.FlowPKCE, authsome.FlowDCRPKCE:
		return l.authorizeInBrowser(ctx, p, h, req)
	case authsome.FlowDeviceCode:
		return l.authorizeDevice(ctx, p, h, req)
	case authsome.FlowClientCredentials, authsome.FlowJWTBearer, authsome.FlowTokenExchange:
		return l.authorizeGrant(ctx, p, h, req)
	default:
		return nil, unsupportedFlow(p, req.Flow, authsome.FlowPKCE)
	}
}

// authorizeInBrowser takes the next step towards an authorization code.
func (l *Layer) authorizeInBrowser(
	ctx context.Context, p *authsome.Provider, h *holding, req authsome.LoginRequest,
) (*authsome.Authorization, error) {
	spec, found, err := l.loginServer(ctx, p, h, req)
	if err != nil {
		return nil, err
	}
	client := l.chooseRegistration(h, spec, req.Fields)
	register := client == nil && canRegister(spec, req)
	if client == nil && !register {
		known := h.registrations[req.Fields[authsome.FieldClientID].Reveal()] != nil
		return &authsome.Authorization{
			Provider: p, Fields: clientFields(p, spec, known), RedirectURI: redirectToRegister(spec.Redirect),
		}, nil
	}
	if req.RedirectURI == "" {
		return &authsome.Authorization{Provider: p, Redirect: &spec.Redirect}, nil
	}
	if register {
		if client, err = l.registerClient(ctx, spec, req); err != nil {
			return nil, err
		}
	}
	return l.authorizeCode(ctx, &begunLogin{provider: p, spec: spec, found: found, client: client}, req)
}

// authorizeCode makes the authorization request of RFC 6749 section 4.1.1.
func (l *Layer) authorizeCode(
	ctx context.Context, b *begunLogin, req authsome.LoginRequest,
) (*authsome.Authorization, error) {
	b.ref, b.flow, b.baseURL, b.redirectURI, b.forced = req.Ref, req.Flow, req.BaseURL, req.RedirectURI, req.Force
	b.state, b.scopes = oauth.NewState(), req.Scopes
	if len(b.scopes) == 0 {
		b.scopes = b.spec.Scopes
	}
	if b.spec.PKCE != authsome.PKCENo {
		b.verifier = oauth.NewVerifier()
	}
	if slices.Contains(b.scopes, "openid") {
		b.nonce = oauth.NewState()
	}
	if err := b.bind(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	target, err := l.loginClient(b).Authorize(ctx, oauth.AuthorizationRequest{
		RedirectURI: b.redirectURI, State: b.state, Verifier: b.verifier, Scopes: b.scopes, Nonce: b.nonce,
	})
	if err != nil {
		return nil, b.failed(err)
	}
	return &authsome.Authorization{
		ID: l.begin(b), Provider: b.provider, URL: target, State: b.state, RedirectURI: b.redirectURI,
	}, nil
}

// bind makes the key that the tokens will be bound to, where the server wants that (RFC 9449).
func (b *begunLogin) bind() error {
	if !b.spec.DPoP {
		return nil
	}
	var err error
	b.dpop, err = oauth.NewDPoPKey()
	return err
}

// keepKey puts the key that the tokens are bound to into the record.
func (b *begunLogin) keepKey(c *connectionRecord) (err error) {
	if b.dpop != nil {
		c.DPoPKey.Secret, err = b.dpop.PEM()
	}
	return err
}

// loginClient returns what talks to the server's endpoints for a login.
func (l *Layer) loginClient(b *begunLogin) *oauth.Client {
	c := l.client(b.spec, b.client)
	c.DPoPKey = b.dpop
	return c
}

// loginPatience is how long the answer to an authorization request is waited for: somewhat longer than a person is by the command.
const loginPatience = 15 * time.Minute

// begin keeps a login until its answer comes, or until nobody waits for that any more.
func (l *Layer) begin(b *begunLogin) authsome.AuthorizationID {
	b.until = l.now().Add(loginPatience)
	if b.device != nil {
		b.until = b.device.ExpiresAt.Add(loginPatience) // until then it is said that nobody has entered the code
	}
	id := authsome.AuthorizationID(oauth.NewState())
	l.forgetAbandoned()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begun[id] = b
	return id
}

// forgetAbandoned forgets the logins whose time is over, and deletes the clients that were registered for them. Nobody waits for
// that but Close.
func (l *Layer) forgetAbandoned() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, b := range l.begun {
		if l.now().Before(b.until) {
			continue
		}
		delete(l.begun, id)
		if b.client.Dynamic && b.client.version == 0 {
			l.inFlight.Go(func() { l.tidy(context.Background(), b.client) })
		}
	}
}

// Complete exchanges the code that the redirect brought, or waits until the person has let the device in, and stores
// the connection.
func (l *Layer) Complete(
	ctx context.Context, id authsome.AuthorizationID, redirect string,
) (*authsome.Connection, error) {
	l.forgetAbandoned()
	l.mu.Lock()
	b := l.begun[id]
	delete(l.begun, id) // one answer per request, whatever comes of it
	l.mu.Unlock()
	if b == nil {
		return nil, &authsome.Error{
			Kind: authsome.KindLoginFailed, Message: "no such login has begun", Hint: "begin again with authsome login",
		}
	}
	obtain := l.exchange
	if b.device != nil {
		obtain = l.awaitDevice
	}
	c, err := obtain(ctx, b, redirect)
	if err != nil {
		err := b.failed(err)
		if b.client.version == 0 { // no other login lives on it
			l.tidy(ctx, b.client)
		}
		l.record(authsome.EventLogin, b.ref, cmp.Or(err.Reason, string(err.Kind)), nil)
		return nil, err
	}
	return c, nil
}

func (l *Layer) exchange(ctx context.Context, b *begunLogin, redirect string) (*authsome.Connection, error) {
	code, err := oauth.ParseRedirect(redirect, b.state, b.spec.Issuer, b.spec.IssRequired)
	if err != nil {
		return nil, err
	}
	if err := b.moveTo(redirect); err != nil {
		return nil, err
	}
	// The exchange rotates nothing, but its answer is a grant that only we know of: see it through. To store it may take
	// longer than a request may, because another process refreshes what it replaces.
	ctx = context.WithoutCancel(ctx)
	token, err := l.exchangeCode(ctx, b, code)
	if err != nil {
		return nil, err
	}
	return l.admit(ctx, b, token)
}

func (l *Layer) exchangeCode(ctx context.Context, b *begunLogin, code authsome.Secret) (*oauth.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	client := l.loginClient(b)
	token, err := client.Exchange(ctx, code, b.redirectURI, b.verifier)
	if err != nil {
		return nil, err
	}
	return client.Extend(ctx, token)
}

// admit stores the connection that a login has led to.
func (l *Layer) admit(ctx context.Context, b *begunLogin, token *oauth.Token) (*authsome.Connection, error) {
	h, err := l.read(ctx, b.ref.Profile, b.ref.Provider)
	if err != nil {
		return nil, err
	}
	c := l.newRecord(h, authsome.LoginRequest{Ref: b.ref, Flow: b.flow, BaseURL: b.baseURL})
	c.bindTo(b.spec)
	token, err = l.introspected(ctx, l.loginClient(b), c)(token, nil)
	if err != nil {
		return nil, err
	}
	c.ClientID, c.Scopes, c.Requested = b.client.ClientID, b.scopes, b.scopes
	c.DynamicClient = b.client.Dynamic
	c.take(token, b.spec)
	l.learnHost(b.spec, c, token)
	if err := b.keepKey(c); err != nil {
		return nil, err
	}
	client := b.client
	if client.ClientID == "" {
		client = nil // the server knows no clients
	}
	done, err := l.connected(ctx, b.provider, h, newLogin{connection: c, client: client, server: b.found})
	if err != nil {
		return nil, err
	}
	l.learnAccount(ctx, b.provider, h, c, l.accountIn(b, token))
	done.Connection.Account = c.Account
	return done.Connection, nil
}

// failed is loginError with what mends a client that the provider refused.
func (b *begunLogin) failed(err error) *authsome.Error {
	e := loginError(b.ref, err)
	asked := b.spec.ClientAuth != authsome.ClientAuthNone && !b.client.Dynamic
	switch {
	case asOAuthError(e).Class == oauth.ClassClient && asked:
		e.Hint += " --force --client-id " + b.client.ClientID + " asks for the client secret again"
	case b.forced && e.Hint == loginAgain(b.ref): // which a good connection would answer
		e.Hint += " --force"
	}
	return e
}

// loginError makes any failure of a login one that says so.
func loginError(ref authsome.Ref, err error) *authsome.Error {
	if e, ok := errors.AsType[*authsome.Error](err); ok {
		return e
	}
	e := &authsome.Error{Kind: authsome.KindLoginFailed, Ref: ref, Err: err}
	answer, ok := errors.AsType[*oauth.Error](err)
	switch {
	case !ok:
		e.Message = fmt.Sprintf("login failed for %s: %v", ref, err)
	case answer.Code == "access_denied":
		e.Kind, e.Reason = authsome.KindCancelled, answer.Code
		e.Message = fmt.Sprintf("login to %s was refused at the provider", ref)
	case answer.Code == "expired_token":
		e.Reason = answer.Code
		e.Message = fmt.Sprintf("login failed for %s: nobody entered the code in time", ref)
	default:
		e.Reason = answer.Reason
		e.Message = fmt.Sprintf("login failed for %s: %s", ref, answer.Reason)
		if answer.Description != "" {
			e.Message += " (" + answer.Description + ")"
		}
	}
	e.Hint = loginAgain(ref)
	return e
}

func loginAgain(ref authsome.Ref) string { return "authsome login " + Arguments(ref) }

// unsupportedFlow refuses a flow and names the one that works.
func unsupportedFlow(p *authsome.Provider, flow authsome.Flow, can authsome.Flow) error {
	return &authsome.Error{
		Kind: authsome.KindUsage, Ref: authsome.Ref{Provider: p.Name},
		Message: fmt.Sprintf("the flow %q cannot be used to log in to %s", flow, p.Name),
		Hint:    fmt.Sprintf("authsome login %s --flow %s, or --with-token", p.Name, can),
	}
}
