package cli

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"authsome"
	"authsome/internal/keysource"
	"authsome/internal/run"
	"authsome/internal/sandbox"
	"authsome/local"
)

// sandboxOptions are the flags of run that are about the sandbox.
type sandboxOptions struct {
	on         bool
	hide       []string
	write      []string
	trustProxy bool
}

func (o *sandboxOptions) flags(f *pflag.FlagSet) {
	f.BoolVar(&o.on, "sandbox", false, "keep the command from your vault, your other programs, and any network but the proxy (Linux)")
	f.StringArrayVar(&o.hide, "sandbox-hide", nil, "PATH that the command must not see")
	f.StringArrayVar(&o.write, "sandbox-write", nil, "DIRECTORY that the command may write to besides your home and this one")
	f.BoolVar(&o.trustProxy, "sandbox-trust-proxy", false,
		"leave it to a proxy of HTTPS_PROXY on this machine to keep the command from this machine's services")
}

// sandboxed is the sandbox of one run. A nil one is a run without.
type sandboxed struct {
	box        *sandbox.Box
	trustProxy bool
	view       sandbox.View
	later      *sandbox.Later // what there was before the child ran
}

// openBox makes the namespaces of the sandbox, if there is to be one. Then it protects this process, which holds nothing
// worth protecting before: to protect it first would keep the namespaces from being made.
func (a *app) openBox(o sandboxOptions) (*sandboxed, error) {
	var s *sandboxed
	switch {
	case o.on:
		view, err := a.view(o)
		if err != nil {
			return nil, err
		}
		if err := view.Check(); err != nil {
			return nil, err
		}
		box, err := sandbox.Start(sandbox.Config{})
		if err != nil {
			return nil, err
		}
		s = &sandboxed{box: box, trustProxy: o.trustProxy}
	case len(o.hide)+len(o.write) > 0 || o.trustProxy:
		return nil, &authsome.Error{
			Kind: authsome.KindUsage, Message: "--sandbox-hide, --sandbox-write and --sandbox-trust-proxy mean nothing without --sandbox",
			Hint: "add --sandbox",
		}
	}
	if err := sandbox.Protect(); err != nil {
		a.warn(authsome.AsError(err)) // the run is as it would be without
	}
	return s, nil
}

// view says what is to be seen of this machine.
func (a *app) view(o sandboxOptions) (sandbox.View, error) {
	home, err := a.homeDir()
	if err != nil {
		return sandbox.View{}, err
	}
	dir, err := os.Getwd()
	if err != nil {
		return sandbox.View{}, err
	}
	v := sandbox.View{
		Dir: dir, UserHome: a.userHome(), Home: home, State: local.StateDir(a.env.getenv), Environ: a.env.Environ,
	}
	cfg, err := a.config()
	if err != nil {
		return v, err
	}
	v.Runs = slices.Clone(cfg.Notify.Command)
	for _, name := range []string{envAskpass, envSSHAskpass, "BROWSER"} {
		v.Runs = append(v.Runs, strings.Fields(a.env.getenv(name))...)
	}
	if file := a.env.getenv(keysource.EnvPassphraseFile); filepath.IsAbs(file) {
		v.Hide = append(v.Hide, file)
	}
	for _, list := range []struct {
		paths []string
		to    *[]string
	}{{o.hide, &v.Hide}, {o.write, &v.Write}} {
		for _, path := range list.paths {
			path, err := filepath.Abs(path)
			if err != nil {
				return v, err
			}
			if _, err := os.Stat(path); err != nil {
				return v, &authsome.Error{Kind: authsome.KindUsage, Message: err.Error(), Hint: "authsome run --help", Err: err}
			}
			*list.to = append(*list.to, path)
		}
	}
	return v, nil
}

// open opens the port of the proxy: in the sandbox if there is one, at the address otherwise.
func (s *sandboxed) open(ctx context.Context, address string) (net.Listener, error) {
	if s != nil {
		return s.box.Listener(), nil
	}
	var config net.ListenConfig
	return config.Listen(ctx, "tcp", address)
}

// recognizer returns what finds the login of clients that cannot send one. Nobody but the child can connect to a port in a
// sandbox, and its processes cannot be looked up from here: whoever comes is the child.
func (s *sandboxed) recognizer(password authsome.Secret) func(net.Conn) (string, authsome.Secret, bool) {
	if s == nil {
		return recognize
	}
	return func(net.Conn) (string, authsome.Secret, bool) { return proxyUser, password, true }
}

// enter completes the sandbox and puts the child into it.
func (s *sandboxed) enter(ctx context.Context, a *app, o sandboxOptions, files run.Paths, child *run.Command) error {
	if s == nil {
		return nil
	}
	view, err := a.view(o)
	if err != nil {
		return err
	}
	command, err := a.keyPrinter(ctx)
	if err != nil {
		return err
	}
	view.Runs = append(view.Runs, command...)
	view.Keep, view.Environ = filepath.Dir(files.CA), child.Env
	if err := s.box.Enter(view); err != nil {
		return err
	}
	child.Box = s.box
	s.view, s.later = view, sandbox.LookAhead(view)
	return nil
}

// warnOfLater names what the child has left behind that runs outside of the sandbox by itself.
func (s *sandboxed) warnOfLater(a *app) {
	if s == nil || s.later == nil {
		return
	}
	changed := s.later.Changed(s.view)
	if len(changed) == 0 {
		return
	}
	const most = 20
	if more := len(changed) - most; more > 0 {
		changed = append(changed[:most], fmt.Sprintf("and %d more", more))
	}
	a.warn(&authsome.Error{
		Message: "new or changed in this run, and able to start programs outside of the sandbox: " + strings.Join(changed, ", "),
		Hint:    "look at them before you go on",
	})
}

func (s *sandboxed) close() {
	if s != nil {
		_ = s.box.Close() // after the child has ended there is nothing left to close
	}
}

// errInSandbox is what authsome says of a home that is hidden from it.
func errInSandbox() error {
	return &authsome.Error{
		Kind:    authsome.KindDenied,
		Message: "the vault cannot be read from within the sandbox of authsome run",
		Hint: "requests to connected providers get their credentials from the proxy, without asking; for anything else, ask " +
			"the person who started the run",
		Reason: "sandbox",
	}
}
