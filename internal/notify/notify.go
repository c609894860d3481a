// Package notify tells a person about a login by running a program of theirs. Use [Command].
//
// It promises that the program is run without a shell, learns no secret, neither of the vault nor of the environment that
// authsome itself was given, and is ended when it takes too long.
package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"authsome"
	"authsome/internal/span"
)

const (
	defaultTimeout = 10 * time.Second
	// reap is how long a program that was ended may leave its input open.
	reap = time.Second
)

// Command is the program to run.
type Command struct {
	Args    []string      // the program and its arguments; not empty
	Environ []string      // what authsome was given; the program gets what [passed] says
	Home    string        // of authsome
	Timeout time.Duration // 10 s if zero
}

// message is what the program reads from standard input, as one line of JSON.
type message struct {
	Event             authsome.NoticeName     `json:"event"`
	Time              time.Time               `json:"time"`
	Provider          authsome.ProviderName   `json:"provider"`
	Connection        authsome.ConnectionName `json:"connection"`
	Profile           authsome.ProfileName    `json:"profile"`
	Status            authsome.Status         `json:"status"`
	LoginNeededBy     time.Time               `json:"login_needed_by,omitzero"`
	LoginNeededSource authsome.LifeSource     `json:"login_needed_source,omitempty"`
	Reason            string                  `json:"reason,omitempty"`
	Message           string                  `json:"message"`
	Hint              string                  `json:"hint,omitempty"`
}

// Notify runs the program. It is an [authsome.Notifier].
func (c Command) Notify(ctx context.Context, n authsome.Notice) error {
	if len(c.Args) == 0 {
		return errors.New("there is no program to notify with")
	}
	m := message{
		Event: n.Name, Time: n.Time, Provider: n.Ref.Provider, Connection: n.Ref.Connection, Profile: n.Ref.Profile,
		Status: n.Status, LoginNeededBy: n.LoginNeededBy, LoginNeededSource: n.LoginNeededSource, Reason: n.Reason,
		Message: text(n), Hint: n.Hint,
	}
	input, err := json.Marshal(m)
	if err != nil {
		return err
	}
	timeout := c.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	cmd.Stdin = bytes.NewReader(append(input, '\n'))
	cmd.Env = append(passed(c.Environ), c.variables(m)...)
	cmd.WaitDelay = reap
	err = cmd.Run()
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("%s was ended after %s", c.Args[0], span.Words(timeout))
	case err != nil:
		return fmt.Errorf("%s: %w", c.Args[0], err)
	}
	return nil
}

// text says what has happened.
func text(n authsome.Notice) string {
	switch n.Name {
	case authsome.NoticeExpiring:
		return fmt.Sprintf("%s needs a login by %s", n.Ref, n.LoginNeededBy.UTC().Format(time.RFC3339))
	case authsome.NoticeDied:
		return fmt.Sprintf("%s has ended and needs a login: %s", n.Ref, n.Reason)
	default:
		return fmt.Sprintf("%s is good again", n.Ref)
	}
}

// variables tells what a program that does not read JSON wants to know. Home and profile are as commands that it may call
// expect them.
func (c Command) variables(m message) []string {
	vars := []string{
		"AUTHSOME_HOME=" + c.Home, "AUTHSOME_PROFILE=" + string(m.Profile),
		"AUTHSOME_EVENT=" + string(m.Event), "AUTHSOME_PROVIDER=" + string(m.Provider),
		"AUTHSOME_CONNECTION=" + string(m.Connection), "AUTHSOME_STATUS=" + string(m.Status),
		"AUTHSOME_REASON=" + m.Reason, "AUTHSOME_MESSAGE=" + m.Message, "AUTHSOME_HINT=" + m.Hint,
	}
	if !m.LoginNeededBy.IsZero() {
		vars = append(vars, "AUTHSOME_LOGIN_NEEDED_BY="+m.LoginNeededBy.UTC().Format(time.RFC3339))
	}
	for i, v := range vars {
		vars[i] = strings.ReplaceAll(v, "\x00", "") // which no environment can hold
	}
	return vars
}

// passed returns the variables that a program needs to find its files, its language and a desktop to show something on. All
// others stay here: there may be keys among them.
func passed(environ []string) []string {
	names := []string{
		"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR", "TEMP", "TMP", "TERM",
		"DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS",
		"SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA",
		"PROGRAMFILES", "PSMODULEPATH",
	}
	var kept []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		upper := strings.ToUpper(name)
		if slices.Contains(names, upper) || strings.HasPrefix(upper, "LC_") || strings.HasPrefix(upper, "XDG_") {
			kept = append(kept, entry)
		}
	}
	return kept
}
