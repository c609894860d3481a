package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/spf13/cobra"

	"authsome"
	"authsome/internal/envscan"
)

type scanOptions struct {
	take bool
}

func (a *app) scanCommand() *cobra.Command {
	var o scanOptions
	cmd := &cobra.Command{
		Use: "scan [DIRECTORY]", Short: "Find credentials in .env files and in the environment", Args: atMost(1),
		Long: "Compare the environment and the .env files below a directory with the catalogue and the vault. No value is shown.",
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			return a.scan(cmd.Context(), dir, o)
		},
	}
	cmd.Flags().BoolVar(&o.take, "import", false, "log in with what is new")
	return cmd
}

// finding is a credential that lies somewhere.
type finding struct {
	variable envscan.Variable
	provider authsome.ProviderName
	field    authsome.FieldName
	byForm   bool   // the name is nobody's, but the value looks like this provider's
	state    string // new, stored, different, imported, or failed
	reason   string
}

func (a *app) scan(ctx context.Context, dir string, o scanOptions) error {
	layer, profile, err := a.inProfile(ctx)
	if err != nil {
		return err
	}
	states, _, err := layer.Providers(ctx, profile)
	if err != nil {
		return err
	}
	var known scanner
	for _, s := range states {
		p, err := layer.Provider(ctx, profile, s.Name)
		if err != nil {
			continue // list names definitions that are broken
		}
		known.add(&p.Provider)
	}
	variables, problem := envscan.Files(dir)
	if problem != nil {
		a.warn(authsome.AsError(problem))
	}
	variables = append(variables, envscan.Environment(a.env.Environ)...)
	var found []finding
	for _, v := range variables {
		if f, ok := known.recognize(v); ok {
			f.state, err = a.compare(ctx, layer, profile, f)
			if err != nil {
				return err
			}
			found = append(found, f)
		}
	}
	if o.take {
		a.takeIn(ctx, layer, profile, found)
	}
	return a.printScan(dir, found, o)
}

// scanner knows which variables and values belong to whom.
type scanner struct {
	names    map[string]owner
	patterns []form
}

type owner struct {
	provider authsome.ProviderName
	field    authsome.FieldName
	authType authsome.AuthType
}

type form struct {
	provider authsome.ProviderName
	pattern  *regexp.Regexp
}

// add learns a definition's variables. Of two that share a name, the one that precedes the other has it.
func (s *scanner) add(p *authsome.Provider) {
	if s.names == nil {
		s.names = make(map[string]owner)
	}
	claim := func(name string, field authsome.FieldName) {
		if before, taken := s.names[name]; name != "" && (!taken || slices.Contains(p.Precedes, before.provider)) {
			s.names[name] = owner{p.Name, field, p.AuthType}
		}
	}
	main := p.AuthType.SecretField()
	for _, name := range p.Export.Names(string(main)) {
		claim(name, main)
	}
	for _, f := range p.KeyFields() {
		claim(f.EnvVar, f.Name)
		if f.Name == main && len(f.Pattern) > 8 && p.AuthType == authsome.AuthTypeAPIKey {
			if re, err := regexp.Compile(`\A(?:` + f.Pattern + `)\z`); err == nil && isTelling(re) {
				s.patterns = append(s.patterns, form{p.Name, re})
			}
		}
	}
}

// isTelling reports whether a pattern begins with letters that only this provider's keys begin with.
func isTelling(re *regexp.Regexp) bool {
	prefix, _ := re.LiteralPrefix()
	const least = 3
	return len(prefix) >= least
}

// recognize says whose credential a variable holds: by its name, else by the form of its value where that fits one
// provider and no other.
func (s *scanner) recognize(v envscan.Variable) (finding, bool) {
	if v.Value.Reveal() == authsome.Placeholder {
		return finding{}, false
	}
	if o, ok := s.names[v.Name]; ok {
		return finding{variable: v, provider: o.provider, field: o.field}, true
	}
	var fits []authsome.ProviderName
	for _, f := range s.patterns {
		if f.pattern.MatchString(v.Value.Reveal()) {
			fits = append(fits, f.provider)
		}
	}
	if len(fits) != 1 {
		return finding{}, false
	}
	return finding{variable: v, provider: fits[0], field: authsome.FieldAPIKey, byForm: true}, true
}

