package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/cli/browser"
	"golang.org/x/term"

	"authsome"
	"authsome/local"
)

// UI is how the command talks with a person. A nil function means that there is no such way: a command then fails with
// a hint instead of waiting for somebody who is not there.
type UI struct {
	// OpenBrowser shows a URL.
	OpenBrowser func(ctx context.Context, url string) error
	// ReadSecret asks for a line that is not echoed, until ctx ends.
	ReadSecret func(ctx context.Context, prompt string) (authsome.Secret, error)
	// ReadLine asks for a line, until ctx ends.
	ReadLine func(ctx context.Context, prompt string) (string, error)
	// ReadPasted asks for any number of lines that are not echoed where that can be had, to the end of the input or of ctx.
	ReadPasted func(ctx context.Context, prompt string) ([]byte, error)
}

// TerminalUI returns the ways that the process has: a browser where $BROWSER or a display says so, and prompts where
// standard input is a terminal.
func TerminalUI(env Env) UI {
	var ui UI
	if hasDisplay(env) {
		ui.OpenBrowser = func(ctx context.Context, url string) error { return openBrowser(ctx, env, url) }
	}
	in, ok := env.Stdin.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return ui
	}
	t := &terminal{in: in, out: env.Stderr, lines: bufio.NewReader(in)}
	ui.ReadLine, ui.ReadSecret, ui.ReadPasted = t.readLine, t.readSecret, t.readPasted
	return ui
}

// terminal asks a person.
type terminal struct {
	in    *os.File
	out   io.Writer
	lines *bufio.Reader
}

func (t *terminal) readLine(ctx context.Context, prompt string) (string, error) {
	t.prompt(prompt)
	line, err := orCancelled(ctx, func() (string, error) {
		line, err := t.lines.ReadString('\n')
		return strings.TrimSpace(line), err
	})
	if err != nil {
		fmt.Fprintln(t.out) // nobody has pressed Enter, and what follows begins a line
	}
	return line, err
}

func (t *terminal) prompt(label string) { fmt.Fprintf(t.out, "%s: ", forPeople(label)) }

// readSecret gives the terminal its echo back also when the person presses Ctrl-C.
func (t *terminal) readSecret(ctx context.Context, prompt string) (authsome.Secret, error) {
	fd := int(t.in.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return authsome.Secret{}, err
	}
	t.prompt(prompt)
	defer fmt.Fprintln(t.out)
	value, err := orCancelled(ctx, func() ([]byte, error) { return readUnechoed(fd) })
	if ctx.Err() != nil {
		return authsome.Secret{}, errors.Join(ctx.Err(), term.Restore(fd, before))
	}
	return authsome.NewSecret(strings.TrimSpace(string(value))), err
}

// readPasted takes what a key file holds, too: what a prompt for one line leaves over would be typed into the shell.
func (t *terminal) readPasted(ctx context.Context, prompt string) ([]byte, error) {
	show, err := hide(int(t.in.Fd()))
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(t.out, "%s, then %s: ", prompt, endOfInput)
	defer fmt.Fprintln(t.out)
	pasted, err := orCancelled(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(t.lines, maxStdin)) })
	return pasted, errors.Join(err, show())
}

// orCancelled returns what read returns, or the end of ctx if that comes first: a read of a terminal cannot be stopped,
// and is left behind.
func orCancelled[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := read()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

func hasDisplay(env Env) bool {
	switch {
	case env.getenv("BROWSER") != "":
		return true
	case runtime.GOOS == "darwin", runtime.GOOS == "windows":
		return env.getenv("SSH_CONNECTION") == ""
	default:
		return env.getenv("DISPLAY") != "" || env.getenv("WAYLAND_DISPLAY") != ""
	}
}

// openBrowser starts $BROWSER, a command to which the URL is added or in which it takes the place of %s, or else what
// the system has. It does not wait for a browser that stays open, and gives it none of our own variables, the master key
// above all: it may run for weeks.
func openBrowser(ctx context.Context, env Env, url string) error {
	words := strings.Fields(env.getenv("BROWSER"))
	if len(words) == 0 {
		browser.Stdout, browser.Stderr = nil, nil
		_ = os.Unsetenv(local.EnvMasterKey) // which was read long ago; the browser gets the rest of what this process has
		return browser.OpenURL(url)
	}
	placed := false
	for i, w := range words {
		if strings.Contains(w, "%s") {
			words[i], placed = strings.ReplaceAll(w, "%s", url), true
		}
	}
	if !placed {
		words = append(words, url)
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), words[0], words[1:]...)
	cmd.Env = withoutOurs(env.Environ)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start $BROWSER: %w", err)
	}
	go func() {
		if err := cmd.Wait(); err != nil {
			fmt.Fprintf(env.Stderr, "$BROWSER has failed (%v); visit the address yourself\n", err)
		}
	}()
	return nil
}
