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
)

// tokenCommandTimeout is how long a vendor's command may take.
const tokenCommandTimeout = 30 * time.Second

// commandToken runs the command that a definition names and returns what it prints. No shell has part in it.
func (a *app) commandToken(ctx context.Context, layer authsome.AuthLayer, ref authsome.Ref) (authsome.Secret, error) {
	p, err := layer.Provider(ctx, ref.Profile, ref.Provider)
	if err != nil {
		return authsome.Secret{}, err
	}
	if len(p.TokenCommand) == 0 {
		return authsome.Secret{}, &authsome.Error{
			Kind: authsome.KindUsage, Ref: ref, Message: fmt.Sprintf("no command is known that prints a token of %s", p.Name),
			Hint: fmt.Sprintf("authsome login %s --with-token < FILE", p.Name),
		}
	}
	ctx, cancel := context.WithTimeout(ctx, tokenCommandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.TokenCommand[0], p.TokenCommand[1:]...) //nolint:gosec // the definition's own command is what is asked for
	cmd.Env = a.env.Environ
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	token := authsome.NewSecret(strings.TrimSpace(stdout.String()))
	if err == nil && token.IsZero() {
		err = errors.New("it printed nothing")
	}
	if err != nil {
		line := strings.Join(p.TokenCommand, " ")
		message := fmt.Sprintf("%s did not print a token: %v", line, err)
		if said := strings.TrimSpace(stderr.String()); said != "" {
			message += ": " + audit.Printable(said)
		}
		return authsome.Secret{}, &authsome.Error{
			Kind: authsome.KindLoginFailed, Ref: ref, Message: message, Hint: "run it by itself: " + line, Err: err,
		}
	}
	return token, nil
}
