package cli

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/cli/browser"
	"golang.org/x/term"

	"authsome"
)

// UI is how the command talks with a person. A nil function means that there is no such way: a command then fails with
// a hint instead of waiting for somebody who is not there.
type UI struct {
	// OpenBrowser shows a URL.
	OpenBrowser func(ctx context.Context, url string) error
	// ReadSecret asks for a line that is not echoed.
	ReadSecret func(prompt string) (authsome.Secret, error)
	// ReadLine asks for a line.
	ReadLine func(prompt string) (string, error)
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
	lines := bufio.NewReader(in)
	ui.ReadLine = func(prompt string) (string, error) {
		fmt.Fprintf(env.Stderr, "%s: ", prompt)
		line, err := lines.ReadString('\n')
		return strings.TrimSpace(line), err
	}
	ui.ReadSecret = func(prompt string) (authsome.Secret, error) {
		fmt.Fprintf(env.Stderr, "%s: ", prompt)
		value, err := term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(env.Stderr)
		return authsome.NewSecret(strings.TrimSpace(string(value))), err
	}
	return ui
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
// the system has. It does not wait for a browser that stays open.
func openBrowser(ctx context.Context, env Env, url string) error {
	words := strings.Fields(env.getenv("BROWSER"))
	if len(words) == 0 {
		browser.Stdout, browser.Stderr = nil, nil
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
