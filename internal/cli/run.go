package cli

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/spf13/cobra"

	"authsome"
	"authsome/internal/audit"
	"authsome/internal/keepalive"
	"authsome/internal/mitm"
	"authsome/internal/peer"
	"authsome/internal/policy"
	"authsome/internal/proxy"
	"authsome/internal/run"
	"authsome/local"
)

type runOptions struct {
	policyFlags
	resolve []string // HOST:PORT:ADDRESS, as curl writes it
	sandbox sandboxOptions
}

func (a *app) runCommand() *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run [flags] -- COMMAND [ARGUMENT]...",
		Short: "Run a command whose requests get the credentials, but which holds none",
		Long: "Run a command behind a proxy on this machine that adds your credentials to its requests for the hosts of the\n" +
			"providers you are connected to. The command itself sees placeholders only. All other traffic passes untouched.",
		Example: "  authsome run -- claude\n  authsome run --only github -- curl https://api.github.com/user\n" +
			"  authsome run --read-only --deny 'api.github.com/orgs/**' -- COMMAND",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError(cmd, "there is no command to run")
			}
			return a.run(cmd.Context(), args, o)
		},
	}
	cmd.Flags().SetInterspersed(false) // what follows the command is the command's
	o.addFlags(cmd)
	o.sandbox.flags(cmd.Flags())
	return cmd
}

// addFlags adds the flags that say what a proxy does, be it for one command or for agents that come and go.
func (o *runOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	o.register(f)
	f.StringArrayVar(&o.resolve, "resolve", nil, "HOST:PORT:ADDRESS[:PORT] to connect to in place of what DNS says")
}

// run starts the proxy and the child, and ends with the child's own exit code.
func (a *app) run(ctx context.Context, args []string, o runOptions) error {
	bounds, err := a.limits(o.policyFlags)
	if err != nil {
		return err
	}
	box, err := a.openBox(o.sandbox) // and from here on, nobody reads the memory of this process
	if err != nil {
		return err
	}
	defer box.close()
	layer, err := a.auth(ctx)
	if err != nil {
		return err
	}
	chosen, err := a.chooseRoutes(ctx, layer, bounds)
	if err != nil {
		return err
	}
	resolve, err := a.resolutions(o.resolve)
	if err != nil {
		return err
	}
	a.warnOfDeadBroker(ctx)
	// Ctrl-C at the terminal goes to the child, which may have a use for it; the run lasts as long as the child does.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	b, err := a.startBroker(ctx, layer, chosen, resolve, bounds, brokerFor{box: box})
	if err != nil {
		return err
	}
	files, err := run.Prepare(filepath.Join(a.home, local.RunDir), b.ca.CertificatePEM(), a.env.Environ)
	if err != nil {
		return errors.Join(err, b.close())
	}
	settings := chosen.settings
	settings.Proxy, settings.User, settings.Password, settings.Files = b.address, proxyUser, b.password, files.Paths
	child := run.Command{Args: args, Env: append(run.Environ(a.env.Environ, settings), envBroker+"="+b.address)}
	if err := box.enter(ctx, a, o.sandbox, files.Paths, &child); err != nil {
		return errors.Join(err, b.close(), files.Close())
	}
	a.warnOfLogins(chosen)
	if err := a.recordRun(authsome.EventRunStart, args[0], nil); err != nil {
		return errors.Join(err, b.close(), files.Close())
	}
	code, err := child.Run(ctx)
	closeErr := errors.Join(b.close(), files.Close()) // first, so that what the run did is on record before its end
	endErr := a.recordRun(authsome.EventRunEnd, args[0], &code)
	if err != nil {
		a.printRunError(code, authsome.AsError(err))
	}
	for _, problem := range []error{closeErr, endErr} {
		if problem != nil {
			a.warn(authsome.AsError(problem)) // the exit code is the child's in any case
		}
	}
	box.warnOfLater(a)
	if code != 0 {
		return exitStatus(code)
	}
	return nil
}

// warnOfLogins says which logins have ended, or that there is none, while the person who started the run is still looking.
func (a *app) warnOfLogins(chosen *chosenRoutes) {
	if profile, err := a.profile(); err == nil && len(chosen.connections) == 0 && !a.flags.quiet && !a.flags.json {
		a.tell("note: there are no connections%s that this run may use; its requests go out without credentials", inProfile(profile))
	}
	byName := func(a, b authsome.Ref) int { return strings.Compare(a.String(), b.String()) }
	for _, ref := range slices.SortedFunc(maps.Keys(chosen.connections), byName) {
		c := chosen.connections[ref]
		if loginNeeded(c) != loginNow {
			continue
		}
		a.warn(&authsome.Error{
			Message: fmt.Sprintf("%s has ended and needs a login: %s", c.Ref, cmp.Or(c.LastRefreshError, string(c.Status))),
			Hint:    loginCommand(&c),
		})
	}
}

// printRunError says why a run has failed: on standard error, since standard output is the child's, unless there was none.
func (a *app) printRunError(code int, e *authsome.Error) {
	if code == run.ExitNotFound || code == run.ExitNotExecutable {
		a.printError(e)
		return
	}
	a.printErrorText(e)
}

