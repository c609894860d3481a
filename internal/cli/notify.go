package cli

import (
	"encoding/json"
	"errors"
	"time"

	"authsome"
	"authsome/internal/notify"
)

// notifyConfig is the member notify of the configuration.
type notifyConfig struct {
	Command []string      // the program and its arguments; empty: nobody is told
	Before  time.Duration // how long before its end a login is spoken of; 0: as package local has it
	Timeout time.Duration // of the program; 0: as package notify has it
}

// UnmarshalJSON reads the member.
func (n *notifyConfig) UnmarshalJSON(b []byte) error {
	var raw struct {
		Command []string `json:"command"`
		Before  string   `json:"before"`
		Timeout int64    `json:"timeout_seconds"`
	}
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	if len(raw.Command) > 0 && raw.Command[0] == "" {
		return errors.New("command must begin with a program")
	}
	before, err := parseDays(raw.Before)
	if err != nil {
		return err
	}
	if raw.Timeout < 0 {
		return errors.New("timeout_seconds must not be negative")
	}
	*n = notifyConfig{Command: raw.Command, Before: before, Timeout: time.Duration(raw.Timeout) * time.Second}
	return nil
}

// notifier returns what tells a person, or nil where the configuration names nothing.
func (a *app) notifier(cfg *config) authsome.Notifier {
	if len(cfg.Notify.Command) == 0 {
		return nil
	}
	return notify.Command{
		Args: cfg.Notify.Command, Environ: a.env.Environ, Home: a.home, Timeout: cfg.Notify.Timeout,
	}.Notify
}
