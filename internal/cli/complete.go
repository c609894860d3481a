package cli

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"authsome"
	"authsome/internal/audit"
	"authsome/internal/provider"
	"authsome/internal/shell"
	"authsome/internal/standing"
	"authsome/local"
)

// candidates says what may stand in one place of a command line. What it returns may have a description behind a tab.
type candidates func(cmd *cobra.Command, args []string) []string

// completes reports whether the shell asks what can follow, and not a person for something to be done.
func completes(args []string) bool {
	return len(args) > 0 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd)
}

// addCompletions has every command say what its arguments and flags may be. Commands are told apart by what their help
// calls the arguments. Only names are offered, which are read without the key: nothing is unlocked, asked or written, and
// where there is nothing to read nothing is offered.
func (a *app) addCompletions(root *cobra.Command) {
	for _, cmd := range root.Commands() {
		a.addCompletions(cmd)
	}
	for flag, of := range a.flagCandidates() {
		if root.Flags().Lookup(flag) != nil || root.PersistentFlags().Lookup(flag) != nil {
			// It fails for a flag that is there twice only.
			_ = root.RegisterFlagCompletionFunc(flag, offer(of))
		}
	}
	if root.Flags().Lookup("scopes") != nil && root.Name() == "login" {
		_ = root.RegisterFlagCompletionFunc("scopes", a.scopesFlag)
	}
	if root.ValidArgs == nil && root.ValidArgsFunction == nil {
		root.ValidArgsFunction = a.arguments(root.Use)
	}
}

// arguments completes the arguments that a line of help names. Commands that are run are the shell's to complete.
func (a *app) arguments(use string) cobra.CompletionFunc {
	use, rest, _ := strings.Cut(use, " [flags]")
	words, beyond := strings.Fields(use)[1:], cobra.ShellCompDirectiveNoFileComp
	if strings.Contains(rest, "-- COMMAND") {
		beyond = cobra.ShellCompDirectiveDefault
	}
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= len(words) {
			return nil, beyond
		}
		switch word := strings.Trim(words[len(args)], "[]"); word {
		case "FILE", "PATH":
			return nil, cobra.ShellCompDirectiveDefault
		case "DIR":
			return nil, cobra.ShellCompDirectiveFilterDirs
		default:
			return offer(a.argumentCandidates(cmd, word))(cmd, args, typed)
		}
	}
}

// offer gives cobra those candidates that begin with what was typed.
func offer(of candidates) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		all := slices.DeleteFunc(of(cmd, args), func(s string) bool { return !strings.HasPrefix(s, typed) })
		return all, cobra.ShellCompDirectiveNoFileComp
	}
}

// fixed are candidates that are always the same.
func fixed[T ~string](words ...T) candidates {
	return func(*cobra.Command, []string) []string {
		all := make([]string, len(words))
		for i, w := range words {
			all[i] = string(w)
		}
		return all
	}
}

// argumentCandidates returns what an argument may be, by the word that the help has for it.
func (a *app) argumentCandidates(cmd *cobra.Command, word string) candidates {
	switch {
	case word == "SOURCE":
		return fixed(keyKinds()...)
	case word == "PROVIDER|URL", word == "PROVIDER" && cmd.Name() == "inspect":
		return a.allProviders
	case word == "PROVIDER" && (cmd.Name() == "revoke" || cmd.Name() == "remove"):
		return a.heldProviders
	case word == "PROVIDER":
		return a.connectedProviders
	case word == "OLD", word == "NAME" && cmd.Name() == "set-default":
		return a.connectionsOf
	case word == "NAME" && cmd.Name() == "revoke":
		return a.proxyAgentNames
	case word == "NAME" && (cmd.Name() == "use" || cmd.Name() == "delete"):
		return a.profiles
	default:
		return fixed[string]()
	}
}

// flagCandidates returns what the flags may be whose values are known.
func (a *app) flagCandidates() map[string]candidates {
	return map[string]candidates{
		"profile":         a.profiles,
		"connection":      a.connectionFlag,
		"only":            a.connectedProviders,
		"subject":         a.pairs,
		"provider":        a.connectedProviders,
		"field":           a.fields,
		"format":          formatFlag,
		"unmatched":       fixed("allow", "deny"),
		"redact":          fixed("on", "off"),
		"cookies":         fixed("allow", "withhold"),
		"new-credentials": fixed("allow", "withhold"),
		"kind":            fixed(authsome.AuthTypeAPIKey, authsome.AuthTypeBasic, authsome.AuthTypeOAuth2),
		"flow":            fixed(allFlows()...),
	}
}

// formatFlag offers the formats that a command prints.
func formatFlag(cmd *cobra.Command, _ []string) []string {
	switch cmd.Name() {
	case "export":
		return []string{"env", "shell", "json"}
	case "log":
		return []string{"table", "json", "csv", "otel"}
	default:
		return environmentFormats()
	}
}

