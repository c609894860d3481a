package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"authsome"
	"authsome/internal/run"
	"authsome/internal/sandbox"
	"authsome/internal/standing"
)

// readyLine is what a proxy prints when agents can be added.
const readyLine = "the proxy listens on "

// alreadyRunning is what a second proxy says of one place.
const alreadyRunning = "the proxy is running already"

func (a *app) proxyRunCommand(o *proxyOptions) *cobra.Command {
	cmd := &cobra.Command{
		Use: "run", Short: "Be the proxy, in the foreground, until told to stop", Args: exactly(0),
		Long: "Be the proxy, in the foreground, as a service manager wants it. A signal ends it, and its agents still have access\n" +
			"when it is started again; authsome proxy stop makes it forget them.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			return a.serveProxy(cmd.Context(), o, serverFlags(cmd))
		},
	}
	o.serverFlags(cmd)
	return cmd
}

// serverFlags are the flags of what makes a proxy.
func (o *proxyOptions) serverFlags(cmd *cobra.Command) {
	o.run.addFlags(cmd)
	cmd.Flags().StringVar(&o.listen, "listen", "", "ADDRESS:PORT on loopback (default: the port it had, or any)")
	cmd.Flags().Var((*length)(&o.idle), "idle", "stop when no agent has had a connection for so long (default: never)")
}

func (o *proxyOptions) check(cmd *cobra.Command) error {
	if o.listen != "" {
		at, err := netip.ParseAddrPort(o.listen)
		if err != nil || !at.Addr().IsLoopback() {
			return usageError(cmd, fmt.Sprintf("--listen wants an address of loopback and a port, such as 127.0.0.1:8399, not %q", o.listen))
		}
	}
	return nil
}

// serverFlags returns the flags that were given to make a proxy, as arguments. Those about the first agent and the output
// of the command are left out.
func serverFlags(cmd *cobra.Command) []string {
	flags := []string{}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch f.Name {
		case "name", "for", "format", "replace", "json", "quiet", "no-color", "verbose":
			return
		}
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, v := range values {
			flags = append(flags, "--"+f.Name+"="+v)
		}
	})
	return flags
}

// serveProxy is the life of a proxy that stays open. Before its certificate authority gets old a new one takes its place,
// which cuts what is open then: programs that read the file again go on.
func (a *app) serveProxy(ctx context.Context, o *proxyOptions, flags []string) (err error) {
	if err := sandbox.Protect(); err != nil {
		a.warn(authsome.AsError(err))
	}
	dir, project, err := a.proxyDir(o)
	if err != nil {
		return err
	}
	files, err := run.Claim(dir)
	if errors.Is(err, run.ErrInUse) {
		return &authsome.Error{Kind: authsome.KindUsage, Message: alreadyRunning, Hint: "authsome proxy status" + o.projectFlag(), Err: err}
	}
	if err != nil {
		return err
	}
	profile, err := a.profile()
	if err != nil {
		return errors.Join(err, files.Release())
	}
	s := &standingProxy{app: a, o: o, files: files}
	first := standing.State{Profile: string(profile), Project: project, Flags: flags}
	first.Dir, _ = os.Getwd() // one that is gone has no project's file
	if first.Outward, err = a.outward(dir); err != nil {
		return errors.Join(err, files.Release())
	}
	s.server, err = standing.Open(dir, first, a.env.Now)
	if err != nil {
		return errors.Join(err, files.Release())
	}
	if err := a.recordRun(authsome.EventRunStart, "authsome-proxy", nil); err != nil {
		return errors.Join(err, s.server.Close(false), files.Release())
	}
	next := renew
	for next == renew && err == nil {
		next, err = s.serve(ctx)
	}
	code := exitCodeOf(err)
	err = errors.Join(err, a.recordRun(authsome.EventRunEnd, "authsome-proxy", &code))
	if next == forget {
		return errors.Join(err, s.server.Close(true), files.Close())
	}
	return errors.Join(err, s.server.Close(false), files.Release())
}

func exitCodeOf(err error) int {
	if err == nil {
		return 0
	}
	return exitCode(authsome.KindOf(err))
}

