package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"authsome"
	"authsome/internal/standing"
	"authsome/internal/trust"
	"authsome/local"
)

// defaultLife is how long an agent has access unless it is said otherwise.
const defaultLife = 7 * 24 * time.Hour

// proxyOptions are the flags of the commands about a proxy that stays open.
type proxyOptions struct {
	project bool
	run     runOptions // of start and run
	listen  string
	idle    time.Duration

	name    string // of the agent that start makes
	replace bool
	life    time.Duration
	format  string
}

func (a *app) proxyCommand() *cobra.Command {
	o := &proxyOptions{}
	cmd := group(&cobra.Command{
		Use: "proxy", Short: "Keep a proxy open for agents that you do not start with run",
		Long: "Keep a proxy open for agents that you do not start with run: a shell, an editor, a service. Each has a password of\n" +
			"its own in its environment, which you can take away again. Of each profile there is one proxy that is shared,\n" +
			"and with --project one for a project's directory.",
		Example: "  eval \"$(authsome proxy start)\"\n  authsome proxy add editor --format json\n  authsome proxy revoke editor",
	})
	cmd.PersistentFlags().BoolVar(&o.project, "project", false, "the proxy of this project (the nearest directory with .git or .authsome)")
	cmd.AddCommand(a.proxyStartCommand(o), a.proxyRunCommand(o), a.proxyAddCommand(o),
		&cobra.Command{
			Use: "agents", Short: "List the agents that have access", Args: exactly(0),
			RunE: func(cmd *cobra.Command, _ []string) error { return a.proxyAgents(cmd.Context(), o) },
		},
		&cobra.Command{
			Use: "revoke NAME", Short: "Take an agent's access away, and end what it has open", Args: exactly(1),
			RunE: func(cmd *cobra.Command, args []string) error { return a.proxyRevoke(cmd.Context(), o, args[0]) },
		},
		&cobra.Command{
			Use: "status", Short: "Show the proxy", Args: exactly(0),
			RunE: func(cmd *cobra.Command, _ []string) error { return a.proxyStatus(cmd.Context(), o) },
		},
		&cobra.Command{
			Use: "stop", Short: "Stop the proxy and forget its agents", Args: exactly(0),
			RunE: func(cmd *cobra.Command, _ []string) error { return a.proxyStop(cmd.Context(), o) },
		})
	return cmd
}

func (a *app) proxyAddCommand(o *proxyOptions) *cobra.Command {
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Give an agent access and print its environment", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.checkAgentFlags(cmd, o); err != nil {
				return err
			}
			client, err := a.standing(cmd.Context(), o)
			if err != nil {
				return err
			}
			status, err := client.Status(cmd.Context())
			if err != nil {
				return err
			}
			if other := a.checkRules(status, o); other != nil {
				a.warn(authsome.AsError(other)) // the agent may belong somewhere else
			}
			return a.addAgent(cmd.Context(), client, o, args[0])
		},
	}
	o.agentFlags(cmd)
	cmd.Flags().BoolVar(&o.replace, "replace", false, "end the access of an agent of that name first")
	return cmd
}

// agentFlags are the flags of what makes an agent.
func (o *proxyOptions) agentFlags(cmd *cobra.Command) {
	o.life = defaultLife
	cmd.Flags().Var((*length)(&o.life), "for", "how long the agent has access")
	cmd.Flags().StringVar(&o.format, "format", "shell", "how to print the environment: "+strings.Join(environmentFormats(), ", "))
}

func (a *app) checkAgentFlags(cmd *cobra.Command, o *proxyOptions) error {
	if o.life <= 0 {
		return usageError(cmd, "--for wants a time, such as 8h")
	}
	return checkFormat(cmd, a.formatOf(o))
}

func (a *app) formatOf(o *proxyOptions) string {
	if a.flags.json {
		return "json"
	}
	return o.format
}

// proxyDir is where the proxy that is meant keeps what it needs, and its project.
func (a *app) proxyDir(o *proxyOptions) (dir, project string, err error) {
	home, err := a.homeDir()
	if err != nil {
		return "", "", err
	}
	profile, err := a.profile()
	if err != nil {
		return "", "", err
	}
	name := "proxy-" + string(profile)
	if o.project {
		if project, err = projectRoot(home, a.userHome()); err != nil {
			return "", "", err
		}
		sum := sha256.Sum256([]byte(project))
		name += "-" + hex.EncodeToString(sum[:6])
	}
	return filepath.Join(home, local.RunDir, name), project, nil
}

// projectRoot is the nearest directory with .authsome or .git, or the working directory. The home of authsome has that name, too,
// and makes no project of the directory that it lies in, nor does the user's home count by it: all that lies there would be one.
func projectRoot(home, userHome string) (string, error) {
	here, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the project: %w", err)
	}
	for dir := here; ; dir = filepath.Dir(dir) {
		for _, mark := range []string{trust.Dir, ".git"} {
			path := filepath.Join(dir, mark)
			if mark == trust.Dir && (isSame(path, home) || isSame(dir, userHome)) {
				continue
			}
			if _, err := os.Stat(path); err == nil {
				return dir, nil
			}
		}
		if dir == filepath.Dir(dir) {
			return here, nil
		}
	}
}

