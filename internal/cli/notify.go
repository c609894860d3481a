package cli

import (
	"errors"
	"fmt"
	"time"

	"authsome"
	"authsome/internal/notify"
	"authsome/internal/span"
	"authsome/local"
)

// notifyConfig is the member notify of the configuration.
type notifyConfig struct {
	Command []string `json:"command"`         // the program and its arguments; empty: nobody is told
	Before  string   `json:"before"`          // how long before its end a login is spoken of, such as 7d; empty: as package local has it
	Timeout int64    `json:"timeout_seconds"` // of the program; 0: as package notify has it
}

// check says what cannot be meant, by the name of the member.
func (n *notifyConfig) check() error {
	if len(n.Command) > 0 && n.Command[0] == "" {
		return errors.New("notify.command must begin with a program")
	}
	_, err := n.before()
	return err
}

// before is the length of time that Before stands for; 0: as package local has it.
func (n *notifyConfig) before() (time.Duration, error) {
	if n.Before == "" {
		return 0, nil
	}
	d, err := span.Parse(n.Before)
	if err != nil {
		return 0, fmt.Errorf("notify.before: %w", err)
	}
	return d, nil
}

// notifier returns what tells a person, or nil where the configuration names nothing, or where others may have named it.
func (a *app) notifier(cfg *config) authsome.Notifier {
	if len(cfg.Notify.Command) == 0 {
		return nil
	}
	if err := local.OwnFile(cfg.path); err != nil {
		a.warn(&authsome.Error{Message: fmt.Sprintf("notify.command is not run: %v", err), Err: err})
		return nil
	}
	return notify.Command{
		Args: cfg.Notify.Command, Environ: a.env.Environ, Home: a.home, Timeout: time.Duration(cfg.Notify.Timeout) * time.Second,
	}.Notify
}
