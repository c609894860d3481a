package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"authsome/internal/backup/helper"
	"authsome/internal/companion"
)

// Why the encryption fails, besides what else can be wrong with a backup.
var (
	// ErrUsage: a recipient or an identity cannot be used.
	ErrUsage = errors.New("the recipient or identity cannot be used")
	// ErrAsk: an identity is itself encrypted, and needs its passphrase.
	ErrAsk = errors.New("the identity needs its passphrase")
	// ErrFailed: the program that encrypts has ended without saying why.
	ErrFailed = errors.New(helper.Program + " has failed")
	// ErrNoHelper: the program that encrypts is not installed.
	ErrNoHelper = errors.New(helper.Program + ", which comes with authsome, is not installed")
)

// Seal encrypts what write writes, and writes that to w.
func Seal(ctx context.Context, request helper.Request, w io.Writer, write func(io.Writer) error) error {
	h, err := start(ctx, helper.Seal, request, nil, w)
	if err != nil {
		return err
	}
	err = write(h.in)
	return h.end(ctx, errors.Join(err, h.in.Close()))
}

// Open decrypts r, and passes what is inside to read. Only when Open returns nil is that certain to be whole.
func Open(ctx context.Context, request helper.Request, r io.Reader, read func(io.Reader) error) error {
	h, err := start(ctx, helper.Open, request, r, nil)
	if err != nil {
		return err
	}
	err = read(h.out)
	if err == nil {
		_, err = io.Copy(io.Discard, h.out)
	} else {
		// The helper may be what has failed: it says so before it ends. What it still writes is of no use.
		_, _ = io.Copy(io.Discard, h.out)
	}
	return h.end(ctx, err)
}

// helping is a helper that runs.
type helping struct {
	cmd      *exec.Cmd
	in       io.WriteCloser // for what follows the request
	out      io.Reader
	failures bytes.Buffer
}

// Installed fails with ErrNoHelper where there is nothing to encrypt with.
func Installed() error {
	if _, err := exec.LookPath(companion.Find(helper.Program)); err != nil {
		return fmt.Errorf("%w: %w", ErrNoHelper, err)
	}
	return nil
}

// start starts the helper with either its input or its output given; the other one is left open.
func start(ctx context.Context, operation string, request helper.Request, r io.Reader, w io.Writer) (*helping, error) {
	line, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	line = append(line, '\n')
	h := &helping{cmd: exec.CommandContext(ctx, companion.Find(helper.Program), operation)}
	h.cmd.Env = []string{} // it needs nothing, and gets nothing
	h.cmd.Stderr = &h.failures
	if r != nil {
		h.cmd.Stdin = io.MultiReader(bytes.NewReader(line), r)
		h.out, err = h.cmd.StdoutPipe()
	} else {
		h.cmd.Stdout = w
		h.in, err = h.cmd.StdinPipe()
	}
	if err == nil {
		err = h.cmd.Start()
	}
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", ErrNoHelper, err)
	}
	if err == nil && h.in != nil {
		_, err = h.in.Write(line)
		clear(line)
		if err != nil { // it has ended, and has said why
			return nil, h.end(ctx, err)
		}
	}
	return h, err
}

// end waits for the helper. Where that has failed, what its end has caused here is no news.
func (h *helping) end(ctx context.Context, err error) error {
	waitErr := h.cmd.Wait()
	if waitErr == nil {
		return err
	}
	if ctx.Err() != nil { // which has ended the helper, too
		return ctx.Err()
	}
	if _, ended := errors.AsType[*exec.ExitError](waitErr); !ended {
		return waitErr // it went well; what it was to read from or to write to did not
	}
	var f helper.Failure
	if json.Unmarshal(h.failures.Bytes(), &f) != nil {
		return fmt.Errorf("%w: %w", ErrFailed, waitErr)
	}
	class := classOf(f.Kind)
	if errors.Is(class, ErrWrongKey) {
		return class // which says it all
	}
	return fmt.Errorf("%w: %s", class, f.Message)
}

func classOf(kind helper.Kind) error {
	switch kind {
	case helper.WrongKey:
		return ErrWrongKey
	case helper.Damaged:
		return ErrDamaged
	case helper.Ask:
		return ErrAsk
	default:
		return ErrUsage
	}
}