// connectionFlag offers connections as the command takes them: of one provider, or together with it.
func (a *app) connectionFlag(cmd *cobra.Command, args []string) []string {
	if strings.Contains(cmd.Use, "PROVIDER") {
		return a.connectionsOf(cmd, args)
	}
	return a.pairs(cmd, args)
}

// scopesFlag offers the scopes of the definition that are not in the list yet. The shell takes the list for one word. What a shell
// would act upon it is not given: it writes what several candidates have in common as it is.
func (a *app) scopesFlag(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	catalogue := a.catalogue()
	if catalogue == nil || len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	p, err := catalogue.Lookup(authsome.ProviderName(args[0]))
	if err != nil || p.OAuth == nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	before, begun := "", typed
	if i := strings.LastIndexByte(typed, ','); i >= 0 {
		before, begun = typed[:i+1], typed[i+1:]
	}
	var all []string
	for _, scope := range p.OAuth.Scopes {
		if strings.HasPrefix(scope, begun) && shell.Word(scope) == scope && !slices.Contains(strings.Split(before, ","), scope) {
			all = append(all, before+scope)
		}
	}
	return all, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// proxyAgentNames offers the agents of the proxy that is meant, as it has written them down.
func (a *app) proxyAgentNames(cmd *cobra.Command, _ []string) []string {
	project, _ := cmd.Flags().GetBool("project")
	dir, _, err := a.proxyDir(&proxyOptions{project: project})
	if err != nil {
		return nil
	}
	state, err := standing.Read(dir)
	if err != nil {
		return nil
	}
	var all []string
	for _, agent := range state.Agents {
		all = append(all, agent.Name)
	}
	return all
}

// fields offers what "get" prints of a connection of the provider.
func (a *app) fields(_ *cobra.Command, args []string) []string {
	c := authsome.Connection{AuthType: authsome.AuthTypeOAuth2}
	if catalogue := a.catalogue(); catalogue != nil && len(args) > 0 {
		if p, err := catalogue.Lookup(authsome.ProviderName(args[0])); err == nil {
			c.AuthType = p.AuthType
		}
	}
	return describe(&c).names()
}

// names reads the vault's names, or none.
func (a *app) names(ctx context.Context) local.Names {
	home, err := a.homeDir()
	if err != nil {
		return local.Names{}
	}
	names, err := local.NamesIn(ctx, home)
	if err != nil {
		return local.Names{}
	}
	return names
}

// connected returns the connections of the profile in use.
func (a *app) connected(ctx context.Context) []authsome.Ref {
	profile, err := a.profile()
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(a.names(ctx).Connections, func(ref authsome.Ref) bool { return ref.Profile != profile })
}

func (a *app) profiles(cmd *cobra.Command, _ []string) []string {
	var all []string
	for _, p := range a.names(cmd.Context()).Profiles {
		all = append(all, string(p))
	}
	return all
}

func (a *app) connectedProviders(cmd *cobra.Command, _ []string) []string {
	var all []string
	for _, ref := range a.connected(cmd.Context()) {
		all = append(all, string(ref.Provider))
	}
	return slices.Compact(all)
}

func (a *app) connectionsOf(cmd *cobra.Command, args []string) []string {
	var all []string
	for _, ref := range a.connected(cmd.Context()) {
		if len(args) > 0 && string(ref.Provider) == args[0] {
			all = append(all, string(ref.Connection))
		}
	}
	return all
}

// pairs offers PROVIDER=CONNECTION.
func (a *app) pairs(cmd *cobra.Command, _ []string) []string {
	var all []string
	for _, ref := range a.connected(cmd.Context()) {
		all = append(all, string(ref.Provider)+"="+string(ref.Connection))
	}
	return all
}

// heldProviders offers the providers of which there is something to delete, definitions of one's own among them.
func (a *app) heldProviders(cmd *cobra.Command, _ []string) []string {
	var all []string
	for _, name := range a.names(cmd.Context()).Clients {
		all = append(all, string(name))
	}
	for _, p := range a.definitions() {
		if p.Source == authsome.SourceCustom && cmd.Name() == "remove" {
			all = append(all, string(p.Name))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// allProviders offers the definitions there are, with the names people know them by.
func (a *app) allProviders(*cobra.Command, []string) []string {
	var all []string
	for _, p := range a.definitions() {
		all = append(all, string(p.Name)+"\t"+audit.Printable(p.DisplayName))
	}
	return all
}

// definitions returns the definitions that can be read.
func (a *app) definitions() []authsome.ProviderState {
	catalogue := a.catalogue()
	if catalogue == nil {
		return nil
	}
	all, _, err := catalogue.Summaries()
	if err != nil {
		return nil
	}
	return all
}

// catalogue returns the definitions of the home, or nil where there is none to be had.
func (a *app) catalogue() *provider.Catalogue {
	home, err := a.homeDir()
	if err != nil {
		return nil
	}
	return provider.Open(filepath.Join(home, local.ProvidersDir))
}
