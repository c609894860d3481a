package run

import (
	"context"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// Box is somewhere else than beside us where a program can be run: a sandbox. One Box runs one program. Signal may be
// called while Wait waits.
type Box interface {
	// Exec starts the program at path, with the standard files that the Box was made with. The error is the kernel's.
	Exec(path string, args, env []string) error
	Signal(s os.Signal) error
	// Wait returns what a shell would report: the program's own code, or 128+n for signal n.
	Wait() (code int, err error)
}

// runIn is Run with a Box.
func (c *Command) runIn(ctx context.Context) (code int, err error) {
	if c.name() == "" {
		return startFailure("", "", exec.ErrNotFound)
	}
	path, err := find(c.name(), c.Env)
	if err != nil {
		return startFailure(c.name(), "", err)
	}
	signals := make(chan os.Signal, 16)
	if list := forwarded(); len(list) > 0 {
		signal.Notify(signals, list...)
		defer signal.Stop(signals)
	}
	if err := c.Box.Exec(path, c.Args, c.Env); err != nil {
		return notShown(c.name(), path, err)
	}
	ended := make(chan struct{})
	defer close(ended)
	go c.forwardTo(ctx, signals, ended)
	return c.Box.Wait()
}

// forwardTo passes signals on until the program has ended, and ends it when ctx is done.
func (c *Command) forwardTo(ctx context.Context, signals <-chan os.Signal, ended <-chan struct{}) {
	done := ctx.Done()
	var patience <-chan time.Time
	for {
		select {
		case s := <-signals:
			if !childHasIt(s) {
				_ = c.Box.Signal(s) // it may have ended meanwhile
			}
		case <-done:
			done = nil
			_ = c.Box.Signal(syscall.SIGTERM)
			patience = time.After(c.grace())
		case <-patience:
			_ = c.Box.Signal(os.Kill)
		case <-ended:
			return
		}
	}
}

func (c *Command) grace() time.Duration {
	if c.Grace > 0 {
		return c.Grace
	}
	return defaultGrace
}