// compare says how a finding stands to what the vault has. It refreshes nothing.
func (a *app) compare(
	ctx context.Context, layer authsome.AuthLayer, profile authsome.ProfileName, f finding,
) (string, error) {
	state, err := layer.Provider(ctx, profile, f.provider)
	if err != nil {
		return "", err
	}
	if len(state.Connections) == 0 {
		return "new", nil
	}
	for _, c := range state.Connections {
		if c.AuthType == authsome.AuthTypeOAuth2 {
			continue // an access call could refresh, and what lies in a file is not the token of a grant
		}
		cred, err := layer.Credential(ctx, c.Ref, authsome.CredentialOptions{})
		if err != nil {
			continue
		}
		stored := cred.Fields[f.field]
		if f.field == c.AuthType.SecretField() {
			stored = cred.Value
		}
		if stored.Equal(f.variable.Value) {
			return "stored", nil
		}
	}
	return "different", nil
}

// takeIn logs in with the main values that are new. Their further fields come from the same place.
func (a *app) takeIn(ctx context.Context, layer authsome.AuthLayer, profile authsome.ProfileName, found []finding) {
	done := make(map[authsome.ProviderName]bool)
	for i := range found {
		f := &found[i]
		p, err := layer.Provider(ctx, profile, f.provider)
		if err != nil || f.state != "new" || f.field != p.AuthType.SecretField() || done[f.provider] {
			continue
		}
		req := authsome.LoginRequest{
			Ref:    authsome.Ref{Profile: profile, Provider: f.provider},
			Fields: map[authsome.FieldName]authsome.Secret{f.field: f.variable.Value},
		}
		for _, other := range found {
			if other.provider == f.provider && other.variable.File == f.variable.File {
				req.Fields[other.field] = other.variable.Value
			}
		}
		for _, k := range p.KeyFields() {
			if _, there := req.Fields[k.Name]; !there && k.Optional {
				req.Fields[k.Name] = authsome.Secret{}
			}
		}
		f.state, f.reason = takeOne(ctx, layer, req)
		done[f.provider] = true
	}
}

func takeOne(ctx context.Context, layer authsome.AuthLayer, req authsome.LoginRequest) (state, reason string) {
	step, err := layer.Authorize(ctx, req)
	switch {
	case err != nil:
		return "failed", err.Error()
	case step.Connection == nil:
		return "failed", "the login needs more than that; authsome login " + string(req.Ref.Provider)
	default:
		return "imported", ""
	}
}

func (a *app) printScan(dir string, found []finding, o scanOptions) error {
	if a.flags.json {
		objects := make([]object, len(found))
		for i, f := range found {
			objects[i] = object{
				{"variable", f.variable.Name},
				{"file", f.variable.File},
				{"line", f.variable.Line},
				{"provider", f.provider},
				{"field", f.field},
				{"recognized_by", recognizedBy(f)},
				{"state", f.state},
				{"reason", f.reason},
			}
		}
		return a.printJSON(object{{"findings", objects}})
	}
	if len(found) == 0 {
		a.say("no credentials found below %s and in the environment", dir)
		return nil
	}
	rows := [][]string{{"VARIABLE", "WHERE", "PROVIDER", "STATE"}}
	fresh := false
	for _, f := range found {
		state := f.state
		if f.byForm {
			state += " (by the form of the value)"
		}
		if f.reason != "" {
			state += ": " + f.reason
		}
		fresh = fresh || f.state == "new"
		rows = append(rows, []string{f.variable.Name, where(f.variable), string(f.provider), state})
	}
	if err := a.table(rows); err != nil {
		return err
	}
	if fresh && !o.take {
		a.say("\nauthsome scan --import logs in with what is new; delete it from the files afterwards")
	}
	return nil
}

func recognizedBy(f finding) string {
	if f.byForm {
		return "value"
	}
	return "name"
}

func where(v envscan.Variable) string {
	if v.File == "" {
		return "environment"
	}
	return fmt.Sprintf("%s:%d", filepath.ToSlash(v.File), v.Line)
}
