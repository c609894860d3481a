package cli

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"authsome"
	"authsome/internal/audit"
	"authsome/internal/policy"
	"authsome/internal/provider"
	"authsome/internal/proxy"
	"authsome/local"
)

func (a *app) explainCommand() *cobra.Command {
	var o policyFlags
	var method string
	cmd := &cobra.Command{
		Use: "explain URL", Short: "Say what a run would do with a request, and why", Args: exactly(1),
		Long: "Say what authsome run, with the same flags and in the same directory, would do with a request: which definition and\n" +
			"connection it belongs to, what would be added to it, and which rule decides. Nothing is sent and nothing refreshed.\n" +
			"Exit code 0: it would go out. 10: it would be refused. 6: there is no usable credential for it.",
		Example: "  authsome explain https://api.github.com/user\n" +
			"  authsome explain --read-only --method DELETE https://api.github.com/repos/o/r",
		RunE: func(cmd *cobra.Command, args []string) error { return a.explain(cmd.Context(), args[0], method, o) },
	}
	o.register(cmd.Flags())
	cmd.Flags().StringVar(&method, "method", http.MethodGet, "the request's method")
	return cmd
}

func (a *app) explain(ctx context.Context, target, method string, o policyFlags) error {
	request, err := requestFor(target, method)
	if err != nil {
		return err
	}
	bounds, err := a.limits(o)
	if err != nil {
		return err
	}
	layer, err := a.auth(ctx)
	if err != nil {
		return err
	}
	chosen, err := a.chooseRoutes(ctx, layer, bounds)
	if err != nil {
		return err
	}
	asked := request.Clone(ctx) // the proxy writes some parts of what it is given anew
	e := proxy.Explain(proxy.Config{
		Routes: chosen.routes, Policy: policy.New(bounds.configuration(chosen, a.env.Now)), NewCredentials: chosen.newCredentials,
	}, request)
	v := a.verdictOn(e, chosen, request)
	v.file = bounds.path
	if v.connection == nil && !v.Own {
		v.miss(a.nearMiss(ctx, layer, bounds, chosen, asked))
	}
	if a.flags.json {
		err = a.printJSON(v.object(method, target))
	} else {
		err = a.printVerdict(v, request)
	}
	if err != nil || v.code == 0 {
		return err
	}
	return exitStatus(v.code)
}

