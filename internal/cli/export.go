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
		p, err := layer.Provider(ctx, ref.Profile, ref.Provider)
		if err != nil {
			return err
		}
		vars, err := a.exportOne(ctx, layer, ref, exportedBy(&p.Provider, o.prefix))
		if err != nil {
			return err
		}
		return a.printVariables(vars, o.format)
	}
	return a.exportAll(ctx, layer, o)
}

// exportAll prints what can be had. One connection that fails does not take the others along, nor do they take its names.
func (a *app) exportAll(ctx context.Context, layer authsome.AuthLayer, o exportOptions) error {
	profile, err := a.profile()
	if err != nil {
		return err
	}
	all, err := layer.List(ctx, profile)
	if err != nil {
		return err
	}
	slices.SortStableFunc(all, defaultsFirst)
	taken := make(takenNames)
	var vars variables
	var failed error
	for _, c := range all {
		more, err := a.exportAnother(ctx, layer, c.Ref, o, taken)
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
		vars = append(vars, more...)
	}
	if err := a.printVariables(vars, o.format); err != nil {
		return err
	}
	return failed
}

// defaultsFirst puts a provider's default connection before its others: it gets the names that it has when it is exported alone.
func defaultsFirst(a, b authsome.Connection) int {
	if a.Provider != b.Provider || a.Default == b.Default {
		return cmp.Compare(a.Provider, b.Provider)
	}
	if a.Default {
		return -1
	}
	return 1
}

// exportAnother returns the variables of one connection of several, under names that no other one has. They are given before
// anybody knows whether there is a value: a name must not come to mean another login because that of its owner has failed.
func (a *app) exportAnother(
	ctx context.Context, layer authsome.AuthLayer, ref authsome.Ref, o exportOptions, taken takenNames,
) (variables, error) {
	p, err := layer.Provider(ctx, ref.Profile, ref.Provider)
	if err != nil {
		return nil, err
	}
	values := exportedBy(&p.Provider, o.prefix)
	for i := range values {
		values[i].name = taken.take(values[i].name, ref)
	}
	return a.exportOne(ctx, layer, ref, values)
}

// exportOne returns the variables of one connection.
func (a *app) exportOne(
	ctx context.Context, layer authsome.AuthLayer, ref authsome.Ref, values []exported,
) (variables, error) {
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
	var vars variables
	for _, v := range values {
		value := cred.Value
		if v.field != "" {
			value = cred.Fields[v.field]
		}
		if v.field == "" || !value.IsZero() {
			vars = append(vars, variable{v.name, value})
		}
	}
	return vars, nil
}

// exported is what a connection may have to export: a further value of a key, or the credential where no field is named.
type exported struct {
	field authsome.FieldName
	name  string // of the variable
}

// exportedBy lists what connections of a provider may have to export, the credential first.
func exportedBy(p *authsome.Provider, prefix string) []exported {
	values := []exported{{name: prefix + exportNames(p)[0]}}
	for _, f := range p.KeyFields() {
		if f.Name != p.AuthType.SecretField() {
			values = append(values, exported{f.Name, prefix + fieldVariable(p, f)})
		}
	}
	return values
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

// takenNames are the variables that belong to a connection already.
type takenNames map[string]bool

// take returns a name that is free, and takes it: name, or with that of the connection behind it, or with the provider's too, or
// with a number, since several connections may look alike as variables.
func (t takenNames) take(name string, ref authsome.Ref) string {
	connection := "_" + variableName(string(ref.Connection))
	full := "_" + variableName(string(ref.Provider)) + connection
	free := name
	for _, suffix := range []string{"", connection, full} {
		if free = name + suffix; !t[free] {
			break
		}
	}
	for n := 2; t[free]; n++ {
		free = name + full + "_" + strconv.Itoa(n)
	}
	t[free] = true
	return free
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
