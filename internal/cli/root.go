package cli

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"authsome"
)

// globals are the flags that every command takes.
type globals struct {
	profile string
	json    bool
	quiet   bool
	noColor bool
	verbose bool
	logFile string
}

// command builds the tree of commands.
func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "authsome",
		Short: "Keep logins for agents: log in once, stay logged in, hand nothing over",
		Long: "authsome keeps the logins of your agents. You log in once; it stores the credential encrypted, keeps it\n" +
			"fresh, and adds it to the requests of the programs you run, which never see it.",
		SilenceErrors: true,
		SilenceUsage:  true,
		// There is one of our own; cobra's is made of five commands at every start.
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetIn(a.env.Stdin)
	root.SetOut(a.env.Stdout)
	root.SetErr(a.env.Stderr)
	root.SetVersionTemplate("authsome {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageError(cmd, err.Error()) })

	f := root.PersistentFlags()
	f.StringVar(&a.flags.profile, "profile", "", "profile to use (default: $AUTHSOME_PROFILE, then the chosen one)")
	f.BoolVar(&a.flags.json, "json", false, "print one JSON document")
	f.BoolVarP(&a.flags.quiet, "quiet", "q", false, "print data and errors only")
	f.BoolVar(&a.flags.noColor, "no-color", false, "print without colour (also $NO_COLOR)")
	f.BoolVarP(&a.flags.verbose, "verbose", "v", false, "write debug messages to standard error")
	f.StringVar(&a.flags.logFile, "log-file", defaultLogFile, `where debug messages go ("" for nowhere)`)

	commands := a.commands(a.env.Args)
	if len(commands) > 1 { // only then can there be a --version, which takes long to find out
		root.Version = version()
	}
	for _, c := range commands {
		root.AddCommand(c())
	}
	return root
}

// commands returns what makes the commands: the one that is called, if its name comes first, and all of them otherwise.
// To make all takes as long as to read the vault.
func (a *app) commands(args []string) []func() *cobra.Command {
	all := []struct {
		name string
		make func() *cobra.Command
	}{
		{"login", a.loginCommand},
		{"get", a.getCommand},
		{"export", a.exportCommand},
		{"run", a.runCommand},
		{"proxy", a.proxyCommand},
		{"explain", a.explainCommand},
		{"trust", a.trustCommand},
		{"untrust", a.untrustCommand},
		{"logout", a.logoutCommand},
		{"revoke", a.revokeCommand},
		{"remove", a.removeCommand},
		{"list", a.listCommand},
		{"check", a.checkCommand},
		{"inspect", a.inspectCommand},
		{"scan", a.scanCommand},
		{"import", a.importCommand},
		{"register", a.registerCommand},
		{"provider", a.providerCommand},
		{"profile", a.profileCommand},
		{"connection", a.connectionCommand},
		{"agent", a.agentCommand},
		{"lock", a.lockCommand},
		{"unlock", a.unlockCommand},
		{"key", a.keyCommand},
		{"log", a.logCommand},
		{"whoami", a.whoamiCommand},
		{"doctor", a.doctorCommand},
		{"init", a.initCommand},
		{"backup", a.backupCommand},
		{"restore", a.restoreCommand},
		{"demo", a.demoCommand},
		{"completion", a.completionCommand},
		{"version", a.versionCommand},
	}
	var wanted []func() *cobra.Command
	for _, c := range all {
		if len(args) > 0 && args[0] == c.name {
			return []func() *cobra.Command{c.make}
		}
		wanted = append(wanted, c.make)
	}
	return wanted
}

// exactly demands n arguments and names them in the error.
func exactly(n int) cobra.PositionalArgs { return between(n, n) }

// atMost allows up to n arguments.
func atMost(n int) cobra.PositionalArgs { return between(0, n) }

func between(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch n := len(args); {
		case n < least:
			return usageError(cmd, "missing argument "+strings.Fields(cmd.Use)[1+n])
		case n > most:
			return usageError(cmd, "unexpected argument "+args[most])
		default:
			return nil
		}
	}
}

// group makes a command of nothing but subcommands refuse a name that is none of them, which cobra takes for a question.
func group(cmd *cobra.Command) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return usageError(cmd, fmt.Sprintf("unknown command %q for %q", args[0], cmd.CommandPath()))
	}
	return cmd
}

func usageError(cmd *cobra.Command, message string) error {
	return &authsome.Error{Kind: authsome.KindUsage, Message: message, Hint: cmd.CommandPath() + " --help"}
}

// asUsage gives the errors that cobra makes itself, such as an unknown command, the kind they deserve.
func asUsage(err error) error {
	if _, ok := errors.AsType[*authsome.Error](err); ok {
		return err
	}
	message, rest, _ := strings.Cut(err.Error(), "\n")
	if !strings.HasPrefix(message, "unknown ") && !strings.Contains(message, "flag") {
		return err
	}
	hint := "authsome --help"
	if suggestion := strings.Fields(strings.TrimPrefix(strings.TrimSpace(rest), "Did you mean this?")); len(suggestion) > 0 {
		hint = "did you mean authsome " + suggestion[0] + "?"
	}
	return &authsome.Error{Kind: authsome.KindUsage, Message: message, Hint: hint, Err: err}
}

// version is what the build says of itself.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown)"
}
