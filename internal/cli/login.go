package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"authsome"
	"authsome/internal/shell"
	"authsome/local"
)

type loginOptions struct {
	connection string
	flow       string
	scopes     []string
	baseURL    string
	clientID   string
	issuer     string
	subject    string
	force      bool
	withToken  bool
	command    bool
	noBrowser  bool
}

func (a *app) loginCommand() *cobra.Command {
	var o loginOptions
	cmd := &cobra.Command{
		Use: "login PROVIDER|URL", Short: "Log in to a provider, once", Args: exactly(1),
		Long: "Log in to a provider, once. A URL is that of an MCP server or of an OpenID Connect issuer: how to log in there is\n" +
			"found out, and the server is known by the name that is printed from then on.",
		Example: "  authsome login github\n  authsome login openai --with-token < key.txt\n" +
			"  authsome login github --from-command\n" +
			"  authsome login https://mcp.example.com/mcp",
		RunE: func(cmd *cobra.Command, args []string) error {
			return orByAddress(args[0], a.login(cmd.Context(), args[0], o))
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.connection, "connection", "", `name of this login (default: the provider's default one, at first "default")`)
	f.StringVar(&o.flow, "flow", "", "way of logging in, such as pkce or device_code (default: what fits)")
	f.StringSliceVar(&o.scopes, "scopes", nil, "scopes to ask for, separated by commas")
	f.StringVar(&o.baseURL, "base-url", "", "address of a self-hosted instance")
	f.StringVar(&o.clientID, "client-id", "", "OAuth client to use (its secret is asked for)")
	f.StringVar(&o.issuer, "accept-issuer", "", "issuer to go on with, where a server names another one than before")
	f.StringVar(&o.subject, "subject", "", "connection whose token is exchanged, as PROVIDER or PROVIDER=CONNECTION")
	f.BoolVar(&o.force, "force", false, "log in although there is a good connection")
	f.BoolVar(&o.withToken, "with-token", false, "read the API key or token from standard input")
	f.BoolVar(&o.command, "from-command", false, "store what the service's own program prints as its token, once")
	f.BoolVar(&o.noBrowser, "no-browser", false, "print the address to visit instead of opening a browser")
	return cmd
}

func (a *app) login(ctx context.Context, provider string, o loginOptions) error {
	if flows := allFlows(); o.flow != "" && !slices.Contains(flows, authsome.Flow(o.flow)) {
		return &authsome.Error{
			Kind: authsome.KindUsage, Message: fmt.Sprintf("there is no flow %q, only %s", o.flow, joined(flows)),
			Hint: "authsome inspect " + provider,
		}
	}
	provider, err := a.providerAt(ctx, provider)
	if err != nil {
		return err
	}
	layer, ref, err := a.at(ctx, provider, o.connection)
	if err != nil {
		return err
	}
	req := authsome.LoginRequest{
		Ref: ref, Flow: authsome.Flow(o.flow), Scopes: o.scopes, BaseURL: o.baseURL, Force: o.force,
		AcceptIssuer: o.issuer,
		Fields:       make(map[authsome.FieldName]authsome.Secret),
	}
	if subject, name, _ := strings.Cut(o.subject, "="); subject != "" {
		req.Subject = authsome.Ref{Provider: authsome.ProviderName(subject), Connection: authsome.ConnectionName(name)}
	}
	if o.clientID != "" {
		req.Fields[authsome.FieldClientID] = authsome.NewSecret(o.clientID)
	}
	s := &loginSession{app: a, layer: layer, options: o, ref: ref}
	if token, err := a.givenToken(ctx, layer, ref, o); err != nil {
		// What the program has printed is told to the person only.
		a.recordFailedLogin(s.meant(context.WithoutCancel(ctx), ref), err, "the service's own program has given no token", nil)
		return err
	} else if !token.IsZero() {
		req.Fields[authsome.FieldAccessToken] = token
	}
	if a.env.Heed != nil {
		a.env.Heed() // whoever is asked to visit an address may give up at once
	}
	if s.prefersDevice(ctx, ref) {
		req.Flow = authsome.FlowDeviceCode
	}
	defer s.close()
	done, err := s.steps(ctx, req)
	s.finish(err)
	if err != nil {
		return s.blamed(sayConnection(err, ref))
	}
	return a.printLogin(done, o)
}

// sayConnection has the hint of a login that fails name the connection when it was named before: it may be called default, and another
// one be meant where none is named.
func sayConnection(err error, ref authsome.Ref) error {
	if ref.Connection != authsome.DefaultConnection {
		return err
	}
	return amended(err, func(e *authsome.Error) {
		e.Hint = withFlag(e.Hint, ref.Provider, "--connection "+string(ref.Connection))
	})
}

// allFlows are the ways of logging in that a person may choose.
func allFlows() []authsome.Flow {
	return []authsome.Flow{
		authsome.FlowPKCE, authsome.FlowDeviceCode, authsome.FlowDCRPKCE, authsome.FlowClientCredentials,
		authsome.FlowJWTBearer, authsome.FlowTokenExchange, authsome.FlowAPIKey, authsome.FlowBasic, authsome.FlowSigV4,
	}
}

// joined is a list in a sentence.
func joined[T ~string](all []T) string {
	words := make([]string, len(all))
	for i, w := range all {
		words[i] = string(w)
	}
	return strings.Join(words, ", ")
}

// orByAddress adds to the hint what may have been meant by a name that looks like a host's.
func orByAddress(name string, err error) error {
	if authsome.KindOf(err) != authsome.KindProviderNotFound || !strings.Contains(name, ".") {
		return err
	}
	return amended(err, func(e *authsome.Error) { e.Hint += ", or for a server by its address: authsome login https://" + name })
}

// providerAt returns the name of what a person names by its URL; a name is returned as it is.
func (a *app) providerAt(ctx context.Context, nameOrURL string) (string, error) {
	if !strings.Contains(nameOrURL, "://") {
		if strings.Contains(nameOrURL, "/") {
			return "", &authsome.Error{
				Kind: authsome.KindUsage, Message: fmt.Sprintf("%q is neither the name of a provider nor a URL", nameOrURL),
				Hint: "authsome login " + shell.Word("https://"+nameOrURL),
			}
		}
		return nameOrURL, nil
	}
	layer, err := a.auth(ctx)
	if err != nil {
		return "", err
	}
	p, err := layer.Discover(ctx, nameOrURL)
	if err != nil {
		return "", a.undiscovered(nameOrURL, err)
	}
	a.say("%s is known as %s", nameOrURL, p.Name)
	if elsewhere := hostsBesides(p, nameOrURL); len(elsewhere) > 0 {
		a.say("by its own account its tokens are for %s", strings.Join(elsewhere, ", "))
	}
	return string(p.Name), nil
}

// undiscovered puts on record that a login has failed before its provider had a name. An address may hold what is nobody's business, so
// only its host is told.
func (a *app) undiscovered(address string, err error) error {
	profile, profileErr := a.profile()
	u, parseErr := url.Parse(address)
	if profileErr != nil || parseErr != nil {
		return err
	}
	a.recordFailedLogin(authsome.Ref{Profile: profile}, err, "no metadata that can be used", map[string]string{"host": u.Host})
	return err
}

// hostsBesides returns where the credential of a discovered provider goes that is at another host than what it was discovered by.
func hostsBesides(p *authsome.Provider, at string) []string {
	u, err := url.Parse(at)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(p.Hosts), func(h string) bool {
		pattern, err := authsome.ParseHostPattern(h)
		return err == nil && strings.EqualFold(pattern.Host(), u.Hostname())
	})
}

