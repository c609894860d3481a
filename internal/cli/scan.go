package cli

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"authsome"
	"authsome/internal/envscan"
)

func (a *app) scanCommand() *cobra.Command {
	var takeIn, force bool
	cmd := &cobra.Command{
		Use: "scan [DIR]", Short: "Find credentials in .env files and in the environment", Args: atMost(1),
		Long: "Compare the .env files of a directory and of those below it, and the environment, with the providers that are\n" +
			"known and with the vault. No value is shown. --import takes in what is new.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if force && !takeIn {
				return usageError(cmd, "--force needs --import")
			}
			return a.scan(cmd.Context(), slices.Concat(args, []string{"."})[0], takeIn, force)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&takeIn, "import", false, "make connections of what is new")
	f.BoolVar(&force, "force", false, "with --import: replace connections that hold another value")
	return cmd
}

// What a variable is to the vault.
const (
	stateNew       = "new"        // the vault has nothing of the provider
	stateSame      = "same"       // it holds this very value
	stateDiffers   = "differs"    // it holds another one
	stateLooksLike = "looks_like" // only the form of the value says whose it may be
)

// finding is a variable that may hold a credential.
type finding struct {
	envscan.Variable

	claims     []envscan.Claim // not empty; the first is believed
	state      string
	connection authsome.ConnectionName // that holds the same value

	// What became of it, with --import.
	result string
	reason string
}

// survey is all that a scan has found.
type survey struct {
	dir      string
	profile  authsome.ProfileName
	states   map[authsome.ProviderName]*authsome.ProviderState
	findings []*finding
	skipped  []envscan.Skipped
	commands []authsome.ProviderName // that could be logged in to by their own program, which is installed
}

func (a *app) scan(ctx context.Context, dir string, takeIn, force bool) error {
	layer, profile, err := a.inProfile(ctx)
	if err != nil {
		return err
	}
	s := &survey{profile: profile}
	if s.dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	fromFiles, skipped, err := envscan.Files(ctx, s.dir)
	if err != nil {
		return &authsome.Error{Kind: authsome.KindUsage, Message: err.Error(), Hint: "authsome scan DIR", Err: err}
	}
	s.skipped = skipped
	definitions, err := s.readDefinitions(ctx, layer)
	if err != nil {
		return err
	}
	s.find(envscan.NewIndex(definitions), append(envscan.Environment(a.env.Environ), fromFiles...))
	if err := s.compare(ctx, layer); err != nil {
		return err
	}
	s.findCommands(definitions)
	var failed error
	if takeIn {
		failed = s.takeIn(ctx, layer, force)
	}
	if err := a.printSurvey(s, takeIn); err != nil {
		return err
	}
	return failed
}

// readDefinitions reads all definitions in full.
func (s *survey) readDefinitions(ctx context.Context, layer authsome.AuthLayer) ([]authsome.Provider, error) {
	summaries, _, err := layer.Providers(ctx, s.profile)
	if err != nil {
		return nil, err
	}
	s.states = make(map[authsome.ProviderName]*authsome.ProviderState, len(summaries))
	definitions := make([]authsome.Provider, 0, len(summaries))
	for _, summary := range summaries {
		if summary.Source == "" {
			continue // it has no definition
		}
		p, err := layer.Provider(ctx, s.profile, summary.Name)
		if err != nil {
			return nil, err
		}
		s.states[p.Name] = p
		definitions = append(definitions, p.Provider)
	}
	return definitions, nil
}

// find keeps the variables that somebody claims. Of several assignments in one place the last counts, as loaders have it.
func (s *survey) find(index *envscan.Index, all []envscan.Variable) {
	for i, v := range all {
		again := func(later envscan.Variable) bool { return later.Name == v.Name && later.File == v.File }
		if envscan.IsPlaceholder(v.Value) || slices.ContainsFunc(all[i+1:], again) {
			continue
		}
		claims := slices.DeleteFunc(index.Claims(v), isSetting)
		if len(claims) > 0 {
			s.findings = append(s.findings, &finding{Variable: v, claims: claims})
		}
	}
}

// isSetting reports whether a claim is to something that is neither secret nor necessary, such as a region.
func isSetting(c envscan.Claim) bool {
	return slices.ContainsFunc(c.Provider.KeyFields(), func(f authsome.KeyField) bool {
		return f.Name == c.Field && f.Public && f.Optional
	})
}

// compare tells what each variable is to the vault, and believes the claim that the vault supports.
func (s *survey) compare(ctx context.Context, layer authsome.AuthLayer) error {
	holder, ok := layer.(authsome.Holder)
	if !ok {
		return &authsome.Error{Message: "the vault in use does not tell what it holds"}
	}
	values := make([]authsome.Secret, len(s.findings))
	for i, f := range s.findings {
		values[i] = f.Value
	}
	holders, err := holder.Holders(ctx, s.profile, values)
	if err != nil {
		return err
	}
	for i, f := range s.findings {
		f.judge(s.states, holders[i])
	}
	return nil
}

