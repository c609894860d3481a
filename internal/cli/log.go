package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"authsome"
	"authsome/internal/audit"
	"authsome/local"
)

func (a *app) logCommand() *cobra.Command {
	var last int
	cmd := &cobra.Command{
		Use: "log", Short: "Show what happened: logins, refreshes, injections, and why something failed", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if last < 0 {
				return usageError(cmd, "--lines must not be negative")
			}
			return a.showLog(last)
		},
	}
	cmd.Flags().IntVarP(&last, "lines", "n", 50, "how many entries, from the newest back; 0 for all")
	return cmd
}

// showLog prints entries, oldest first: one JSON object a line with --json, a table otherwise.
func (a *app) showLog(last int) error {
	home, err := a.homeDir()
	if err != nil {
		return err
	}
	lines := json.NewEncoder(a.env.Stdout)
	lines.SetEscapeHTML(false)
	rows := [][]string{audit.Header()}
	for entry, err := range audit.Read(filepath.Join(home, local.AuditFile), audit.ReadOptions{Last: last}) {
		if _, ok := errors.AsType[*audit.LineError](err); ok {
			a.warn(&authsome.Error{Message: err.Error()})
			continue
		}
		if err != nil {
			return fmt.Errorf("the audit log cannot be read: %w", err)
		}
		if !a.flags.json {
			rows = append(rows, entry.Columns())
		} else if err := lines.Encode(entry); err != nil {
			return err
		}
	}
	if a.flags.json {
		return nil
	}
	return a.table(rows)
}
