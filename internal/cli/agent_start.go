package cli

import (
	"context"
	"os"
	"slices"

	"authsome/internal/span"
	"authsome/local"
)

// startAgent starts a process that is the agent.
func (a *app) startAgent(ctx context.Context, o agentOptions) error {
	args := []string{"agent", "--background", "--timeout=" + span.Short(o.timeout), "--lifetime=" + span.Short(o.lifetime)}
	if o.confirm {
		args = append(args, "--confirm")
	}
	b := background{
		what: "the agent", args: args, environ: a.agentEnviron(), dir: os.TempDir(), ready: agentReady + "\n",
	}
	return b.start(ctx)
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