func (f *finding) judge(states map[authsome.ProviderName]*authsome.ProviderState, holders []authsome.Ref) {
	for i, c := range f.claims {
		for _, ref := range holders {
			if ref.Provider == c.Provider.Name && c.OfClient() == (ref.Connection == "") {
				f.claims = append([]envscan.Claim{c}, slices.Delete(f.claims, i, i+1)...)
				f.state, f.connection = stateSame, ref.Connection
				return
			}
		}
	}
	believed := f.claims[0]
	known := states[believed.Provider.Name]
	switch {
	case believed.ByPattern:
		f.state = stateLooksLike
	case believed.OfClient() && known.Configured, !believed.OfClient() && len(known.Connections) > 0:
		f.state = stateDiffers
	default:
		f.state = stateNew
	}
}

// findCommands lists the providers whose own program could print a token, unless it has been asked already. Where several
// definitions have the same command, the one that precedes the others is meant.
func (s *survey) findCommands(definitions []authsome.Provider) {
	asked := make(map[string]bool)
	best := make(map[string]*authsome.Provider)
	for i := range definitions {
		p := &definitions[i]
		command := strings.Join(p.TokenCommand, " ")
		asked[command] = asked[command] || len(s.states[p.Name].Connections) > 0
		if known := best[command]; known == nil || slices.Contains(p.Precedes, known.Name) {
			best[command] = p
		}
	}
	for _, command := range slices.Sorted(maps.Keys(best)) {
		if p := best[command]; command != "" && !asked[command] && isOnPath(p.TokenCommand[0]) {
			s.commands = append(s.commands, p.Name)
		}
	}
}

// provider is the one that is believed.
func (f *finding) provider() *authsome.Provider { return f.claims[0].Provider }

func (f *finding) where() string {
	if f.File == "" {
		return "environment"
	}
	return fmt.Sprintf("%s:%d", f.File, f.Line)
}

// verdict is the state for people.
func (f *finding) verdict() string {
	switch f.state {
	case stateSame:
		if f.connection != "" {
			return "same as the vault's " + string(f.connection)
		}
		return "same as the vault's"
	case stateDiffers:
		return "differs from the vault's"
	case stateLooksLike:
		names := make([]string, len(f.claims))
		for i, c := range f.claims {
			names[i] = string(c.Provider.Name)
		}
		return "looks like " + strings.Join(names, " or ") + " by its pattern"
	default:
		return f.state
	}
}

func (a *app) printSurvey(s *survey, takenIn bool) error {
	if a.flags.json {
		return a.printJSON(s.document(takenIn))
	}
	for _, skipped := range s.skipped {
		a.warn(&authsome.Error{Message: fmt.Sprintf("%s was not read: %s", skipped.Path, skipped.Reason)})
	}
	if len(s.findings) == 0 {
		a.say("no credential was found in %s or in the environment", s.dir)
	} else if err := a.table(s.rows(takenIn)); err != nil {
		return err
	}
	isNew := func(f *finding) bool { return f.state == stateNew }
	if !takenIn && slices.ContainsFunc(s.findings, isNew) {
		a.say("authsome scan --import takes in what is new")
	}
	for _, name := range s.commands {
		a.say("%s could be asked for a token: authsome login %s --from-command", s.states[name].TokenCommand[0], name)
	}
	return nil
}

func (s *survey) rows(takenIn bool) [][]string {
	rows := [][]string{{"VARIABLE", "WHERE", "PROVIDER", "STATE"}}
	if takenIn {
		rows[0] = append(rows[0], "RESULT")
	}
	for _, f := range s.findings {
		row := []string{f.Name, f.where(), string(f.provider().Name), f.verdict()}
		if takenIn {
			row = append(row, strings.TrimSuffix(f.result+": "+f.reason, ": "))
		}
		rows = append(rows, row)
	}
	return rows
}

func (s *survey) document(takenIn bool) object {
	variables := []object{}
	for _, f := range s.findings {
		var candidates []authsome.ProviderName
		for _, c := range f.claims {
			candidates = append(candidates, c.Provider.Name)
		}
		o := object{
			{"variable", f.Name},
			{"where", f.where()},
			{"file", f.File},
			{"line", f.Line},
			{"provider", f.provider().Name},
			{"field", f.claims[0].Field},
			{"candidates", candidates},
			{"state", f.state},
			{"connection", f.connection},
		}
		if takenIn {
			o = append(o, member{"result", f.result}, member{"reason", f.reason})
		}
		variables = append(variables, o)
	}
	skipped := []object{}
	for _, e := range s.skipped {
		skipped = append(skipped, object{{"path", e.Path}, {"reason", e.Reason}})
	}
	commands := []object{}
	for _, name := range s.commands {
		commands = append(commands, object{{"provider", name}, {"command", s.states[name].TokenCommand}})
	}
	return object{
		{"directory", s.dir},
		{"profile", s.profile},
		{"variables", variables},
		{"commands", commands},
		{"skipped", skipped},
	}
}
