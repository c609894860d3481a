package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"authsome"
	"authsome/internal/audit"
	"authsome/internal/span"
	"authsome/local"
)

type logOptions struct {
	last     int
	since    string
	provider string
	event    string
	format   string
	follow   bool
}

func (a *app) logCommand() *cobra.Command {
	var o logOptions
	cmd := &cobra.Command{
		Use: "log", Short: "Show what happened: logins, refreshes, injections, and why something failed", Args: exactly(0),
		Example: "  authsome log --since 24h --provider github\n  authsome log --follow\n  authsome log verify",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.last < 0 {
				return usageError(cmd, "--lines must not be negative")
			}
			if o.since != "" && !cmd.Flags().Changed("lines") {
				o.last = 0
			}
			return a.showLog(cmd, o)
		},
	}
	f := cmd.Flags()
	f.IntVarP(&o.last, "lines", "n", 50, "how many entries, from the newest back; 0 for all")
	f.StringVar(&o.since, "since", "", "only entries since then: 30m, 24h, 7d, or a date such as 2026-11-23 or 2026-11-23T21:30:00Z")
	f.StringVar(&o.provider, "provider", "", "only entries of this provider")
	f.StringVar(&o.event, "event", "", "only events whose name contains this")
	f.StringVar(&o.format, "format", "", "table, json, csv or otel (OpenTelemetry logs as OTLP JSON); json with --json")
	f.BoolVarP(&o.follow, "follow", "f", false, "go on with new entries as they are written")
	cmd.AddCommand(a.logVerifyCommand(), a.logHeadCommand())
	return cmd
}

// showLog prints entries, oldest first.
func (a *app) showLog(cmd *cobra.Command, o logOptions) error {
	home, err := a.homeDir()
	if err != nil {
		return err
	}
	keep, err := o.filter(a.env.Now())
	if err != nil {
		return usageError(cmd, err.Error())
	}
	out, err := a.logPrinter(o)
	if err != nil {
		return usageError(cmd, err.Error())
	}
	path := filepath.Join(home, local.AuditFile)
	var sealed error
	read := audit.ReadOptions{Last: o.last, Keep: keep, Key: func() (key authsome.Secret, err error) {
		key, sealed = a.auditKey()
		return key, sealed
	}}
	entries := audit.Read(path, read)
	if o.follow {
		entries = audit.Follow(cmd.Context(), path, read)
	}
	for entry, err := range entries {
		if _, ok := errors.AsType[*audit.LineError](err); ok {
			a.warn(&authsome.Error{Message: err.Error()})
			continue
		}
		if errors.Is(err, context.Canceled) {
			return nil
		}
		if err == nil {
			err = out.entry(entry)
		}
		if err != nil {
			return fmt.Errorf("the audit log cannot be shown: %w", err)
		}
	}
	if sealed != nil {
		a.warn(&authsome.Error{
			Message: "details of entries stay sealed: " + sealed.Error(), Hint: cmp.Or(authsome.AsError(sealed).Hint, "authsome doctor"),
		})
	}
	return out.end()
}

// filter returns what tells the entries that are wanted; nil if all are.
func (o logOptions) filter(now time.Time) (func(*audit.Entry) bool, error) {
	if o.since == "" && o.provider == "" && o.event == "" {
		return nil, nil //nolint:nilnil // no filter and no error
	}
	var since time.Time
	if o.since != "" {
		var err error
		if since, err = parseSince(o.since, now); err != nil {
			return nil, err
		}
	}
	return func(e *audit.Entry) bool {
		return !e.Time.Before(since) && strings.Contains(string(e.Event), o.event) &&
			(o.provider == "" || string(e.Ref.Provider) == o.provider)
	}, nil
}

// parseSince reads a time: a duration back from now, or a date with or without a time of day.
func parseSince(s string, now time.Time) (time.Time, error) {
	if d, err := span.Parse(s); err == nil {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateTime, time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("--since wants a duration such as 24h or 7d, or a date such as 2026-11-23, not %q", s)
}
