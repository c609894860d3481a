package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"authsome"
	"authsome/internal/shell"
)

type exportOptions struct {
	connection string
	format     string
	prefix     string
}

func (a *app) exportCommand() *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use: "export [PROVIDER]", Short: "Print credentials as environment variables", Args: atMost(1),
		Example: `  eval "$(authsome export github --format shell)"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch o.format {
			case "env", "shell", "json":
			default:
				return usageError(cmd, fmt.Sprintf("no format %q; there are env, shell and json", o.format))
			}
			if o.prefix != "" && !isVariable(o.prefix) {
				return usageError(cmd, fmt.Sprintf("--prefix %q: names have letters, digits and '_', and begin with no digit", o.prefix))
			}
			if len(args) == 0 && o.connection != "" {
				return usageError(cmd, "--connection needs a provider")
			}
			return a.export(cmd.Context(), args, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.connection, "connection", "", "connection to export (default: the provider's default one)")
	f.StringVar(&o.format, "format", "env", "env (NAME=value), shell (for eval) or json")
	f.StringVar(&o.prefix, "prefix", "", "what the names begin with")
	return cmd
}

func (a *app) export(ctx context.Context, args []string, o exportOptions) error {
	layer, err := a.auth(ctx)
	if err != nil {
		return err
	}
	if len(args) == 1 {
		ref, err := a.ref(args[0], o.connection)
		if err != nil {
			return err
		}
		vars, err := a.exportOne(ctx, layer, ref, o)
		if err != nil {
			return err
		}
		return a.printVariables(vars, o.format)
	}
	return a.exportAll(ctx, layer, o)
}

// exportAll prints what can be had. One connection that fails does not take the others along.
func (a *app) exportAll(ctx context.Context, layer authsome.AuthLayer, o exportOptions) error {
	profile, err := a.profile()
	if err != nil {
		return err
	}
	all, err := layer.List(ctx, profile)
	if err != nil {
		return err
	}
	// Programs look for the plain name, and it is to mean what it means everywhere else: the default connection.
	slices.SortStableFunc(all, func(a, b authsome.Connection) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), isDefault(b)-isDefault(a))
	})
	var vars variables
	var failed error
	for _, c := range all {
		more, err := a.exportOne(ctx, layer, c.Ref, o)
		switch kind := authsome.KindOf(err); kind {
		case authsome.KindRefreshFailed, authsome.KindDenied:
			a.warn(authsome.AsError(err))
			failed = exitStatus(exitCode(kind))
			continue
		case authsome.KindProviderNotFound, authsome.KindConnectionNotFound, authsome.KindUsage: // a broken definition, or gone since
			a.warn(authsome.AsError(err))
			failed = exitStatus(exitCode(authsome.KindRefreshFailed))
			continue
		}
		if err != nil {
			return err
		}
		vars.add(c, more)
	}
	if err := a.printVariables(vars, o.format); err != nil {
		return err
	}
	return failed
}

// exportOne returns the variables of one connection, as the definition names them.
func (a *app) exportOne(
	ctx context.Context, layer authsome.AuthLayer, ref authsome.Ref, o exportOptions,
) (variables, error) {
	p, err := layer.Provider(ctx, ref.Profile, ref.Provider)
	if err != nil {
		return nil, err
	}
	cred, err := layer.Credential(ctx, ref, authsome.CredentialOptions{})
	if err != nil {
		return nil, err
	}
	if bound := boundToKey(cred); bound != nil {
		return nil, bound
	}
	a.warn(cred.Warning)
	if err := a.record(authsome.EventExport, cred.Ref, nil); err != nil {
		return nil, err
	}
	vars := variables{{o.prefix + exportNames(&p.Provider)[0], cred.Value}}
	for _, f := range p.KeyFields() {
		if value := cred.Fields[f.Name]; !value.IsZero() {
			vars = append(vars, variable{o.prefix + fieldVariable(&p.Provider, f), value})
		}
	}
	return vars, nil
}

// fieldVariable is the variable that carries a further value of a key: the one the definition names, or one made of the
// names of provider and field.
func fieldVariable(p *authsome.Provider, f authsome.KeyField) string {
	if f.EnvVar != "" {
		return f.EnvVar
	}
	return variableName(string(p.Name) + "_" + string(f.Name))
}

// exportNames returns every variable in which programs look for a provider's credential: the one that the definition
// exports first, or one made of the provider's name.
func exportNames(p *authsome.Provider) []string {
	field := secretField(p.AuthType)
	names := p.Export.Names(field)
	if p.Export.Env[field] == "" && p.AuthType == authsome.AuthTypeSigV4 {
		return slices.Insert(names, 0, mainVariable(p))
	}
	if p.Export.Env[field] == "" {
		names = slices.Insert(names, 0, variableName(string(p.Name)+"_"+field))
	}
	return names
}

// mainVariable is what the kind of credential itself calls its main value.
func mainVariable(p *authsome.Provider) string {
	for _, f := range p.KeyFields() {
		if f.Name == p.AuthType.SecretField() {
			return fieldVariable(p, f)
		}
	}
	return variableName(string(p.Name))
}

// variableName turns a name into one that a shell accepts.
func variableName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(s))
	if strings.IndexAny(s, "0123456789") == 0 {
		return "_" + s // a shell would complain of such a name, and quote the value with it
	}
	return s
}

type variable struct {
	name  string
	value authsome.Secret
}

type variables []variable

// add appends the variables of a connection. A name that is taken gets the connection's name behind it, the provider's
// too when that is taken as well, and a number where names differ only in what no variable can show, such as Work and work.
func (v *variables) add(c authsome.Connection, more variables) {
	for _, m := range more {
		long := m.name + variableName("_"+string(c.Provider)+"_"+string(c.Ref.Connection))
		name := m.name
		for i := 1; v.has(name); i++ {
			switch i {
			case 1:
				name = m.name + variableName("_"+string(c.Ref.Connection))
			case 2:
				name = long
			default:
				name = long + "_" + strconv.Itoa(i-1)
			}
		}
		*v = append(*v, variable{name, m.value})
	}
}

// isDefault counts a connection that is meant when none is named.
func isDefault(c authsome.Connection) int {
	if c.Default {
		return 1
	}
	return 0
}

func (v variables) has(name string) bool {
	for _, existing := range v {
		if existing.name == name {
			return true
		}
	}
	return false
}

func (a *app) printVariables(vars variables, format string) error {
	if a.flags.json || format == "json" {
		o := make(object, len(vars))
		for i, v := range vars {
			o[i] = member{v.name, v.value.Reveal()}
		}
		return a.printJSON(o)
	}
	for _, v := range vars {
		line := v.name + "=" + v.value.Reveal()
		if format == "shell" {
			line = "export " + v.name + "=" + shell.POSIX(v.value.Reveal())
		}
		if _, err := fmt.Fprintln(a.out, line); err != nil {
			return err
		}
	}
	return nil
}
