package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"authsome"
	"authsome/internal/audit"
	"authsome/local"
)

type checkOptions struct {
	connection string
	within     time.Duration
	online     bool
	keepAlive  bool
}

func (a *app) checkCommand() *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use: "check [PROVIDER]", Short: "Say which connections need a login, for cron and CI", Args: between(0, 1),
		Long: "Look at every connection of the profile, or at those of one provider. Nothing is printed while all are good; else a\n" +
			"line for each that is not, with what mends it. The exit code is 6 when one needs a login. A token is refreshed where\n" +
			"it is due anyway; a refresh token is never used to see whether it works.",
		Example: "  authsome check --within 7d\n  authsome check github --online --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.connection != "" && len(args) == 0 {
				return usageError(cmd, "--connection needs a provider")
			}
			return a.check(cmd.Context(), args, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.connection, "connection", "", "the connection to look at (default: all of them)")
	f.Var((*length)(&o.within), "within", "also a login that is needed within this time is a problem: 7d, 12h")
	f.BoolVar(&o.online, "online", false, "ask the providers whether they accept the tokens, where there is something to ask")
	f.BoolVar(&o.keepAlive, "keep-alive", false, "refresh logins that would soon lapse from disuse")
	return cmd
}

// checked is what was found about one connection.
type checked struct {
	ref        authsome.Ref
	connection *authsome.Connection // nil: it cannot be described
	verdict    authsome.Verdict     // empty: nobody was asked
	problem    *authsome.Error      // nil: it is good
	warning    *authsome.Error      // what does not make it bad
}

func (a *app) check(ctx context.Context, args []string, o checkOptions) error {
	refs, layer, err := a.toCheck(ctx, args, o.connection)
	if err != nil {
		return err
	}
	all := make([]checked, 0, len(refs))
	for _, ref := range refs {
		c := a.checkOne(ctx, layer, ref, o)
		if authsome.KindOf(errorOf(c.problem)) == authsome.KindCancelled {
			return c.problem
		}
		if c.problem != nil {
			said := *c.problem
			said.Hint = a.hint(&said)
			c.problem = &said
		}
		all = append(all, c)
	}
	if a.flags.json {
		if err := a.printJSON(checkObject(all)); err != nil {
			return err
		}
	} else {
		a.printProblemsOf(all)
	}
	if code := exitCodeOfAll(all); code != 0 {
		return exitStatus(code)
	}
	return nil
}

// toCheck lists what is to be looked at.
func (a *app) toCheck(ctx context.Context, args []string, connection string) ([]authsome.Ref, authsome.AuthLayer, error) {
	if len(args) == 1 && connection != "" {
		layer, ref, err := a.at(ctx, args[0], connection)
		return []authsome.Ref{ref}, layer, err
	}
	layer, profile, err := a.inProfile(ctx)
	if err != nil {
		return nil, nil, err
	}
	var all []authsome.Connection
	if len(args) == 0 {
		all, err = layer.List(ctx, profile)
	} else {
		var p *authsome.ProviderState
		if p, err = layer.Provider(ctx, profile, authsome.ProviderName(args[0])); err == nil {
			all = p.Connections
		}
	}
	if err != nil {
		return nil, nil, err
	}
	var refs []authsome.Ref
	for _, c := range all {
		refs = append(refs, c.Ref)
	}
	if len(args) == 1 && len(refs) == 0 {
		ref, err := a.ref(args[0], "")
		return []authsome.Ref{ref}, layer, err // whose lookup says what is missing
	}
	return refs, layer, nil
}

// checkOne looks at one connection the way every access call does, and then at what is known about its future.
func (a *app) checkOne(ctx context.Context, layer authsome.AuthLayer, ref authsome.Ref, o checkOptions) checked {
	c, err := layer.Connection(ctx, ref, authsome.CredentialOptions{KeepAlive: o.keepAlive})
	if err != nil {
		return checked{ref: ref, problem: authsome.AsError(err)}
	}
	found := checked{ref: c.Ref, connection: c, warning: c.Warning}
	found.problem = a.needsLogin(c, o.within)
	if verifier, ok := layer.(authsome.Verifier); ok && o.online && found.problem == nil {
		found.verdict, err = verifier.Verify(ctx, c.Ref)
		switch {
		case err != nil:
			found.problem = authsome.AsError(err)
		case found.verdict == authsome.VerdictRejected:
			found.problem = rejectedProblem(c)
		}
	}
	return found
}