// recordRun writes the start or the end of a run. Arguments are not written: they may hold anything.
func (a *app) recordRun(name authsome.EventName, command string, code *int) error {
	profile, err := a.profile()
	if err != nil {
		return err
	}
	detail := map[string]string{"command": filepath.Base(command)}
	if code != nil {
		detail["exit_code"] = strconv.Itoa(*code)
	}
	return a.record(name, authsome.Ref{Profile: profile}, detail)
}

// proxyUser is the name that the child logs in to the proxy with. The password is another one for every run.
const proxyUser = "authsome"

// maxPerAgent bounds the connections of one of several agents, so that one leaves something to the others.
const maxPerAgent = 4096

// broker is the proxy of one run.
type broker struct {
	ca       *mitm.CA
	password authsome.Secret
	address  string
	proxy    *proxy.Proxy
	chosen   atomic.Pointer[chosenRoutes] // what it goes by now
	trail    *audit.Buffer
	served   chan error
	stop     context.CancelFunc // ends what goes on beside the proxy
	beside   sync.WaitGroup
}

// brokerFor says whom a broker is for; the zero value is one child, which alone has the password.
type brokerFor struct {
	agents bool   // for those that are admitted to it, and nobody else
	listen string // where; empty: on loopback, at any port
	box    *sandboxed
}

func (a *app) startBroker(
	ctx context.Context, layer authsome.AuthLayer, chosen *chosenRoutes, resolve map[string]string, bounds *limits,
	who brokerFor,
) (*broker, error) {
	if err := a.checkProxy(); err != nil {
		return nil, err
	}
	ca, err := mitm.NewCA(a.env.Now)
	if err != nil {
		return nil, err
	}
	trail, err := a.auditLog()
	if err != nil {
		return nil, err
	}
	cfg, err := a.config()
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	b := &broker{
		ca: ca, password: authsome.NewSecret(rand.Text()), trail: trail.Buffered(), served: make(chan error, 1), stop: stop,
	}
	var source authsome.CredentialSource = layer
	changed, logins := split(ctx, changes(ctx, layer))
	if cfg.AuditRequired {
		source, changed = auditedSource{layer, b.trail}, either(ctx, changed, b.trail.Health())
	}
	password, except, most := b.password, "", 0
	if who.agents {
		// It outlives the run that it may have been started in, whose proxy it must not depend on.
		password, except, most = authsome.Secret{}, a.env.getenv(envBroker), maxPerAgent
	}
	restrictions := policy.New(bounds.configuration(chosen, a.env.Now))
	b.chosen.Store(chosen)
	b.proxy, err = proxy.New(proxy.Config{
		Routes: chosen.routes, Source: source, CA: ca, User: proxyUser, Password: password, MaxPerAgent: most,
		Recognize: who.box.recognizer(b.password), Contained: who.box != nil, TrustUpstreamProxy: who.box != nil && who.box.trustProxy,
		Policy: restrictions, NewCredentials: chosen.newCredentials,
		Resolve: resolve, RootCAs: a.upstreamRoots(), UpstreamProxy: a.environmentProxy(except),
		Recorder: b.trail, Logger: a.log, Now: a.env.Now,
		Changed: changed, OwnProcess: true,
	})
	if err != nil {
		stop()
		return nil, errors.Join(err, b.trail.Close())
	}
	if keeper, ok := layer.(authsome.Keeper); ok {
		b.beside.Go(func() { keepalive.Run(ctx, keeper, cmp.Or(a.env.Settle, keepalive.Settle), a.env.Now, a.log) })
	}
	if logins = either(ctx, logins, a.agreements(ctx)); logins != nil {
		f := &follower{
			app: a, layer: layer, bounds: bounds, policy: restrictions, proxy: b.proxy, chosen: chosen, learn: b.chosen.Store,
		}
		b.beside.Go(func() { f.run(ctx, logins) })
	}
	listener, err := who.box.open(ctx, cmp.Or(who.listen, "127.0.0.1:0"))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the proxy's port: %w", err), b.close())
	}
	b.address = listener.Addr().String()
	go func() { b.served <- b.proxy.Serve(listener) }()
	return b, nil
}

// recognize finds the login of clients that cannot send any, such as Java's, in the environment that they run in.
func recognize(client net.Conn) (user string, password authsome.Secret, ok bool) {
	from, err := netip.ParseAddrPort(client.RemoteAddr().String())
	if err != nil {
		return "", authsome.Secret{}, false
	}
	to, err := netip.ParseAddrPort(client.LocalAddr().String())
	if err != nil {
		return "", authsome.Secret{}, false
	}
	return peer.ProxyLogin(from, to)
}

// changes tells when credentials may have changed, if the layer can.
func changes(ctx context.Context, layer authsome.AuthLayer) <-chan struct{} {
	if w, ok := layer.(authsome.Watcher); ok {
		return w.Changed(ctx)
	}
	return nil
}

// close ends the proxy and writes what is left of the audit log.
func (b *broker) close() error {
	b.stop()
	b.beside.Wait()
	err := b.proxy.Close()
	if b.address != "" {
		err = errors.Join(err, <-b.served)
	}
	if logErr := b.trail.Close(); logErr != nil {
		err = errors.Join(err, fmt.Errorf("the audit log of this run is incomplete: %w", logErr))
	}
	return err
}
