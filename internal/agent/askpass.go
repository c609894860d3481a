package agent

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"time"
)

const (
	// maxWord is more than a program says that agrees.
	maxWord = 64
	// reap is how long what a program has left running may keep its output open.
	reap = time.Second
)

// Question is what a person is asked about a use of the key of a home.
func Question(home string, who Caller) string {
	return "Allow the use of the authsome vault in " + printable(home) + " by " + who.String() + "?"
}

// Program asks by starting a program, as ssh-agent does: the question is its one argument, SSH_ASKPASS_PROMPT=confirm in
// its environment says that it is a question of yes or no, and a person agrees when it exits with 0, having printed
// nothing or "yes". The program ends when the question does.
func Program(path, home string, environ []string) Asker {
	return func(ctx context.Context, who Caller) bool {
		cmd := exec.CommandContext(ctx, path, Question(home, who))
		cmd.Env = append(environ[:len(environ):len(environ)], "SSH_ASKPASS_PROMPT=confirm")
		cmd.Dir = os.TempDir()
		out := limited{}
		cmd.Stdout, cmd.WaitDelay = &out, reap
		err := cmd.Run()
		left := errors.Is(err, exec.ErrWaitDelay) // it has exited with 0, and what it has left running might have said no
		if err != nil && !left {
			return false
		}
		word := strings.ToLower(string(bytes.TrimSpace(out.kept)))
		return word == "yes" || word == "" && !left
	}
}

// limited keeps the beginning of what is written to it.
type limited struct{ kept []byte }

func (l *limited) Write(b []byte) (int, error) {
	l.kept = append(l.kept, b[:min(len(b), maxWord-len(l.kept))]...)
	return len(b), nil
}