// isSame reports whether two paths lead to the same file.
func isSame(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}

// standing reaches the proxy that is meant.
func (a *app) standing(ctx context.Context, o *proxyOptions) (*standing.Client, error) {
	dir, _, err := a.proxyDir(o)
	if err != nil {
		return nil, err
	}
	client, err := dialStanding(ctx, dir, o)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &authsome.Error{
			Kind: authsome.KindUnreachable, Message: "the proxy is not running", Err: err,
			Hint: `eval "$(authsome proxy start` + o.projectFlag() + `)"`,
		}
	}
	return client, err
}

// dialStanding is [standing.Dial], and says what to do about a state that cannot be read.
func dialStanding(ctx context.Context, dir string, o *proxyOptions) (*standing.Client, error) {
	client, err := standing.Dial(ctx, dir)
	if errors.Is(err, standing.ErrDamaged) {
		return nil, &authsome.Error{
			Kind: authsome.KindInternal, Message: err.Error(), Err: err,
			Hint: "authsome proxy stop" + o.projectFlag() + " forgets it, and the agents that it names",
		}
	}
	return client, err
}

func (o *proxyOptions) projectFlag() string {
	if o.project {
		return " --project"
	}
	return ""
}

func (a *app) proxyAgents(ctx context.Context, o *proxyOptions) error {
	client, err := a.standing(ctx, o)
	if err != nil {
		return err
	}
	status, err := client.Status(ctx)
	if err != nil {
		return err
	}
	rows := [][]string{{"AGENT", "ADDED", "EXPIRES", "CONNECTIONS", "LAST SEEN"}}
	objects := []object{}
	for _, s := range status.Agents {
		rows = append(rows, []string{s.Name, text(s.Added), text(s.Expires), fmt.Sprint(s.Connections), text(s.LastSeen)})
		objects = append(objects, object{
			{"agent", s.Name}, {"added_at", s.Added}, {"expires_at", s.Expires}, {"connections", s.Connections}, {"last_seen_at", s.LastSeen},
		})
	}
	if a.flags.json {
		return a.printJSON(object{{"agents", objects}})
	}
	return a.table(rows)
}

func (a *app) proxyRevoke(ctx context.Context, o *proxyOptions, name string) error {
	client, err := a.standing(ctx, o)
	if err != nil {
		return err
	}
	if err := client.Revoke(ctx, name); err != nil {
		return err
	}
	a.recordAgent(authsome.EventAgentRevoke, name)
	if a.flags.json {
		return a.printJSON(object{{"status", "revoked"}, {"agent", name}})
	}
	a.say("%s has no access any more, and what it had open has ended", name)
	return nil
}

// recordAgent writes an audit entry about an agent.
func (a *app) recordAgent(event authsome.EventName, name string) {
	if profile, err := a.profile(); err == nil {
		a.note(event, authsome.Ref{Profile: profile}, map[string]string{"agent": name})
	}
}

func (a *app) proxyStatus(ctx context.Context, o *proxyOptions) error {
	client, err := a.standing(ctx, o)
	if err != nil {
		return err
	}
	s, err := client.Status(ctx)
	if err != nil {
		return err
	}
	rules, err := a.rulesOf(s)
	if err != nil {
		return err
	}
	members := object{
		{"status", "running"},
		{"profile", s.Profile},
		{"project", s.Project},
		{"address", s.Address},
		{"pid", s.PID},
		{"started_at", s.Started},
		{"renews_at", s.Renews},
		{"flags", ofProxy(s.Flags)},
		{"project_file", rules},
		{"agents", len(s.Agents)},
	}
	if a.flags.json {
		return a.printJSON(members)
	}
	return a.printMembers(members)
}

func (a *app) proxyStop(ctx context.Context, o *proxyOptions) error {
	dir, _, err := a.proxyDir(o)
	if err != nil {
		return err
	}
	state, _ := standing.Read(dir) // for what is said in the end
	client, err := standing.Dial(ctx, dir)
	what := "the proxy is stopped"
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, standing.ErrDamaged):
		what = "no proxy was running"
		err = forgetState(dir)
	case err == nil:
		err = stopAndWait(ctx, client, dir)
	}
	if err != nil {
		return err
	}
	if a.flags.json {
		return a.printJSON(object{{"status", "stopped"}})
	}
	if state != nil && len(state.Agents) > 0 {
		what += ", and its agents' passwords are worthless"
	}
	a.say("%s", what)
	if state != nil && strings.HasSuffix(a.env.getenv("HTTPS_PROXY"), "@"+state.Address) {
		a.say("this shell still goes to it, and reaches nothing: go on in a new one")
	}
	return nil
}