// givenToken returns the token that the person has already, or none.
func (a *app) givenToken(
	ctx context.Context, layer authsome.AuthLayer, ref authsome.Ref, o loginOptions,
) (authsome.Secret, error) {
	switch {
	case o.withToken && o.command:
		return authsome.Secret{}, &authsome.Error{
			Kind: authsome.KindUsage, Message: "--with-token and --from-command exclude each other",
		}
	case o.withToken:
		return a.readToken(ctx, ref)
	case o.command:
		return a.tokenFromCommand(ctx, layer, ref, o)
	default:
		return authsome.Secret{}, nil
	}
}

// maxStdin bounds what the command takes from standard input, in bytes: all of it is small.
const maxStdin = 1 << 20

// readStdin reads standard input to its end, or until ctx ends.
func (a *app) readStdin(ctx context.Context) ([]byte, error) {
	return orCancelled(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(a.env.Stdin, maxStdin)) })
}

// readToken reads a key or token from standard input, and asks for it where that is a terminal.
func (a *app) readToken(ctx context.Context, ref authsome.Ref) (authsome.Secret, error) {
	read := a.readStdin
	if ask := a.env.UI.ReadPasted; ask != nil {
		read = func(ctx context.Context) ([]byte, error) { return ask(ctx, "Key or token of "+string(ref.Provider)) }
	}
	b, err := read(ctx)
	if err != nil {
		return authsome.Secret{}, fmt.Errorf("read the token from standard input: %w", err)
	}
	token := authsome.NewSecret(strings.TrimSpace(string(b)))
	if token.IsZero() {
		return token, &authsome.Error{
			Kind: authsome.KindUsage, Message: "there is no token on standard input",
			Hint: "authsome login " + local.Arguments(ref) + " --with-token < FILE",
		}
	}
	return token, nil
}

