// Package cli is the authsome command. Each command, or a few that are two sides of one thing, has a file of its own that turns
// flags into one or two calls of an [authsome.AuthLayer] and its answer into text or JSON; wire.go assembles what they call,
// output.go and errors.go say how results and failures look. Nothing below this package prints or prompts.
package cli

import (
	"context"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"authsome"
	"authsome/internal/sandbox"
)

// Env is everything that the command takes from the process it runs in.
type Env struct {
	Args    []string // without the program's name
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Environ []string // NAME=value
	Now     func() time.Time
	UI      UI
	// Sandbox finds out what this machine has of what a sandbox needs. It starts this executable; nil where that is not authsome.
	Sandbox func() []sandbox.Feature
	// Settle is how long a broker runs before it begins to keep logins alive; the package's own time if zero.
	Settle time.Duration
	// Heed begins to listen to signals, if nobody has yet. It is called before a request leaves, since what it brings about must be
	// kept, and before a login waits for a person. May be nil.
	Heed func()
}

// Main runs the command in this process and returns the exit code.
func Main() int { return mainWith(func(*Env) {}) }

// mainWith is Main in an environment that was changed.
func mainWith(change func(*Env)) int {
	if len(os.Args) > 1 && os.Args[1] == sandbox.Command {
		return sandbox.Main()
	}
	cobra.EnableCommandSorting = false // the help has the commands in the order in which they are needed
	env := Env{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ(), Now: time.Now,
	}
	change(&env)
	env.UI = TerminalUI(env)
	env.Sandbox = sandbox.Examine
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	env.Heed = sync.OnceFunc(func() { cancelOnSignal(cancel) })
	time.AfterFunc(quick, env.Heed)
	return Run(ctx, env)
}

// quick is a command that only reads the vault. One that is over by then, and has sent nothing, has not begun to listen to signals,
// which takes two more threads; until then a signal ends the process in the ordinary way, which the vault withstands at any moment.
const quick = 5 * time.Millisecond

// cancelOnSignal ends a context at the first signal that asks the program to end. The second one ends the program at
// once: the first has been heard.
func cancelOnSignal(cancel context.CancelFunc) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		signal.Stop(signals)
		cancel()
	}()
}

// Run runs one command and returns its exit code.
func Run(ctx context.Context, env Env) int {
	a := newApp(env)
	root := a.command()
	root.SetArgs(env.Args)
	err := root.ExecuteContext(ctx)
	closeErr := a.close()
	switch {
	case err != nil, closeErr == nil:
	case a.flags.json: // whose one document has been printed
		a.printErrorText(authsome.AsError(closeErr))
		err = exitStatus(exitCode(authsome.KindOf(closeErr)))
	default:
		err = closeErr
	}
	return a.exit(err)
}

// getenv looks a variable up in the environment the command was given.
func (e Env) getenv(name string) string {
	for i := len(e.Environ) - 1; i >= 0; i-- {
		if k, v, ok := cutEnv(e.Environ[i]); ok && k == name {
			return v
		}
	}
	return ""
}

func cutEnv(entry string) (name, value string, ok bool) {
	for i := 1; i < len(entry); i++ { // from 1: Windows has names that begin with '='
		if entry[i] == '=' {
			return entry[:i], entry[i+1:], true
		}
	}
	return "", "", false
}