// standingProxy is a proxy that stays open.
type standingProxy struct {
	app    *app
	o      *proxyOptions
	files  *run.Files
	server *standing.Server
	said   bool // that it is ready
}

// ending says what comes after a proxy.
type ending int

const (
	renew  ending = iota // the next one
	pause                // the next one, when somebody starts it
	forget               // nothing
)

// serve is the life of one certificate authority.
func (s *standingProxy) serve(ctx context.Context) (ending, error) {
	a := s.app
	bounds, err := a.limits(s.o.run.policyFlags)
	if err != nil {
		return pause, err
	}
	layer, err := a.auth(ctx)
	if err != nil {
		return pause, err
	}
	chosen, err := a.chooseRoutes(ctx, layer, bounds)
	if err != nil {
		return pause, err
	}
	resolve, err := a.resolutions(s.o.run.resolve)
	if err != nil {
		return pause, err
	}
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	b, err := s.listen(inner, layer, chosen, resolve, bounds)
	if err != nil {
		return pause, err
	}
	next, err := s.attend(ctx, b)
	return next, errors.Join(err, b.close())
}

// listen opens the proxy where it was, if it can: the agents know no other address.
func (s *standingProxy) listen(
	ctx context.Context, layer authsome.AuthLayer, chosen *chosenRoutes, resolve map[string]string, bounds *limits,
) (*broker, error) {
	who := brokerFor{agents: true, listen: s.o.listen}
	if who.listen == "" {
		who.listen = s.server.Address()
	}
	b, err := s.app.startBroker(ctx, layer, chosen, resolve, bounds, who)
	if err == nil || who.listen == "" {
		return b, err
	}
	hint := "authsome proxy stop" + s.o.projectFlag() + " forgets the address, and the agents that know it"
	if s.o.listen != "" {
		hint = "choose another address with --listen"
	}
	return nil, &authsome.Error{
		Kind: authsome.KindInternal, Message: fmt.Sprintf("the proxy cannot listen on %s: %v", who.listen, err), Err: err, Hint: hint,
	}
}

// attend lets agents come to a broker until something ends it.
func (s *standingProxy) attend(ctx context.Context, b *broker) (ending, error) {
	a := s.app
	if err := s.files.Write(b.ca.CertificatePEM(), a.env.Environ); err != nil {
		return pause, err
	}
	certificate := b.ca.Certificate()
	renews := certificate.NotBefore.Add(certificate.NotAfter.Sub(certificate.NotBefore) / 2)
	settings := func() run.Settings {
		now := b.chosen.Load().settings
		now.Proxy, now.Files = b.address, s.files.Paths
		return now
	}
	if err := s.server.Attach(b.proxy, b.address, settings, renews); err != nil {
		return pause, err
	}
	if !s.said {
		s.said = true
		a.sayReady(readyLine+b.address, object{{"address", b.address}})
	}
	tick := time.NewTicker(s.patience())
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return pause, nil
		case <-s.server.Stopped():
			return forget, nil
		case <-tick.C:
		}
		now := a.env.Now()
		if !now.Before(renews) {
			return renew, nil
		}
		if since := s.server.IdleSince(); s.o.idle > 0 && !since.IsZero() && now.Sub(since) >= s.o.idle {
			return forget, nil
		}
	}
}

// patience is how often a proxy looks at the clock.
func (s *standingProxy) patience() time.Duration {
	if s.o.idle > 0 {
		return min(max(s.o.idle/4, 50*time.Millisecond), time.Minute)
	}
	return time.Minute
}

// forgetState removes what a proxy that is not running has left.
func forgetState(dir string) error {
	files, err := run.Claim(dir)
	if err != nil {
		return err
	}
	return files.Close()
}

// stopAndWait has a proxy end and waits until it has.
func stopAndWait(ctx context.Context, client *standing.Client, dir string) error {
	if err := client.Stop(ctx); err != nil {
		return err
	}
	for {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) { // its removal is the last that the proxy does
			return nil
		}
		if err := moment(ctx); err != nil {
			return err
		}
	}
}