// requestFor makes the request that is asked about.
func requestFor(target, method string) (*http.Request, error) {
	wrong := func(why string) error {
		return &authsome.Error{
			Kind: authsome.KindUsage, Message: fmt.Sprintf("%q: %s", target, why), Hint: "authsome explain https://api.github.com/user",
		}
	}
	u, err := url.Parse(target)
	switch {
	case err != nil:
		return nil, wrong("that is no URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, wrong("the URL is to begin with https:// or http://")
	case u.Host == "":
		return nil, wrong("there is no host")
	case u.User != nil:
		return nil, wrong("leave out the user and password")
	}
	u.Fragment = ""
	if u.Path == "" {
		u.Path = "/"
	}
	if method == "" || strings.ContainsFunc(method, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return nil, wrong(fmt.Sprintf("%q is no method", method))
	}
	return &http.Request{Method: method, URL: u, Host: u.Host, Header: http.Header{}}, nil
}

// verdict is the answer of explain.
type verdict struct {
	proxy.Explanation
	connection *authsome.Connection // that the request belongs to; nil: none
	refresh    string               // what happens to its credential first; empty: nothing
	dead       string               // why there is no usable credential; empty: there is one
	injects    []string
	file       string
	why        string
	couldBe    []string // providers that claim the host, and that there is no connection to
	code       int
}

// verdictOn adds to what the proxy says of a request what is known of the connection. The path is that of the request as the
// proxy would send it.
func (a *app) verdictOn(e proxy.Explanation, chosen *chosenRoutes, r *http.Request) verdict {
	v := verdict{Explanation: e}
	if e.Outcome == proxy.Refused {
		v.code = exitCode(authsome.KindDenied)
	}
	if e.Ref.Provider != "" {
		c := chosen.connections[e.Ref]
		v.connection = &c
		v.refresh, v.dead = a.freshness(c)
		for _, p := range chosen.definitions {
			if p.Name == e.Ref.Provider {
				v.injects = injects(p, c, r.URL)
			}
		}
	}
	v.why = reason(v, r)
	if v.dead != "" && v.Outcome == proxy.Injected {
		v.Outcome, v.Status, v.Reason = proxy.Refused, http.StatusBadGateway, string(authsome.KindRefreshFailed)
		v.code = exitCode(authsome.KindRefreshFailed)
	}
	if v.Outcome == proxy.Tunnelled {
		v.couldBe = a.couldBe(r.Context(), r.URL)
	}
	return v
}

// couldBe names the providers whose credential a request would get, were there a connection to one. A definition that cannot
// be read, or wants an address of one's own, is none of them.
func (a *app) couldBe(ctx context.Context, u *url.URL) []string {
	names := []string{}
	connected := a.connected(ctx)
	catalogue := a.catalogue()
	if catalogue == nil {
		return names
	}
	all, _, err := catalogue.All()
	if err != nil {
		return names
	}
	for _, p := range all {
		hosts, excluded, err := provider.Patterns(&p, "", "")
		isIt := func(ref authsome.Ref) bool { return ref.Provider == p.Name }
		if err == nil && authsome.MatchAny(hosts, u) && !authsome.MatchAny(excluded, u) && !slices.ContainsFunc(connected, isIt) {
			names = append(names, string(p.Name))
		}
	}
	return names
}

// freshness says what becomes of a connection's credential when it is used, as far as can be told without using it.
func (a *app) freshness(c authsome.Connection) (refresh, dead string) {
	now := a.env.Now()
	expired := !c.ExpiresAt.IsZero() && !now.Before(c.ExpiresAt)
	switch {
	case c.Status == authsome.StatusInvalid && expired, c.Status == authsome.StatusInvalid && c.ExpiresAt.IsZero():
		return "", "the provider has refused it: " + loginCommand(&c)
	case expired && !c.Refreshable:
		return "", "it has expired and cannot be refreshed: " + loginCommand(&c)
	case expired:
		return "it has expired, and would be refreshed first", ""
	case c.Refreshable && c.Status == authsome.StatusConnected && !c.ExpiresAt.IsZero() &&
		!now.Before(local.FreshUntil(c.ExpiresAt, c.ExpiresAt.Sub(c.ObtainedAt))):
		return "it is about to expire, and would be refreshed", ""
	default:
		return "", ""
	}
}

// reason says in one line why the request meets what it meets.
func reason(v verdict, r *http.Request) string {
	switch {
	case v.Outcome == proxy.Refused:
		return v.Message
	case v.Outcome == proxy.Injected:
		return fmt.Sprintf("it is for %s of %s", v.Pattern, v.Ref.Provider)
	case v.Own:
		return "it is for one of the provider's own OAuth endpoints, which never get the credential"
	case v.Outcome == proxy.Tunnelled:
		return fmt.Sprintf("%s belongs to no connected provider; its connections are passed on unseen", r.URL.Hostname())
	case r.URL.Scheme == "http":
		return "it is not encrypted, so it never gets a credential"
	default:
		return "no connected provider claims this path; the connection is decrypted, as other paths or the rules of this run demand"
	}
}

// injects names what is added to a request, without its value.
func injects(p *authsome.Provider, c authsome.Connection, u *url.URL) []string {
	if p.AuthType == authsome.AuthTypeSigV4 {
		return []string{"Authorization (AWS Signature Version 4)", "X-Amz-Date", "X-Amz-Security-Token, if there is a session"}
	}
	in := provider.Injection(p)
	variants, err := provider.Variants(p, c.BaseURL, c.APIHost)
	for _, v := range variants {
		if err == nil && authsome.MatchAny(v.Hosts, u) {
			in = v.Inject
		}
	}
	var names []string
	switch {
	case in.User != "" || in.Password != "" || in.Basic != "":
		names = append(names, "Authorization (Basic)")
	case in.Header != "":
		names = append(names, strings.TrimSpace(in.Header+" "+scheme(in.Prefix)))
	case !in.Mentions(p.AuthType.SecretField()):
		names = append(names, strings.TrimSpace("Authorization "+scheme(in.Prefix)))
	}
	names = append(names, slices.Sorted(maps.Keys(in.Headers))...)
	for _, name := range slices.Sorted(maps.Keys(in.Defaults)) {
		names = append(names, name+", if it is missing")
	}
	for _, name := range slices.Sorted(maps.Keys(in.Query)) {
		names = append(names, "query parameter "+name)
	}
	if p.OAuth != nil && p.OAuth.DPoP {
		names = append(names, "DPoP")
	}
	return names
}

// scheme puts what precedes a value into parentheses.
func scheme(prefix string) string {
	if prefix = strings.TrimSpace(prefix); prefix == "" {
		return ""
	}
	return "(" + prefix + ")"
}

func (v verdict) object(method, target string) object {
	o := object{
		{"url", target},
		{"method", method},
		{"outcome", v.Outcome},
		{"why", v.why},
		{"decrypted", v.Decrypted},
		{"provider", v.Ref.Provider},
		{"connection", v.Ref.Connection},
		{"pattern", v.Pattern},
		{"chosen_by", v.Only},
		{"injects", v.injects},
	}
	if c := v.connection; c != nil {
		o = append(o, member{"status", c.Status}, member{"expires_at", c.ExpiresAt}, member{"refresh", v.refresh}, member{"unusable", v.dead})
	}
	if v.Outcome == proxy.Refused {
		o = append(o, member{"http_status", v.Status}, member{"reason", v.Reason}, member{"rule", v.Rule}, member{"rule_at", v.RuleAt})
	}
	if v.couldBe != nil {
		o = append(o, member{"could_be", v.couldBe})
	}
	return append(o, member{"project_file", v.file})
}

func (a *app) printVerdict(v verdict, r *http.Request) error {
	answer := map[proxy.Outcome]string{
		proxy.Injected:  "goes out with the credential of " + v.Ref.String(),
		proxy.Passed:    "goes out as it is, without a credential",
		proxy.Tunnelled: "goes out as it is, without a credential",
		proxy.Refused:   fmt.Sprintf("is refused (%d)", v.Status),
	}[v.Outcome]
	if v.Reason == string(authsome.KindRefreshFailed) {
		answer += ": there is no usable credential"
	}
	a.printf("%s %s\n  %s\n", r.Method, audit.Printable(r.URL.Redacted()), answer)
	facts := object{{"why", v.why}}
	if v.Rule != "" {
		facts = append(facts, member{"rule", v.Rule}, member{"stands at", v.RuleAt})
	}
	if c := v.connection; c != nil {
		facts = append(facts, member{"definition", string(v.Ref.Provider) + ", " + v.Pattern})
		state := string(c.Status)
		if !c.ExpiresAt.IsZero() {
			state += ", until " + text(c.ExpiresAt)
		}
		facts = append(facts, member{"connection", string(v.Ref.Connection) + ": " + state}, member{"chosen by", v.Only},
			member{"credential", cmp.Or(v.dead, v.refresh)}, member{"adds", strings.Join(v.injects, ", ")})
	}
	if len(v.couldBe) > 0 {
		facts = append(facts, member{"could be", strings.Join(v.couldBe, ", ") + ": authsome login " + v.couldBe[0]})
	}
	return a.printMembers(append(facts, member{"project file", v.file}))
}
