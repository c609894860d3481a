package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"authsome"
	"authsome/internal/audit"
	"authsome/internal/policy"
	"authsome/internal/trust"
)

func (a *app) trustCommand() *cobra.Command {
	var list bool
	cmd := &cobra.Command{
		Use: "trust [DIR]", Short: "Agree to what a project's file says about runs", Args: between(0, 1),
		Long: "Show what " + trust.Dir + "/" + trust.File + " of a project says, and agree to it. A run in the project keeps to the file from then on; when\n" +
			"the file changes, or is gone, no run starts until you have agreed again. DIR may be the file; it is where you are unless given.",
		Example: "  authsome trust\n  authsome trust --list",
		RunE: func(_ *cobra.Command, args []string) error {
			if list {
				return a.listTrusted()
			}
			return a.trust(args)
		},
	}
	cmd.Flags().BoolVar(&list, "list", false, "show the files that are trusted")
	return cmd
}

func (a *app) untrustCommand() *cobra.Command {
	return &cobra.Command{
		Use: "untrust [DIR]", Short: "Take the agreement to a project's file back", Args: between(0, 1),
		RunE: func(_ *cobra.Command, args []string) error { return a.untrust(args) },
	}
}

// trust shows a file and puts it on the list. What was shown is what is trusted: the file is read once.
func (a *app) trust(args []string) error {
	path, list, err := a.projectFile(args)
	if err != nil {
		return err
	}
	content, err := readRules(path)
	if err != nil {
		return &authsome.Error{
			Kind: authsome.KindUsage, Message: fmt.Sprintf("there is no file to trust: %v", err), Err: err,
			Hint: "write " + filepath.Join(trust.Dir, trust.File) + ", such as {\"read_only\": true}",
		}
	}
	o, err := policy.ParseFile(path, content)
	if err == nil {
		_, err = policy.Combine(o)
	}
	if err == nil {
		_, err = parseChoices(o.Connections)
	}
	if err != nil {
		return fileError(path, err)
	}
	if err := list.Add(path, content, a.env.Now()); err != nil {
		return err
	}
	a.note(authsome.EventTrust, authsome.Ref{}, map[string]string{"path": path})
	if a.flags.json {
		return a.printJSON(object{{"status", "trusted"}, {"path", path}})
	}
	for _, line := range rulesOf(o) {
		a.say("  %s", audit.Printable(line))
	}
	a.say("trusted %s until it changes", path)
	return nil
}

// rulesOf lists what a file says, for people.
func rulesOf(o policy.Options) []string {
	var lines []string
	add := func(word string, entries []policy.Entry) {
		for _, e := range entries {
			lines = append(lines, word+" "+e.Text)
		}
	}
	add("connection", o.Connections)
	add("only", o.Only)
	add("allow", o.Allow)
	add("deny", o.Deny)
	add("rate", o.Rates)
	if o.ReadOnly != "" {
		lines = append(lines, "read-only")
	}
	if o.Unmatched.Text != "" {
		lines = append(lines, "unmatched "+o.Unmatched.Text)
	}
	return lines
}

func (a *app) untrust(args []string) error {
	path, list, err := a.projectFile(args)
	if err != nil {
		return err
	}
	found, err := list.Remove(path)
	if err != nil {
		return err
	}
	if !found {
		return &authsome.Error{Kind: authsome.KindUsage, Message: path + " is not trusted", Hint: "authsome trust --list"}
	}
	a.note(authsome.EventUntrust, authsome.Ref{}, map[string]string{"path": path})
	return a.done("untrusted", authsome.Ref{}, "%s is not trusted any more", path)
}

// projectFile names the file that a command of trust is about. Nobody agrees to their own rules: a program under a run is
// refused, for whom the rules are.
func (a *app) projectFile(args []string) (string, *trust.List, error) {
	if err := a.notInARun("change what is trusted"); err != nil {
		return "", nil, err
	}
	list, err := a.trustList()
	if err != nil {
		return "", nil, err
	}
	if len(args) > 0 {
		path, err := trust.Path(args[0])
		return path, list, err
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", nil, err
	}
	path, err := list.Find(dir, a.userHome())
	if err == nil && path == "" {
		path, err = trust.Path(dir)
	}
	return path, list, err
}

func (a *app) listTrusted() error {
	list, err := a.trustList()
	if err != nil {
		return err
	}
	files := []object{}
	rows := [][]string{{"FILE", "STATE", "TRUSTED"}}
	for _, e := range list.All() {
		state := trust.Missing
		if content, err := readRules(e.Path); err == nil {
			state = list.State(e.Path, content)
		}
		files = append(files, object{{"path", e.Path}, {"state", state}, {"trusted_at", e.TrustedAt}})
		rows = append(rows, []string{audit.Printable(e.Path), string(state), text(e.TrustedAt)})
	}
	switch {
	case a.flags.json:
		return a.printJSON(object{{"files", files}})
	case len(files) == 0:
		a.say("no file is trusted")
		return nil
	default:
		return a.table(rows)
	}
}
