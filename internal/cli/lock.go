package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"authsome"
	"authsome/internal/agent"
)

func (a *app) lockCommand() *cobra.Command {
	return &cobra.Command{
		Use: "lock", Short: "Have the agent forget the key of the vault, at once", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.lock(cmd.Context()) },
	}
}

// lock may be called from anywhere, also from a run: it takes access away.
func (a *app) lock(ctx context.Context) error {
	client, err := a.agentClient()
	if err != nil {
		return err
	}
	running, err := client.Lock(ctx)
	if err != nil {
		return &authsome.Error{
			Kind: authsome.KindUnreachable, Message: err.Error(), Err: err,
			Hint: "end the process that authsome agent status names",
		}
	}
	if a.flags.json {
		return a.printJSON(object{{"status", "locked"}, {"running", running}})
	}
	if !running {
		a.say("no agent is running; there is nothing to forget")
		return nil
	}
	a.say("the agent has forgotten the key")
	return nil
}

func (a *app) unlockCommand() *cobra.Command {
	var o agentOptions
	cmd := &cobra.Command{
		Use: "unlock", Short: "Open the vault, and have the agent keep its key", Args: exactly(0),
		Long: "Ask for the passphrase, or use what else the key comes from, and have an agent keep the key for the commands that follow.\n" +
			"Flags take the place of what an agent was started with.",
		Example: "  authsome unlock --timeout 15m\n  authsome unlock --confirm",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			if err := o.complete(cmd, cfg.Agent); err != nil {
				return err
			}
			return a.unlock(cmd.Context(), o, cmd.Flags().Changed("timeout") || cmd.Flags().Changed("lifetime") || cmd.Flags().Changed("confirm"))
		},
	}
	o.addFlags(cmd)
	return cmd
}

func (a *app) unlock(ctx context.Context, o agentOptions, given bool) error {
	if err := a.notInARun("unlock the vault"); err != nil {
		return err
	}
	client, err := a.agentClient()
	if err != nil {
		return err
	}
	s, running, err := client.Status(ctx)
	if err != nil {
		return agentError(err)
	}
	if running && given {
		if err := endAgent(ctx, client); err != nil {
			return err
		}
		s = agent.Status{}
	}
	if s.Keys == 0 {
		a.unlocking = &o
		if _, err := a.auth(ctx); err != nil {
			return err
		}
		if s, _, err = client.Status(ctx); err != nil {
			return agentError(err)
		}
	}
	return a.unlocked(s)
}

// endAgent locks an agent and waits until it has gone, so that another can take its place.
func endAgent(ctx context.Context, client *agent.Client) error {
	if _, err := client.Lock(ctx); err != nil {
		return agentError(err)
	}
	for range 100 {
		_, running, err := client.Status(ctx)
		if err == nil && !running {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return &authsome.Error{
		Kind: authsome.KindUsage, Message: "the agent was started by hand, and keeps what it was started with; it is locked now",
		Hint: "end it, or: authsome unlock",
	}
}

func (a *app) unlocked(s agent.Status) error {
	if a.flags.json {
		return a.printJSON(object{{"status", "unlocked"}, {"kept", s.Keys > 0}, {"confirm", s.Confirm}, {"locks_at", a.locksAt(s)}})
	}
	if s.Keys == 0 {
		a.say("the vault opens by itself: its key needs no agent")
		return nil
	}
	a.say("the vault is unlocked%s; it locks in %s unless it is used", map[bool]string{true: ", and each use is confirmed"}[s.Confirm], s.Left)
	return nil
}
