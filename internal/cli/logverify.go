package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"authsome"
	"authsome/internal/audit"
	"authsome/local"
)

func (a *app) logVerifyCommand() *cobra.Command {
	var heads []string
	cmd := &cobra.Command{
		Use: "verify", Short: "Check that no entry was changed, removed, moved or cut off", Args: exactly(0),
		Long: "Check that no entry of the audit log was changed, removed, moved, added by somebody else or cut off. Exits 1 and\n" +
			"says where if one was. How far the log has got is known beside it and once more in your state directory. What somebody\n" +
			"does who can write both, or who has the key of the vault, is only seen against a head that was kept elsewhere: see\n" +
			"authsome log head.",
		RunE: func(*cobra.Command, []string) error { return a.verifyLog(heads) },
	}
	cmd.Flags().StringArrayVar(&heads, "head", nil, "FILE with what authsome log head printed before (- for standard input)")
	return cmd
}

func (a *app) verifyLog(files []string) error {
	trail, err := a.auditLog()
	if err != nil {
		return err
	}
	var heads []audit.Head
	for _, file := range files {
		h, err := a.readHead(file)
		if err != nil {
			return err
		}
		heads = append(heads, h)
	}
	report, err := trail.Verify(heads...)
	if err != nil {
		if _, statErr := os.Stat(filepath.Join(a.home, local.AuditFile)); os.IsNotExist(statErr) {
			return a.verified(&audit.Report{Problems: []audit.Finding{}, Notes: []audit.Finding{}})
		}
		return err
	}
	return a.verified(report)
}

func (a *app) verified(r *audit.Report) error {
	if a.flags.json {
		if err := a.printJSON(object{{"ok", r.OK()}, {"entries", r.Entries}, {"head", r.Head}, {"problems", r.Problems}, {"notes", r.Notes}}); err != nil {
			return err
		}
		if !r.OK() {
			return exitStatus(1)
		}
		return nil
	}
	for _, n := range r.Notes {
		a.printf("note: %s\n", audit.Printable(n.String()))
	}
	if r.OK() {
		entries := fmt.Sprintf("%d entries", r.Entries)
		if r.Entries == 1 {
			entries = "1 entry"
		}
		a.printf("%s, unchanged\n", entries)
		return nil
	}
	for _, p := range r.Problems {
		a.printf("%s\n", audit.Printable(p.String()))
	}
	return &authsome.Error{
		Kind: authsome.KindInternal, Message: "the audit log is not what was written: " + plural(len(r.Problems), "problem"),
		Hint: "compare it with a backup; whoever could write to it could use your account",
	}
}

func (a *app) logHeadCommand() *cobra.Command {
	return &cobra.Command{
		Use: "head", Short: "Print a signed statement of how far the log has got", Args: exactly(0),
		Long: "Print a signed statement of how far the audit log has got. Kept where this account cannot write, it shows later, by\n" +
			"authsome log verify --head FILE, that nothing up to there was changed, by whoever it may be.",
		RunE: func(*cobra.Command, []string) error { return a.printHead() },
	}
}

func (a *app) printHead() error {
	trail, err := a.auditLog()
	if err != nil {
		return err
	}
	h, err := trail.Head()
	if err != nil {
		return err
	}
	if h == (audit.Head{}) {
		return &authsome.Error{Kind: authsome.KindInternal, Message: "there are no entries in the audit log yet", Hint: "authsome log"}
	}
	return a.printJSON(h)
}

func (a *app) readHead(file string) (audit.Head, error) {
	var b []byte
	var err error
	if file == "-" {
		b, err = io.ReadAll(a.env.Stdin)
	} else {
		b, err = os.ReadFile(file)
	}
	if err != nil {
		return audit.Head{}, fmt.Errorf("read the head: %w", err)
	}
	h, err := audit.ParseHead(b)
	if err != nil {
		return audit.Head{}, &authsome.Error{
			Kind: authsome.KindUsage, Message: fmt.Sprintf("%s is not what authsome log head prints: %v", file, err), Hint: "authsome log head > FILE", Err: err,
		}
	}
	return h, nil
}
