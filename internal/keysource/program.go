package keysource

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"authsome/internal/shell"
	"authsome/vault"
)

// What a program may do that hands over a key. It may ask a person, on the screen or by a device to be touched.
const (
	programTimeout = 60 * time.Second
	programGrace   = 2 * time.Second // for what it has started to close its output, once it has ended or was killed
	maxOutput      = 64 << 10
)

// errTooLong says that a program does not know where to stop.
var errTooLong = fmt.Errorf("it prints more than %d bytes", maxOutput)

// bounded is a buffer that takes no more than maxOutput. It has no method but Write, since io.Copy prefers others.
type bounded struct {
	content bytes.Buffer
	full    bool
}

// Write implements [io.Writer].
func (b *bounded) Write(p []byte) (int, error) {
	if b.content.Len()+len(p) > maxOutput {
		b.full = true
		return 0, errTooLong
	}
	return b.content.Write(p)
}

// program runs a command without a shell and returns what it prints. It does not get the master key, if this process has
// one in its environment, and its complaints go to where ours go.
func (s *Set) program(ctx context.Context, args []string, stdin io.Reader) ([]byte, error) {
	if s.opts.Trusted != nil {
		if err := s.opts.Trusted(); err != nil {
			return nil, fmt.Errorf("%s is not run: %w", args[0], err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, programTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // it is the person's own
	var out bounded
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = stdin, &out, s.opts.Stderr, programGrace
	for _, entry := range s.environ() {
		if !strings.HasPrefix(entry, EnvMasterKey+"=") {
			cmd.Env = append(cmd.Env, entry)
		}
	}
	err := cmd.Run()
	switch {
	case out.full: // the program was told by a broken pipe
		err = errTooLong
	case ctx.Err() != nil:
		err = fmt.Errorf("it does not end: %w", ctx.Err())
	}
	if err != nil {
		clear(out.content.Bytes())
		return nil, fmt.Errorf("%s: %w", args[0], err)
	}
	return out.content.Bytes(), nil
}

// environ is the environment that programs get.
func (s *Set) environ() []string {
	if s.opts.Environ != nil {
		return s.opts.Environ
	}
	return os.Environ()
}

// commandParameters say what prints the key.
type commandParameters struct {
	Command []string `json:"command"`
}

// CommandOf returns the command that prints the key which an envelope names, or nil if none does.
func CommandOf(e vault.Envelope) []string {
	if Kind(e.KeySource) != Command {
		return nil
	}
	p, err := parameters[commandParameters](e)
	if err != nil {
		return nil
	}
	return p.Command
}

// commandSource is the source of a key that a command prints: that of a password manager, say.
func (s *Set) commandSource(p commandParameters) vault.KeySource {
	h := &held{kind: Command, parameters: p, where: "the key of " + p.Command[0]}
	h.fetch = func(ctx context.Context, _ bool) (masterKey, error) {
		advice := "try it: " + shell.Command(p.Command...)
		out, err := s.program(ctx, p.Command, nil)
		switch {
		case errors.Is(err, exec.ErrNotFound):
			return masterKey{}, unavailable("the command that prints the key cannot be run", "install "+p.Command[0], err)
		case err != nil:
			return masterKey{}, locked("the command that prints the key has failed", advice, err)
		}
		defer clear(out)
		key, err := parseLoose(out)
		if err != nil {
			return masterKey{}, unavailable("the command "+p.Command[0]+" prints no key",
				"it has to print the base64 of 32 bytes, such as openssl rand -base64 32 makes", err)
		}
		return key, nil
	}
	return h
}
