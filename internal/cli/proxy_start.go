package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"authsome"
	"authsome/internal/standing"
)

// startTime is how long a proxy that another command starts may take.
const startTime = 15 * time.Second

func (a *app) proxyStartCommand(o *proxyOptions) *cobra.Command {
	cmd := &cobra.Command{
		Use: "start", Short: "Start the proxy unless it is running, and print the environment of a new agent",
		Long: "Start the proxy in the background unless it is running, give an agent access, and print its environment. It is for a\n" +
			"shell whose programs are agents: variables that hold credentials are replaced by placeholders there.",
		Example: "  eval \"$(authsome proxy start)\"\n  authsome proxy start --format fish | source",
		Args:    exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(a.checkAgentFlags(cmd, o), o.check(cmd)); err != nil {
				return err
			}
			client, err := a.startedProxy(cmd.Context(), o, serverFlags(cmd))
			if err != nil {
				return err
			}
			return a.addAgent(cmd.Context(), client, o, o.name)
		},
	}
	o.serverFlags(cmd)
	o.agentFlags(cmd)
	cmd.Flags().StringVar(&o.name, "name", "", "name of the agent (default: agent-1 and so on)")
	return cmd
}

// startedProxy reaches the proxy that is meant, having started it if need be.
func (a *app) startedProxy(ctx context.Context, o *proxyOptions, flags []string) (*standing.Client, error) {
	dir, _, err := a.proxyDir(o)
	if err != nil {
		return nil, err
	}
	client, err := dialStanding(ctx, dir, o)
	if errors.Is(err, fs.ErrNotExist) {
		failure := a.spawnProxy(ctx, dir, flags)
		if authsome.KindOf(failure) == authsome.KindVaultUnavailable && a.openVault(ctx) == nil {
			failure = a.spawnProxy(ctx, dir, flags) // nobody can be asked there, and need not be any more
		}
		if failure == nil {
			return standing.Dial(ctx, dir)
		}
		if !strings.Contains(failure.Error(), alreadyRunning) {
			return nil, failure
		}
		client, err = awaitProxy(ctx, dir, failure)
	}
	if err != nil {
		return nil, err
	}
	status, err := client.Status(ctx)
	if err != nil {
		return nil, err
	}
	if wanted, has := ofProxy(flags), ofProxy(status.Flags); len(wanted) > 0 && !slices.Equal(wanted, has) {
		return nil, &authsome.Error{
			Kind: authsome.KindUsage, Message: "the proxy is running already, with " + describeFlags(has),
			Hint: "authsome proxy stop" + o.projectFlag() + ", and start it again",
		}
	}
	return client, a.checkRules(status, o)
}

// openVault opens the vault in this process, which asks for a passphrase if need be. The agent keeps the key for those that follow.
func (a *app) openVault(ctx context.Context) error {
	layer, profile, err := a.inProfile(ctx)
	if err != nil {
		return err
	}
	_, err = layer.List(ctx, profile)
	return err
}

// ofProxy leaves out the flags that say which proxy is meant, or are about the process, or about the project's file, which
// [app.checkRules] compares.
func ofProxy(flags []string) []string {
	return slices.DeleteFunc(slices.Clone(flags), func(flag string) bool {
		name, _, _ := strings.Cut(flag, "=")
		return slices.Contains([]string{"--project", "--profile", "--log-file", "--no-project-file"}, name)
	})
}

// describeFlags tells the flags of a proxy.
func describeFlags(flags []string) string {
	if len(flags) == 0 {
		return "no flags"
	}
	return "other flags: " + strings.Join(flags, " ")
}

// awaitProxy reaches the proxy that somebody else is starting at this moment. failure is why there is no other.
func awaitProxy(ctx context.Context, dir string, failure error) (*standing.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		if client, err := standing.Dial(ctx, dir); err == nil {
			return client, nil
		}
		if moment(ctx) != nil {
			return nil, failure
		}
	}
}

// spawnProxy starts a process that is the proxy.
func (a *app) spawnProxy(ctx context.Context, dir string, flags []string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("start the proxy: %w", err)
	}
	messages, before, err := openMessages(filepath.Join(dir, "messages"))
	if err != nil {
		return fmt.Errorf("start the proxy: %w", err)
	}
	defer messages.Close()
	b := background{
		what: "the proxy", args: append([]string{"proxy", "run"}, flags...), environ: a.env.Environ, ready: readyLine,
		messages: messages, before: before,
	}
	return b.start(ctx)
}
