package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/term"

	"authsome"
	"authsome/internal/agent"
)

// The programs that may ask a person.
const (
	envAskpass    = "AUTHSOME_ASKPASS"
	envSSHAskpass = "SSH_ASKPASS"
)

// asker returns the way in which an agent asks a person. An agent that a command has started has no terminal of its own:
// the one of that command may belong to the program that wants the key.
func (a *app) asker(o agentOptions) (agent.Asker, error) {
	if program := a.env.getenv(envAskpass); program != "" {
		return a.askpass(envAskpass, program)
	}
	in, ok := a.env.Stdin.(*os.File)
	if ok && !o.background && term.IsTerminal(int(in.Fd())) {
		t := &questions{out: a.env.Stderr, home: a.home, lines: make(chan string)}
		go t.read(in)
		return t.ask, nil
	}
	if program := a.env.getenv(envSSHAskpass); program != "" {
		return a.askpass(envSSHAskpass, program)
	}
	return nil, &authsome.Error{
		Kind: authsome.KindUsage, Message: "there is no way to ask a person about the use of the key",
		Hint: "set " + envAskpass + " to a program that asks, such as ssh-askpass, or run authsome agent --confirm at a terminal",
	}
}

func (a *app) askpass(name, program string) (agent.Asker, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return nil, &authsome.Error{
			Kind: authsome.KindUsage, Message: fmt.Sprintf("$%s cannot be used: %v", name, err), Err: err,
			Hint: "set " + envAskpass + " to a program that asks, such as ssh-askpass",
		}
	}
	return agent.Program(path, a.home, withoutKeys(a.env.Environ)), nil
}

// questions asks at the terminal of the agent. What is typed while there is no question is no answer to the next one.
type questions struct {
	out   io.Writer
	home  string
	lines chan string
}

func (q *questions) read(in io.Reader) {
	for lines := bufio.NewScanner(in); lines.Scan(); {
		select {
		case q.lines <- lines.Text():
		default: // nobody has asked
		}
	}
}

// ask is an [agent.Asker].
func (q *questions) ask(ctx context.Context, who agent.Caller) bool {
	fmt.Fprintf(q.out, "%s [y/N]: ", agent.Question(q.home, who))
	select {
	case line := <-q.lines:
		word := strings.ToLower(strings.TrimSpace(line))
		return word == "y" || word == "yes"
	case <-ctx.Done():
		fmt.Fprintln(q.out, "\nthe question is withdrawn")
		return false
	}
}
