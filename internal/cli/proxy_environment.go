package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"authsome"
	"authsome/internal/run"
	"authsome/internal/shell"
	"authsome/internal/standing"
)

// change is a variable of an agent's environment that differs from that of the command.
type change struct {
	name, value string
	unset       bool
}

func environmentFormats() []string { return []string{"shell", "fish", "powershell", "env", "json"} }

func checkFormat(cmd *cobra.Command, format string) error {
	if !slices.Contains(environmentFormats(), format) {
		return usageError(cmd, fmt.Sprintf("--format is one of %s, not %q", strings.Join(environmentFormats(), ", "), format))
	}
	return nil
}

// addAgent gives an agent access and prints the environment that it needs. The password is in it, in the address of the
// proxy: it is the agent's own, and the only thing in it that is worth anything.
func (a *app) addAgent(ctx context.Context, client *standing.Client, o *proxyOptions, name string) error {
	access, err := client.Add(ctx, standing.AddRequest{Name: name, Replace: o.replace, Life: o.life})
	if err != nil {
		return err
	}
	a.recordAgent(authsome.EventAgentAdd, access.Name)
	settings := access.Settings
	settings.User, settings.Password = access.Name, authsome.NewSecret(access.Password)
	env := append(run.Environ(a.env.Environ, settings), envBroker+"="+settings.Proxy)
	if err := a.printEnvironment(differences(a.env.Environ, env), a.formatOf(o)); err != nil {
		return err
	}
	if !a.flags.quiet && !a.flags.json {
		fmt.Fprintf(a.env.Stderr, "agent %s has access until %s; to end it: authsome proxy revoke %s%s\n",
			access.Name, text(access.Expires), access.Name, o.projectFlag())
	}
	return nil
}

// differences compares two environments.
func differences(before, after []string) []change {
	var list []change
	kept := make(map[string]bool)
	for _, entry := range after {
		name, value, _ := cutEnv(entry)
		kept[name] = true
		if !slices.Contains(before, entry) {
			list = append(list, change{name: name, value: value})
		}
	}
	for _, entry := range before {
		if name, _, ok := cutEnv(entry); ok && !kept[name] {
			kept[name] = true
			list = append(list, change{name: name, unset: true})
		}
	}
	return list
}

// printEnvironment writes the changes as a shell reads them, or as NAME=value lines, or as one object in which what is to
// be unset is null.
func (a *app) printEnvironment(list []change, format string) error {
	if format == "json" {
		o := object{}
		for _, c := range list {
			var value any
			if !c.unset {
				value = c.value
			}
			o = append(o, member{c.name, value})
		}
		return a.printJSON(o)
	}
	var b strings.Builder
	for _, c := range list {
		if !isVariable(c.name) {
			continue // no shell could set it
		}
		b.WriteString(c.line(format))
	}
	_, err := io.WriteString(a.out, b.String())
	return err
}

// line is a command that makes the change.
func (c change) line(format string) string {
	switch {
	case format == "env" && c.unset:
		return ""
	case format == "env":
		return c.name + "=" + strings.ReplaceAll(c.value, "\n", " ") + "\n"
	case format == "fish" && c.unset:
		return "set -e " + c.name + ";\n"
	case format == "fish":
		return "set -gx " + c.name + " " + shell.Fish(c.value) + ";\n"
	case format == "powershell" && c.unset:
		return "Remove-Item Env:" + c.name + " -ErrorAction SilentlyContinue;\n"
	case format == "powershell":
		return "$Env:" + c.name + " = " + shell.PowerShell(c.value) + ";\n"
	case c.unset:
		return "unset " + c.name + ";\n"
	default:
		return "export " + c.name + "=" + shell.POSIX(c.value) + ";\n"
	}
}

// isVariable reports whether every shell takes a name for that of a variable: what is printed for eval must hold nothing else.
func isVariable(name string) bool {
	for i, r := range name {
		if !(r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || i > 0 && r >= '0' && r <= '9') {
			return false
		}
	}
	return name != ""
}
