package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// defaultGrace is how long a child may take to end once it has been asked to.
const defaultGrace = 10 * time.Second

// Command is a program to be run as if the person had started it: in the same terminal and process group, with the same
// standard files.
type Command struct {
	Args  []string // the program, looked up in PATH if it has no slash, and its arguments
	Env   []string // from [Environ]
	Dir   string   // the working directory; our own if empty
	Stdin *os.File // our own if nil, as are the next two
	// Stdout and Stderr are files, so that the child writes to them itself: what it writes passes through nobody.
	Stdout, Stderr *os.File
	// Grace is how long the child may take to end after ctx is done; 10 s if zero.
	Grace time.Duration
	// Box is where the program runs, if not beside us. It has the working directory and the standard files, in place of
	// those above.
	Box Box
}

// Run starts the program, passes on the signals that this process gets, and waits for it. The code is the child's own,
// 128+n when signal n ended it, 127 when there is no such program and 126 when it cannot be executed; only the last two
// come with an error.
//
// When ctx is done the child gets SIGTERM, and SIGKILL after Grace. An interrupt from the keyboard must not end ctx: it
// is for the child, which may live on, as an interpreter does.
func (c *Command) Run(ctx context.Context) (code int, err error) {
	if c.Box != nil {
		return c.runIn(ctx)
	}
	cmd, err := c.build(ctx)
	if err != nil {
		return startFailure(c.name(), "", err)
	}
	// The signals are caught from before the start, so that none of them ends this process and leaves the child.
	signals := make(chan os.Signal, 16)
	if list := forwarded(); len(list) > 0 { // Notify takes an empty list for all signals
		signal.Notify(signals, list...)
		defer signal.Stop(signals)
	}

	// The kernel sends the parent-death signal when the thread that started the child ends, not the process. Go ends
	// threads only that a goroutine was locked to when it returned, so keeping this one locked keeps it alive.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return startFailure(c.name(), cmd.Path, err)
	}
	ended := make(chan struct{})
	defer close(ended)
	go forward(cmd.Process, signals, ended)
	err = cmd.Wait()
	return exitCode(err, cmd.ProcessState)
}

func (c *Command) name() string {
	if len(c.Args) == 0 {
		return ""
	}
	return c.Args[0]
}

func (c *Command) build(ctx context.Context) (*exec.Cmd, error) {
	if c.name() == "" {
		return nil, exec.ErrNotFound
	}
	path, err := find(c.Args[0], c.Env)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, c.Args[1:]...)
	cmd.Args[0] = c.Args[0]
	cmd.Env, cmd.Dir = c.Env, c.Dir
	cmd.Stdin, cmd.Stdout, cmd.Stderr = cmp.Or(c.Stdin, os.Stdin), cmp.Or(c.Stdout, os.Stdout), cmp.Or(c.Stderr, os.Stderr)
	cmd.SysProcAttr = attributes()
	cmd.Cancel = func() error { return terminate(cmd.Process) }
	cmd.WaitDelay = c.grace()
	return cmd, nil
}

// find looks a program up as a shell does: a file of that name that may not be executed is not "not found".
func find(name string, env []string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil || !errors.Is(err, exec.ErrNotFound) || strings.ContainsRune(name, filepath.Separator) {
		return path, err
	}
	for _, dir := range filepath.SplitList(valueOf(env, "PATH")) {
		path := filepath.Join(dir, name)
		if info, statErr := os.Stat(path); statErr == nil && info.Mode().IsRegular() {
			return "", &fs.PathError{Op: "exec", Path: path, Err: fs.ErrPermission}
		}
	}
	return "", err
}

// exitCode turns how a child ended into what a shell would report.
func exitCode(err error, state *os.ProcessState) (int, error) {
	if state == nil {
		return 1, fmt.Errorf("wait for the command: %w", err)
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return state.ExitCode(), nil
}

// forward passes signals on until the child has ended.
func forward(child *os.Process, signals <-chan os.Signal, ended <-chan struct{}) {
	for {
		select {
		case s := <-signals:
			if !childHasIt(s) {
				_ = child.Signal(s) // it may have ended meanwhile
			}
		case <-ended:
			return
		}
	}
}
