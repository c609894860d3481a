package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"authsome/internal/shell"
)

// step is a chapter of the story. play returns what it has verified; what went wrong is in the scene.
type step struct {
	title string
	play  func(ctx context.Context, sc *scene) (verified string)
}

// scene is a step that is being played. Once something has gone wrong, nothing more is done.
type scene struct {
	*stage
	out *printer
	err error
}

// expect fails the scene if something that must hold does not.
func (sc *scene) expect(ok bool, format string, args ...any) {
	if sc.err == nil && !ok {
		sc.err = fmt.Errorf(format, args...)
	}
}

// authsome runs the executable with arguments and shows what comes of it.
func (sc *scene) authsome(ctx context.Context, args ...string) *outcome {
	return sc.authsomeWith(ctx, nil, args...)
}

// authsomeWith adds variables, NAME=value, to the environment.
func (sc *scene) authsomeWith(ctx context.Context, env []string, args ...string) *outcome {
	o := &outcome{scene: sc, command: shell.Command(append([]string{"authsome"}, args...)...)}
	if sc.err != nil {
		return o
	}
	sc.out.command(o.command)
	cmd := exec.CommandContext(ctx, sc.cfg.Executable, args...)
	cmd.Dir = sc.path(workDir)
	cmd.Env = append(sc.environ(), env...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.Cancel = func() error { return end(cmd) }
	cmd.WaitDelay = 2 * time.Second
	err := cmd.Run()
	o.text = output.String()
	sc.out.output(o.text)
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		sc.err = fmt.Errorf("%s: %w", o.command, err)
		return o
	}
	o.code = cmd.ProcessState.ExitCode()
	return o
}

// end asks a process to end, so that it can end its own children. Where there are no signals it is ended at once.
func end(cmd *exec.Cmd) error {
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return cmd.Process.Kill()
	}
	return nil
}

// kept are the variables that a step needs of the person's environment. Proxies, homes and credentials are not among
// them.
func kept(name string) bool {
	switch strings.ToUpper(name) {
	case "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", // what Windows cannot do without
		"GORACE", "GOCOVERDIR": // of an executable that is built to be tested
		return true
	}
	return false
}

// environ is the environment of every step.
func (s *stage) environ() []string {
	var env []string
	path := filepath.Dir(s.cfg.Executable)
	for _, entry := range s.cfg.Environ {
		name, value, _ := strings.Cut(entry, "=")
		if kept(name) {
			env = append(env, entry)
		}
		if strings.EqualFold(name, "PATH") && value != "" {
			path += string(filepath.ListSeparator) + value
		}
	}
	// The browser goes by its bare name, as the directory may have spaces in its name.
	browser := append([]string{filepath.Base(s.cfg.Executable)}, s.helper("browser")...)
	return append(env,
		"PATH="+path, "BROWSER="+strings.Join(browser, " "),
		"AUTHSOME_HOME="+s.path(homeDir), "SSL_CERT_FILE="+s.path(rootFile),
		"HOME="+s.dir, "USERPROFILE="+s.dir, "TMPDIR="+s.dir, "TEMP="+s.dir, "TMP="+s.dir,
	)
}

// helper returns the arguments that lead to a hidden part of the executable.
func (s *stage) helper(name string) []string { return append(slices.Clone(s.cfg.Arguments), name) }

// expire waits until the access token that was issued last is past its life.
func (sc *scene) expire(ctx context.Context) {
	if sc.err != nil {
		return
	}
	var issued time.Time
	for _, r := range sc.auth.Requests() {
		if r.GrantType != "" {
			issued = r.At
		}
	}
	sc.out.note("waiting a second: so long do access tokens live here")
	const margin = 10 * time.Millisecond
	select {
	case <-time.After(time.Until(issued.Add(shortLife + margin))):
	case <-ctx.Done():
		sc.err = context.Cause(ctx)
	}
}

// outcome is what came of a command.
type outcome struct {
	scene   *scene
	command string
	text    string // standard output and standard error
	code    int
}

// exits demands an exit code.
func (o *outcome) exits(code int) *outcome {
	o.scene.expect(o.code == code, "%s: the exit code is %d, not %d", o.command, o.code, code)
	if code != 0 && o.scene.err == nil {
		o.scene.out.note(fmt.Sprintf("exit code %d", code))
	}
	return o
}

// prints demands texts in the output.
func (o *outcome) prints(texts ...string) {
	for _, t := range texts {
		o.scene.expect(strings.Contains(o.text, t), "%s: the output lacks %q", o.command, t)
	}
}

// line demands a whole line in the output, however wide its columns are.
func (o *outcome) line(want string) *outcome {
	found := false
	for line := range strings.Lines(o.text) {
		found = found || strings.Join(strings.Fields(line), " ") == want
	}
	o.scene.expect(found, "%s: the output has no line %q", o.command, want)
	return o
}
