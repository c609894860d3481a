package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"authsome"
)

// background is another process of this program, which goes on when this one has ended.
type background struct {
	what    string // it is, in messages
	args    []string
	environ []string
	dir     string // where it works; here if empty
	ready   string // what its first line begins with when it can be used
	// messages is a file for what it has to say; nil for one that says nothing after its start. Before, as many bytes are
	// in it that somebody else has said.
	messages *os.File
	before   int64
}

// maxMessages is how long a file of messages may get before it begins anew, in bytes.
const maxMessages = 1 << 16

// openMessages opens a file for what processes have to say that may be started at the same moment. Each adds to its end, and
// none takes away what another one is about to read.
func openMessages(path string) (f *os.File, before int64, err error) {
	f, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, 0, err
	}
	if before, err = shorten(f); err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, before, nil
}

// shorten empties a file of messages that has got too long, and returns how long it is now.
func shorten(f *os.File) (size int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if info.Size() > maxMessages {
		return 0, f.Truncate(0)
	}
	return info.Size(), nil
}

// start starts the process and waits until it is ready. It has a session of its own, so that it does not end with the
// terminal, and nothing of ours open. Of one that ends instead, the error is what it said.
func (b *background) start(ctx context.Context) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("start %s: %w", b.what, err)
	}
	cmd := exec.Command(program, b.args...) //nolint:gosec,noctx // it is to outlive us
	cmd.Args[0] = os.Args[0]
	cmd.Env, cmd.Dir, cmd.SysProcAttr = b.environ, b.dir, detached()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("start %s: %w", b.what, err)
	}
	cmd.Stderr = cmd.Stdout
	if b.messages != nil {
		cmd.Stderr = b.messages
	}
	keepOpenFiles()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", b.what, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	said := bufio.NewReader(io.LimitReader(out, 1<<16))
	line, _ := said.ReadString('\n')
	if strings.HasPrefix(line, b.ready) {
		return cmd.Process.Release()
	}
	rest, _ := io.ReadAll(said)
	_ = cmd.Wait()
	return b.failure(ctx, line+string(rest), cmd.ProcessState.ExitCode())
}

// moment waits until it is worth looking again for what another process is about to do. It fails when ctx ends first.
func moment(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(20 * time.Millisecond):
		return nil
	}
}

// failure tells what the process has said before it ended.
func (b *background) failure(ctx context.Context, said string, code int) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if b.messages != nil {
		written, _ := io.ReadAll(io.NewSectionReader(b.messages, b.before, maxMessages))
		said = string(written)
	}
	message, hint, _ := strings.Cut(strings.TrimSpace(said), "\nhint: ")
	message = strings.TrimPrefix(message, "Error: ")
	if message == "" {
		message = "it ended without a word"
	}
	return &authsome.Error{Kind: kindOfExit(code), Message: b.what + " did not start: " + message, Hint: hint}
}