func (a *app) printLogin(done *authsome.Authorization, o loginOptions) error {
	c := done.Connection
	status, verb := "connected", "connected to"
	if done.AlreadyConnected {
		status, verb = "already_connected", "already connected to"
	}
	if a.flags.json {
		return a.printJSON(object{
			{"status", status},
			{"provider", c.Provider},
			{"connection", c.Ref.Connection},
			{"profile", c.Profile},
			{"scopes", c.Scopes},
			{"expires_at", c.ExpiresAt},
			{"account", accountObject(c.Account)},
			{"scopes_missing", missingScopes(c)},
		})
	}
	as := ""
	if c.Account.Label != "" {
		as = " as " + c.Account.Label
	}
	a.say("%s %s%s", verb, c.Ref, as)
	if missing := missingScopes(c); len(missing) > 0 && !done.AlreadyConnected {
		a.warn(&authsome.Error{
			Message: "the provider did not grant " + strings.Join(missing, ", "),
			Hint:    "what needs it will fail; " + loginCommand(c) + " asks again",
		})
	}
	switch {
	case !done.AlreadyConnected:
	case o.withToken:
		a.say("what came on standard input was not stored; %s --with-token replaces what is", loginCommand(c))
	case o.command:
		a.say("%s --from-command takes over what the command prints now", loginCommand(c))
	default:
		a.say("%s logs in again", loginCommand(c))
	}
	return nil
}

// loginSession walks through the steps of one login and keeps the pages that are open in the browser meanwhile.
type loginSession struct {
	app     *app
	layer   authsome.AuthLayer
	options loginOptions
	ref     authsome.Ref // as it was named
	pages   []page

	secretFrom string // the environment variable that the client secret came from; empty: none
}

// blamed tells that a client secret which was refused is the environment's: to log in again takes the same one again.
func (s *loginSession) blamed(err error) error {
	if s.secretFrom == "" || authsome.AsError(err).Reason != reasonRefusedClient {
		return err
	}
	return amended(err, func(e *authsome.Error) {
		e.Hint = fmt.Sprintf("correct $%s, or unset it to be asked, and try again: authsome login %s --force", s.secretFrom, local.Arguments(s.ref))
	})
}

// reasonRefusedClient is the code of RFC 6749 section 5.2 for a client that could not show who it is.
const reasonRefusedClient = "invalid_client"

// page is something in a browser that waits to be told how the login went.
type page interface {
	Finish(err error)
	Close() error
}