// needsLogin says why a person has to log in, now or soon.
func (a *app) needsLogin(c *authsome.Connection, within time.Duration) *authsome.Error {
	problem := &authsome.Error{Kind: authsome.KindRefreshFailed, Ref: c.Ref, Hint: loginCommand(c)}
	left := c.LoginNeededBy.Sub(a.env.Now())
	switch {
	case c.Status != authsome.StatusConnected && c.Warning != nil:
		problem.Message, problem.Reason, problem.Hint = c.Warning.Message, c.Warning.Reason, c.Warning.Hint
	case c.Status != authsome.StatusConnected:
		problem.Message, problem.Reason = fmt.Sprintf("%s is %s", c.Ref, c.Status), c.LastRefreshError
	case within > 0 && !c.LoginNeededBy.IsZero() && left <= within:
		problem.Reason = "login_needed_soon"
		problem.Message = fmt.Sprintf("%s needs a login by %s (%s)", c.Ref, text(c.LoginNeededBy), whoSays(c))
	default:
		return nil
	}
	return problem
}

// whoSays tells where the date of the next login comes from.
func whoSays(c *authsome.Connection) string {
	switch c.LoginNeededSource {
	case authsome.LifeFromProvider:
		return "the provider said so"
	case authsome.LifeFromCatalogue:
		if c.LoginNeededConfidence != "" {
			return "as the catalogue knows, confidence " + c.LoginNeededConfidence
		}
		return "as the definition says"
	default:
		return "as was said at the login"
	}
}

// rejectedProblem is a token that looks good here and not at the provider.
func rejectedProblem(c *authsome.Connection) *authsome.Error {
	problem := &authsome.Error{
		Kind: authsome.KindRefreshFailed, Ref: c.Ref, Reason: "rejected", Hint: loginCommand(c),
		Message: fmt.Sprintf("the provider does not accept the credential of %s", c.Ref),
	}
	if c.Refreshable {
		problem.Hint = "authsome get " + local.ArgumentsOf(*c) + " --refresh --field status, and if it stays, " + problem.Hint
	}
	return problem
}

// printProblemsOf writes a line for each connection that is not good. Cron sends what is printed, and nothing if there is
// nothing.
func (a *app) printProblemsOf(all []checked) {
	for _, c := range all {
		if c.problem == nil {
			continue
		}
		line := c.problem.Message
		if c.problem.Hint != "" {
			line += "; hint: " + c.problem.Hint
		}
		a.printf("%s\n", audit.Printable(line))
	}
}

func checkObject(all []checked) object {
	rows := make([]object, len(all))
	ok := true
	var states []authsome.Connection
	for i, c := range all {
		ok = ok && c.problem == nil
		rows[i] = c.object()
		if c.connection != nil {
			states = append(states, *c.connection)
		}
	}
	o := object{{"ok", ok}, {"checked", len(all)}}
	return append(append(o, count(states).members(true)...), member{"connections", rows})
}

func (c checked) object() object {
	o := object{{"provider", c.ref.Provider}, {"connection", c.ref.Connection}, {"profile", c.ref.Profile}, {"ok", c.problem == nil}}
	if c.connection != nil {
		o = append(o, object{
			{"status", c.connection.Status},
			{"expires_at", c.connection.ExpiresAt},
			{"login_needed_by", c.connection.LoginNeededBy},
			{"login_needed_source", c.connection.LoginNeededSource},
			{"login_needed_confidence", c.connection.LoginNeededConfidence},
		}...)
	}
	if c.verdict != "" {
		o = append(o, member{"online", c.verdict})
	}
	if c.problem != nil {
		o = append(o, object{{"error", c.problem.Kind}, {"message", c.problem.Message}, {"reason", c.problem.Reason}, {"hint", c.problem.Hint}}...)
	}
	if c.warning != nil && c.problem == nil {
		o = append(o, member{"warning", c.warning.Message})
	}
	return o
}

// exitCodeOfAll is 6 when a login is needed anywhere, and otherwise that of the first problem.
func exitCodeOfAll(all []checked) int {
	code := 0
	for _, c := range all {
		switch {
		case c.problem == nil:
		case c.problem.Kind == authsome.KindRefreshFailed:
			return exitCode(authsome.KindRefreshFailed)
		case code == 0:
			code = exitCode(c.problem.Kind)
		}
	}
	return code
}

// errorOf keeps a nil *Error from becoming an error that is not nil.
func errorOf(e *authsome.Error) error {
	if e == nil {
		return nil
	}
	return e
}
