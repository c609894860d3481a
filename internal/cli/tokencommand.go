package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"authsome"
	"authsome/internal/audit"
	"authsome/internal/shell"
	"authsome/internal/span"
)

const (
	// commandTimeout bounds a command that prints a token.
	commandTimeout = 30 * time.Second
	// maxCommandOutput bounds what is kept of each of its streams, in bytes.
	maxCommandOutput = 64 << 10
)

// tokenFromCommand runs the command that the definition names and returns the token that it prints.
func (a *app) tokenFromCommand(
	ctx context.Context, layer authsome.AuthLayer, ref authsome.Ref, o loginOptions,
) (authsome.Secret, error) {
	p, err := layer.Provider(ctx, ref.Profile, ref.Provider)
	if err != nil {
		return authsome.Secret{}, err
	}
	if problem := cannotAskCommand(&p.Provider, o); problem != nil {
		return authsome.Secret{}, problem
	}
	token, problem := a.runTokenCommand(ctx, p.TokenCommand)
	if problem == "" {
		return token, nil
	}
	e := &authsome.Error{
		Kind: authsome.KindLoginFailed, Ref: ref, Hint: fmt.Sprintf("log in with %s itself, or: authsome login %s", p.TokenCommand[0], p.Name),
		Message: fmt.Sprintf("%s has printed no token for %s: %s", strings.Join(p.TokenCommand, " "), p.Name, problem),
	}
	if ctx.Err() != nil {
		e.Kind, e.Message, e.Hint = authsome.KindCancelled, "cancelled", ""
	}
	return token, e
}

func cannotAskCommand(p *authsome.Provider, o loginOptions) error {
	switch {
	case len(p.TokenCommand) == 0:
		return &authsome.Error{
			Kind: authsome.KindUsage, Ref: authsome.Ref{Provider: p.Name},
			Message: fmt.Sprintf("no command is known that prints a token of %s", p.Name),
			Hint:    fmt.Sprintf("authsome login %s --with-token", p.Name),
		}
	case o.baseURL != "":
		return &authsome.Error{
			Kind: authsome.KindUsage, Ref: authsome.Ref{Provider: p.Name},
			Message: fmt.Sprintf("%s prints the token of the service's own address, not of %s", p.TokenCommand[0], o.baseURL),
			Hint:    fmt.Sprintf("authsome login %s --base-url %s --with-token", p.Name, shell.Word(o.baseURL)),
		}
	}
	return nil
}

// runTokenCommand runs a command without a shell and without standard input, and returns what it prints or what is wrong
// with that. It is not given our own variables, the master key above all.
func (a *app) runTokenCommand(ctx context.Context, words []string) (token authsome.Secret, problem string) {
	program, err := exec.LookPath(words[0])
	if err != nil {
		return token, words[0] + " is not on the PATH"
	}
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, words[1:]...)
	cmd.Env = withoutOurs(a.env.Environ)
	cmd.WaitDelay = time.Second // for whoever it has left behind with its streams open
	var stdout, stderr limitedBuffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	words = strings.Fields(stdout.kept.String()) // a token has no white space
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return token, fmt.Sprintf("it has not ended within %s", span.Words(commandTimeout))
	case err != nil:
		return token, strings.TrimSuffix(fmt.Sprintf("%v: %s", err, complaint(stderr.kept.String(), words)), ": ")
	case len(words) != 1:
		return token, fmt.Sprintf("it has printed %d words", len(words))
	case words[0] == authsome.Placeholder:
		return token, "it has printed what authsome run puts in place of one"
	}
	return authsome.NewSecret(words[0]), ""
}

// withoutOurs returns an environment without the variables of authsome.
func withoutOurs(environ []string) []string {
	var rest []string
	for _, entry := range environ {
		if !strings.HasPrefix(strings.ToUpper(entry), "AUTHSOME_") {
			rest = append(rest, entry)
		}
	}
	return rest
}

// complaint returns the last line of what a program has written to standard error, as what goes before is often a usage,
// without what it has printed as a token.
func complaint(s string, printed []string) string {
	for _, word := range printed {
		s = strings.ReplaceAll(s, word, authsome.Redacted)
	}
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return audit.Printable(strings.TrimSpace(lines[len(lines)-1]))
}

// limitedBuffer keeps the beginning of what is written to it, and drops the rest.
type limitedBuffer struct{ kept bytes.Buffer }

// Write never fails.
func (b *limitedBuffer) Write(p []byte) (int, error) {
	keep := min(len(p), max(0, maxCommandOutput-b.kept.Len()))
	_, _ = b.kept.Write(p[:keep]) // never fails
	return len(p), nil
}

// isOnPath reports whether a program can be found, without running it.
func isOnPath(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}