// steps asks the layer what comes next until the login is done.
func (s *loginSession) steps(ctx context.Context, req authsome.LoginRequest) (*authsome.Authorization, error) {
	var callback redirectReceiver
	asked := make(map[authsome.FieldName]bool)
	for {
		next, err := s.layer.Authorize(ctx, req)
		switch {
		case err != nil:
			return nil, err
		case next.Connection != nil:
			return next, nil
		case next.Fields != nil && allAsked(next.Fields, asked):
			err = &authsome.Error{
				Kind: authsome.KindLoginFailed, Ref: req.Ref, Message: "the " + labels(required(next.Fields)) + " cannot be left empty",
				Hint: "authsome login " + local.Arguments(req.Ref),
			}
		case next.Fields != nil:
			err = s.ask(ctx, next, req.Fields)
		case next.Redirect != nil:
			callback, err = s.listen(next)
			if err == nil {
				req.RedirectURI = callback.RedirectURI()
			}
		case next.Device != nil:
			return s.letIn(ctx, next)
		default:
			var redirect string
			if redirect, err = s.visit(ctx, next, callback); err == nil {
				return s.complete(ctx, next, redirect)
			}
		}
		if err != nil {
			return nil, s.givenUp(ctx, req.Ref, err)
		}
	}
}

// complete hands the provider's answer to the layer.
func (s *loginSession) complete(ctx context.Context, step *authsome.Authorization, redirect string) (*authsome.Authorization, error) {
	c, err := s.layer.Complete(ctx, step.ID, redirect)
	if err != nil {
		return nil, err
	}
	return &authsome.Authorization{Provider: step.Provider, Connection: c}, nil
}

// givenUp puts on record that a login has failed between two calls of the layer, which records what fails in them.
// It says which login that was.
func (s *loginSession) givenUp(ctx context.Context, ref authsome.Ref, err error) error {
	ref = s.meant(context.WithoutCancel(ctx), ref)
	s.app.recordFailedLogin(ref, err, err.Error(), nil)
	return amended(err, func(e *authsome.Error) { e.Ref = ref })
}

// recordFailedLogin puts on record why a login has failed: the reason that err has, or else the given one. What is wrong with the
// arguments is no login.
func (a *app) recordFailedLogin(ref authsome.Ref, err error, reason string, detail map[string]string) {
	e := authsome.AsError(err)
	switch {
	case e.Kind == authsome.KindCancelled, errors.Is(err, context.Canceled):
		reason = string(authsome.KindCancelled)
	case e.Kind == authsome.KindLoginFailed, e.Kind == authsome.KindInternal: // the latter such as a listener that cannot be opened
		reason = cmp.Or(e.Reason, reason)
	default:
		return
	}
	if err := a.recordEvent(authsome.Event{Name: authsome.EventLogin, Ref: ref, Failed: true, Reason: reason, Detail: detail}); err != nil {
		a.warn(authsome.AsError(err))
	}
}

// meant names the connection that a login without one is about.
func (s *loginSession) meant(ctx context.Context, ref authsome.Ref) authsome.Ref {
	if ref.Connection != "" {
		return ref
	}
	ref.Connection = authsome.DefaultConnection
	all, _ := s.layer.List(ctx, ref.Profile) // what cannot be read has no other name
	for _, c := range all {
		if c.Provider == ref.Provider && c.Default {
			ref.Connection = c.Ref.Connection
		}
	}
	return ref
}

// allAsked reports whether a person has been asked for all of the fields before, and notes that they are now.
func allAsked(fields []authsome.Field, asked map[authsome.FieldName]bool) bool {
	all := true
	for _, f := range fields {
		all = all && asked[f.Name]
		asked[f.Name] = true
	}
	return all
}

// finish tells the pages how it went, so that the person need not look at the terminal.
func (s *loginSession) finish(err error) {
	for _, p := range s.pages {
		p.Finish(err)
	}
}

func (s *loginSession) close() {
	for _, p := range s.pages {
		_ = p.Close()
	}
}
