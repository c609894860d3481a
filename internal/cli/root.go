package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"authsome"
	"authsome/internal/provider"
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
	root.SetOut(a.out)
	root.SetErr(a.env.Stderr)
	root.SetFlagErrorFunc(flagError)
	a.helpInJSON(root)

	f := root.PersistentFlags()
	f.StringVar(&a.flags.profile, "profile", "", "profile to use (default: $AUTHSOME_PROFILE, then the chosen one)")
	f.BoolVar(&a.flags.json, "json", false, "print one JSON document")
	f.BoolVarP(&a.flags.quiet, "quiet", "q", false, "print data and errors only")
	f.BoolVar(&a.flags.noColor, "no-color", false, "print without colour (also $NO_COLOR)")
	f.BoolVarP(&a.flags.verbose, "verbose", "v", false, "write debug messages to standard error")
	f.StringVar(&a.flags.logFile, "log-file", defaultLogFile, `where debug messages go ("" for nowhere)`)

	commands := a.commands(a.env.Args)
	if len(commands) > 1 { // only then can there be a --version
		a.addVersion(root)
	}
	for _, c := range commands {
		cmd := c.make()
		if len(commands) > 1 {
			cmd.GroupID = c.group
		}
		root.AddCommand(cmd)
	}
	if len(commands) > 1 { // for the help, which only then can be asked for
		for _, g := range []string{groupUse, groupLogins, groupProviders, groupVault, groupMachine} {
			root.AddGroup(&cobra.Group{ID: g, Title: g + ":"})
		}
		root.SetHelpCommandGroupID(groupMachine)
		refuseUnknownTopics(root)
	}
	if completes(a.env.Args) {
		a.addCompletions(root)
	}
	return root
}

// helpInJSON makes the help a document like everything else that is printed with --json.
func (a *app) helpInJSON(root *cobra.Command) {
	help := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		if !a.flags.json {
			help(cmd, args)
			return
		}
		var text strings.Builder
		cmd.SetOut(&text)
		help(cmd, args)
		cmd.SetOut(a.out)
		_ = a.printJSON(object{{"command", cmd.CommandPath()}, {"help", text.String()}}) // exit tells what could not be written
	})
}

// refuseUnknownTopics makes help of a command that is none the failure that the command itself is. Cobra's own says so and succeeds.
func refuseUnknownTopics(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	for _, help := range root.Commands() {
		if help.Name() != "help" {
			continue
		}
		help.RunE = func(_ *cobra.Command, args []string) error {
			about, rest, err := root.Find(args)
			if err != nil {
				return err
			}
			if len(rest) > 0 && about.HasSubCommands() {
				return unknownCommand(about, rest[0])
			}
			about.InitDefaultHelpFlag() // so that it is shown
			return about.Help()
		}
	}
}

// The groups of commands, in the order in which the help shows them; the name of a group is its heading.
const (
	groupUse       = "Log in and use it"
	groupLogins    = "Your logins"
	groupProviders = "Providers"
	groupVault     = "The vault and its key"
	groupMachine   = "This installation"
)

// namedCommand makes a command when it is wanted.
type namedCommand struct {
	name  string
	make  func() *cobra.Command
	group string
}

// commands returns what makes the commands: the one that is called, if its name comes first, and all of them otherwise.
// To make all takes as long as to read the vault.
func (a *app) commands(args []string) []namedCommand {
	all := []namedCommand{
		{"login", a.loginCommand, groupUse},
		{"get", a.getCommand, groupUse},
		{"export", a.exportCommand, groupUse},
		{"run", a.runCommand, groupUse},
		{"proxy", a.proxyCommand, groupUse},
		{"explain", a.explainCommand, groupUse},
		{"trust", a.trustCommand, groupUse},
		{"untrust", a.untrustCommand, groupUse},
		{"list", a.listCommand, groupLogins},
		{"check", a.checkCommand, groupLogins},
		{"logout", a.logoutCommand, groupLogins},
		{"revoke", a.revokeCommand, groupLogins},
		{"remove", a.removeCommand, groupLogins},
		{"connection", a.connectionCommand, groupLogins},
		{"profile", a.profileCommand, groupLogins},
		{"scan", a.scanCommand, groupLogins},
		{"import", a.importCommand, groupLogins},
		{"log", a.logCommand, groupLogins},
		{"inspect", a.inspectCommand, groupProviders},
		{"register", a.registerCommand, groupProviders},
		{"provider", a.providerCommand, groupProviders},
		{"init", a.initCommand, groupVault},
		{"key", a.keyCommand, groupVault},
		{"unlock", a.unlockCommand, groupVault},
		{"lock", a.lockCommand, groupVault},
		{"agent", a.agentCommand, groupVault},
		{"backup", a.backupCommand, groupVault},
		{"restore", a.restoreCommand, groupVault},
		{"whoami", a.whoamiCommand, groupMachine},
		{"doctor", a.doctorCommand, groupMachine},
		{"demo", a.demoCommand, groupMachine},
		{"completion", a.completionCommand, groupMachine},
		{"version", a.versionCommand, groupMachine},
	}
	for _, c := range all {
		if len(args) > 0 && args[0] == c.name {
			return []namedCommand{c}
		}
	}
	return all
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
		return unknownCommand(cmd, args[0])
	}
	return cmd
}

func unknownCommand(parent *cobra.Command, typed string) error {
	return usageError(parent, fmt.Sprintf("unknown command %q for %q", typed, parent.CommandPath())+orMeant(typed, parent))
}

// orMeant asks about the subcommand whose name is like the one that was typed.
func orMeant(typed string, cmd *cobra.Command) string {
	if cmd.SuggestionsMinimumDistance == 0 {
		cmd.SuggestionsMinimumDistance = 2
	}
	if name := provider.Nearest(typed, cmd.SuggestionsFor(typed)); name != "" {
		return "; did you mean " + name + "?"
	}
	return ""
}

func usageError(cmd *cobra.Command, message string) error {
	return &authsome.Error{Kind: authsome.KindUsage, Message: message, Hint: cmd.CommandPath() + " --help"}
}

// flagError says what is wrong with a flag, and which one may have been meant. Of a value that is no number, or neither true nor
// false, package strconv says only what it did with it.
func flagError(cmd *cobra.Command, err error) error {
	message := err.Error()
	if typed, ok := strings.CutPrefix(message, "unknown flag: --"); ok {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if name := provider.Likely(typed, names); name != "" {
			message += "; did you mean --" + name + "?"
		}
	}
	if odd, ok := errors.AsType[*strconv.NumError](err); ok {
		message = strings.TrimSuffix(message, odd.Error()) + belongsInPlaceOf(odd)
	}
	return usageError(cmd, message)
}

func belongsInPlaceOf(odd *strconv.NumError) string {
	switch {
	case odd.Func == "ParseBool":
		return "true or false belongs there"
	case errors.Is(odd, strconv.ErrRange):
		return "a smaller number belongs there"
	default:
		return "a whole number belongs there"
	}
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
	typed, _, _ := strings.Cut(strings.TrimPrefix(message, `unknown command "`), `"`)
	suggestions := strings.Fields(strings.TrimPrefix(strings.TrimSpace(rest), "Did you mean this?"))
	if name := provider.Nearest(typed, suggestions); name != "" {
		message += "; did you mean " + name + "?"
		hint = "authsome " + name + " --help"
	}
	return &authsome.Error{Kind: authsome.KindUsage, Message: message, Hint: hint, Err: err}
}
