package cli

import (
	"bytes"
	"context"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"authsome/local"
)

// unseen are the prompts for what the terminal must not show.
var unseen = map[string]struct {
	ask                  func(context.Context, UI) (string, error)
	prompt, typed, given string
}{
	"a secret": {
		func(ctx context.Context, ui UI) (string, error) {
			secret, err := ui.ReadSecret(ctx, "API key")
			return secret.Reveal(), err
		},
		"API key: ", "sk-secret\n", "sk-secret",
	},
	"lines that are pasted": {
		func(ctx context.Context, ui UI) (string, error) {
			pasted, err := ui.ReadPasted(ctx, "Key")
			return string(pasted), err
		},
		"Key, then Enter and Ctrl-D: ", "-----BEGIN\nsk-secret\n\x04", "-----BEGIN\nsk-secret\n",
	},
}

func TestSecretsAreNotEchoed(t *testing.T) {
	t.Parallel()
	for name, tt := range unseen {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			person, ui := newTerminal(t)
			answer := make(chan string, 1)
			go func() {
				given, err := tt.ask(t.Context(), ui)
				if err != nil {
					t.Error(err)
				}
				answer <- given
			}()
			person.expect(tt.prompt)
			person.waitForEcho(false)
			person.write(tt.typed)
			if got := <-answer; got != tt.given {
				t.Errorf("got %q", got)
			}
			person.waitForEcho(true)
			person.expect("\r\n")
			if strings.Contains(person.seen.String(), "sk-secret") {
				t.Errorf("the terminal shows the secret: %q", person.seen.String())
			}
		})
	}
}

func TestCancelledPromptGivesTheEchoBack(t *testing.T) {
	t.Parallel()
	for name, tt := range unseen {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			person, ui := newTerminal(t)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() {
				_, err := tt.ask(ctx, ui)
				done <- err
			}()
			person.expect(tt.prompt)
			person.waitForEcho(false)
			cancel()
			if err := <-done; err == nil {
				t.Error("a cancelled prompt has answered")
			}
			if !person.echoes() {
				t.Error("the terminal does not echo any more")
			}
		})
	}
}

// Errors are coloured at a terminal, unless somebody says that they are not to be.
func TestColours(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args     []string
		environ  []string
		coloured bool
	}{
		"terminal":   {nil, nil, true},
		"--no-color": {[]string{"--no-color"}, nil, false},
		"NO_COLOR":   {nil, []string{"NO_COLOR=1"}, false},
		"dumb":       {nil, []string{"TERM=dumb"}, false},
	} {
		person, screen := newScreen(t)
		env := Env{
			Args: append([]string{"get", "no-such-provider"}, c.args...), Environ: append(c.environ, local.EnvHome+"="+t.TempDir()),
			Stdin: screen, Stdout: screen, Stderr: screen, Now: time.Now,
		}
		if code := Run(t.Context(), env); code != 3 {
			t.Errorf("%s: exit code %d", name, code)
		}
		person.expect("hint: ")
		if seen := person.seen.String(); strings.Contains(seen, "\x1b[31mError:\x1b[0m ") != c.coloured || strings.Contains(seen, "\x1b") != c.coloured {
			t.Errorf("%s: %q", name, seen)
		}
	}
}

// person sits at a terminal.
type person struct {
	t        *testing.T
	keyboard *os.File // the other side of the terminal
	screen   int      // the terminal's descriptor
	seen     bytes.Buffer
}

// terminals stay open to the end of the process: a prompt that was cancelled leaves a read behind, which must not find
// the file of another test under its descriptor's number.
var terminals struct {
	mu   sync.Mutex
	open []*os.File
}

// newTerminal opens a pseudo-terminal and returns who sits before it and the UI of a command behind it.
func newTerminal(t *testing.T) (*person, UI) {
	t.Helper()
	p, terminal := newScreen(t)
	return p, TerminalUI(Env{Stdin: terminal, Stderr: terminal})
}

// newScreen opens a pseudo-terminal and returns who sits before it and what a command behind it has.
func newScreen(t *testing.T) (*person, *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err := os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	terminals.mu.Lock()
	terminals.open = append(terminals.open, keyboard, terminal)
	terminals.mu.Unlock()
	p := &person{t: t, keyboard: keyboard, screen: int(terminal.Fd())}
	return p, terminal
}

// expect reads the screen until text has appeared.
func (p *person) expect(text string) {
	p.t.Helper()
	buffer := make([]byte, 256)
	for !strings.Contains(p.seen.String(), text) {
		n, err := p.keyboard.Read(buffer)
		if err != nil {
			p.t.Fatalf("%q has not appeared: %v", text, err)
		}
		p.seen.Write(buffer[:n])
	}
}

func (p *person) write(text string) {
	p.t.Helper()
	if _, err := p.keyboard.WriteString(text); err != nil {
		p.t.Fatal(err)
	}
}

func (p *person) echoes() bool {
	p.t.Helper()
	state, err := unix.IoctlGetTermios(p.screen, unix.TCGETS)
	if err != nil {
		p.t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// waitForEcho waits until the terminal echoes, or does not. A person would not be faster.
func (p *person) waitForEcho(want bool) {
	p.t.Helper()
	for range 10_000 {
		if p.echoes() == want {
			return
		}
		time.Sleep(time.Millisecond)
	}
	p.t.Fatal("the terminal did not change")
}
