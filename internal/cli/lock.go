package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"authsome"
	"authsome/internal/agent"
	"authsome/internal/span"
)

func (a *app) lockCommand() *cobra.Command {
	return &cobra.Command{
		Use: "lock", Short: "Have the agent forget the key of the vault, at once", Args: exactly(0),
		Long: "Have the agent forget the key of the vault, at once. A run or a proxy that is open goes on with the key that it has: end it,\n" +
			"or give authsome proxy stop.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.lock(cmd.Context()) },
	}
}

// lock may be called from anywhere, also from a run: it takes access away.
func (a *app) lock(ctx context.Context) error {
	client, err := a.agentClient()
	if err != nil {
		return err
	}
	held := a.prepareLock(ctx, client)
	running, err := client.Lock(ctx)
	if err != nil {
		return &authsome.Error{
			Kind: authsome.KindUnreachable, Message: err.Error(), Err: err,
			Hint: "end the process that authsome agent status names",
		}
	}
	if held {
		a.note(authsome.EventLock, authsome.Ref{}, nil)
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

// prepareLock reports whether there is a key to forget, and opens the vault with it while it is there, for the entry in the
// audit log. Nobody is asked for that, nor made to wait: without the log's key the entry is written like any other that
// was made while the vault could not be opened.
func (a *app) prepareLock(ctx context.Context, client *agent.Client) (held bool) {
	s, running, err := client.Status(ctx)
	if err != nil || !running || s.Keys == 0 {
		return false
	}
	a.env.UI.ReadSecret = nil
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	if !s.Confirm {
		_, err = a.auth(ctx)
	}
	if s.Confirm {
		err = errors.New("each use of the key is confirmed")
	}
	if err != nil {
		a.keepLocked(err)
	}
	return true
}

// lockPatience is how long the audit log may hold up a lock.
const lockPatience = time.Second

// keepLocked has the audit log do without its key, which would have to be unlocked again.
func (a *app) keepLocked(why error) {
	trail, err := a.auditLog()
	if err != nil {
		return // it is reported when the entry is written
	}
	trail.Key = func() (authsome.Secret, error) {
		return authsome.Secret{}, fmt.Errorf("the vault is locked: %w", why)
	}
}

// noteUnlocked records that an agent keeps the key, and for how long. It does not record the end of that time, when there
// may be no process that has the key of the log.
func (a *app) noteUnlocked(ctx context.Context) {
	a.access.kept = false
	detail := map[string]string{}
	if client, err := a.agentClient(); err == nil {
		if s, ok, err := client.Status(ctx); err == nil && ok {
			detail["timeout"], detail["confirm"] = span.Short(s.Timeout), strconv.FormatBool(s.Confirm)
		}
	}
	a.note(authsome.EventUnlock, authsome.Ref{}, detail)
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
			o.complete(cmd, cfg.Agent)
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
	client, s, running, err := a.runningAgent(ctx)
	if err != nil {
		return err
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
		if a.access.notKept != nil {
			return agentError(a.access.notKept)
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
		if err := moment(ctx); err != nil {
			return err
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
	a.say("the vault is unlocked%s; it locks in %s unless it is used", map[bool]string{true: ", and each use is confirmed"}[s.Confirm], span.Words(s.Left))
	return nil
}
