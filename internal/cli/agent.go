package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"authsome"
	"authsome/internal/agent"
	"authsome/internal/span"
	"authsome/local"
)

// agentOptions are the flags about how the agent keeps the key. Those that are not given follow config.json.
type agentOptions struct {
	timeout    time.Duration
	lifetime   time.Duration
	confirm    bool
	background bool // it was started by another command, and goes when there is nothing to keep
}

func (o *agentOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.Var((*length)(&o.timeout), "timeout", "forget a key that nobody has used for so long (default 1h)")
	f.Var((*length)(&o.lifetime), "lifetime", "forget a key after so long, used or not (default 12h)")
	f.BoolVar(&o.confirm, "confirm", false, "ask a person about each use: by $AUTHSOME_ASKPASS, at the agent's terminal, or by $SSH_ASKPASS")
}

// complete fills in what config.json says, where the flags say nothing.
func (o *agentOptions) complete(cmd *cobra.Command, cfg agentConfig) {
	f, given := cmd.Flags(), *o
	o.fromConfig(cfg)
	if f.Changed("timeout") {
		o.timeout = given.timeout
	}
	if f.Changed("lifetime") {
		o.lifetime = given.lifetime
	}
	if f.Changed("confirm") {
		o.confirm = given.confirm
	}
}

func (o *agentOptions) fromConfig(cfg agentConfig) {
	o.timeout, o.lifetime = time.Duration(cfg.Timeout)*time.Second, time.Duration(cfg.Lifetime)*time.Second
	o.confirm = cfg.Confirm
}

func (a *app) agentCommand() *cobra.Command {
	var o agentOptions
	cmd := &cobra.Command{
		Use: "agent", Short: "Keep the unlocked key of the vault, so that the passphrase is asked for once", Args: exactly(0),
		Long: "Be the process that keeps the unlocked key of the vault, in memory that is neither swapped nor to be read, until nobody\n" +
			"has used it for a while, or authsome lock. Commands that need the key get it from there. They start an agent themselves\n" +
			"when they have asked for a passphrase; this command is for a service manager, or for a terminal at which each use is\n" +
			"confirmed.",
		Example: "  authsome agent --confirm\n  authsome agent --timeout 15m",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			o.complete(cmd, cfg.Agent)
			return a.agent(cmd.Context(), o)
		},
	}
	o.addFlags(cmd)
	cmd.Flags().BoolVar(&o.background, "background", false, "go when there is nothing to keep")
	_ = cmd.Flags().MarkHidden("background")
	cmd.AddCommand(a.agentStatusCommand())
	return cmd
}

// agentReady is what an agent prints when clients can come.
const agentReady = "the agent is ready"

// maxLinger is how long an agent stays without a key that a command has started to keep one.
const maxLinger = 30 * time.Second

// agent is the life of an agent.
func (a *app) agent(ctx context.Context, o agentOptions) error {
	if err := a.notInARun("keep keys"); err != nil {
		return err
	}
	dir, err := a.agentDir()
	if err != nil {
		return err
	}
	cfg := agent.Config{Dir: dir, Timeout: o.timeout, Lifetime: o.lifetime, Now: a.env.Now}
	if o.background {
		cfg.Linger = maxLinger
	}
	if o.confirm {
		if cfg.Confirm, err = a.asker(o); err != nil {
			return err
		}
	}
	cfg.Ready = func() { a.sayReady(agentReady, nil) }
	err = agent.Run(ctx, cfg)
	if !errors.Is(err, agent.ErrRunning) {
		return err
	}
	if o.background { // another command was faster, and what it has started will do
		cfg.Ready()
		return nil
	}
	return &authsome.Error{
		Kind: authsome.KindUsage, Message: "the vault has an agent already", Hint: "authsome agent status", Err: err,
	}
}

// agentDir is where the agent of the home listens.
func (a *app) agentDir() (string, error) {
	home, err := a.homeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, local.RunDir), nil
}

// notInARun refuses what would let a program in a run decide about its own access. It keeps honest programs honest: one that
// hides where it comes from is another program of the same user.
func (a *app) notInARun(what string) error {
	if a.env.getenv(envBroker) == "" {
		return nil
	}
	return &authsome.Error{
		Kind: authsome.KindDenied, Message: "a program in an authsome run cannot " + what,
		Hint: "do not work around this: leave it to the person who started the run, and tell them what you wanted and why",
	}
}

// agentClient reaches the agent of the home.
func (a *app) agentClient() (*agent.Client, error) {
	dir, err := a.agentDir()
	if err != nil {
		return nil, err
	}
	return &agent.Client{Dir: dir, Asking: func() {
		if !a.flags.quiet && !a.flags.json {
			fmt.Fprintln(a.env.Stderr, "waiting for somebody to confirm the use of the vault")
		}
	}}, nil
}

func (a *app) agentStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show whether there is an agent, and for how long it has the key", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.agentStatus(cmd.Context()) },
	}
}

// runningAgent reaches the agent of the home and asks how it is.
func (a *app) runningAgent(ctx context.Context) (client *agent.Client, s agent.Status, running bool, err error) {
	if client, err = a.agentClient(); err != nil {
		return nil, s, false, err
	}
	if s, running, err = client.Status(ctx); err != nil {
		return nil, s, false, agentError(err)
	}
	return client, s, running, nil
}

func (a *app) agentStatus(ctx context.Context) error {
	_, s, running, err := a.runningAgent(ctx)
	if err != nil {
		return err
	}
	if a.flags.json {
		o := object{{"running", running}, {"keys", s.Keys}}
		if running {
			o = append(o, object{
				{"pid", s.PID},
				{"confirm", s.Confirm},
				{"timeout_seconds", int64(s.Timeout / time.Second)},
				{"locks_at", a.locksAt(s)},
			}...)
		}
		return a.printJSON(o)
	}
	switch {
	case !running:
		a.say("no agent is running")
	case s.Keys == 0:
		a.say("the agent (process %d) has no key", s.PID)
	default:
		a.say("the agent (process %d) has the key%s; it forgets it in %s unless it is used", s.PID, confirmed(s), span.Words(s.Left))
	}
	return nil
}

// locksAt is when the agent forgets its key unless that is used; the zero time if it has none.
func (a *app) locksAt(s agent.Status) time.Time {
	if s.Keys == 0 {
		return time.Time{}
	}
	return a.env.Now().Add(s.Left)
}

func confirmed(s agent.Status) string {
	if s.Confirm {
		return " and asks about each use"
	}
	return ""
}

// agentError turns what went wrong with an agent into what a person is told.
func agentError(err error) error {
	if errors.Is(err, agent.ErrRefused) {
		return &authsome.Error{
			Kind: authsome.KindDenied, Message: "the use of the vault was not confirmed", Err: err,
			Hint: "do not work around this: somebody must agree where the agent asks. If it does not ask any more, it has been " +
				"refused several times, and asks again after a minute",
			Reason: "not_confirmed",
		}
	}
	if e, ok := errors.AsType[*authsome.Error](err); ok && e.Hint != "" { // one that could not be started may have said what to do
		return e
	}
	return &authsome.Error{
		Kind: authsome.KindUnreachable, Message: err.Error(), Hint: "authsome lock, and try again", Err: err,
	}
}
