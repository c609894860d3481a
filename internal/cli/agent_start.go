package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"

	"authsome"
	"authsome/local"
)

// startAgent starts a process that is the agent and waits until it is ready. It has a session of its own, so that it does
// not end with the terminal, and nothing of ours open.
func (a *app) startAgent(ctx context.Context, o agentOptions) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("start the agent: %w", err)
	}
	args := []string{"agent", "--background", "--timeout=" + o.timeout.String(), "--lifetime=" + o.lifetime.String()}
	if o.confirm {
		args = append(args, "--confirm")
	}
	cmd := exec.Command(program, args...) //nolint:gosec,noctx // it is to outlive us
	cmd.Args[0] = os.Args[0]
	cmd.Env, cmd.Dir, cmd.SysProcAttr = a.agentEnviron(), os.TempDir(), detached()
	// What it says is about its start; after that nobody listens, and it says nothing.
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("start the agent: %w", err)
	}
	cmd.Stderr = cmd.Stdout
	keepOpenFiles()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the agent: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	said := bufio.NewReader(io.LimitReader(out, 1<<16))
	line, _ := said.ReadString('\n')
	if line == agentReady+"\n" {
		return cmd.Process.Release()
	}
	rest, _ := io.ReadAll(said)
	_ = cmd.Wait()
	return agentFailure(ctx, line+string(rest), cmd.ProcessState.ExitCode())
}

// agentFailure tells what an agent has said before it ended.
func agentFailure(ctx context.Context, said string, code int) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	message, hint, _ := strings.Cut(strings.TrimSpace(said), "\nhint: ")
	message = strings.TrimPrefix(message, "Error: ")
	if message == "" {
		message = "it ended without a word"
	}
	return &authsome.Error{Kind: kindOfExit(code), Message: "the agent did not start: " + message, Hint: hint}
}

// agentEnviron is the environment of an agent: ours without the keys, and with the home that this command has.
func (a *app) agentEnviron() []string {
	return append(withoutKeys(a.env.Environ), local.EnvHome+"="+a.home)
}

// withoutKeys leaves out the variables that hold keys of a vault. Neither an agent nor what it asks with needs them.
func withoutKeys(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		name, _, _ := cutEnv(entry)
		return name == local.EnvMasterKey
	})
}
