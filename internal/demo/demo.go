// Package demo is "authsome demo": the whole way of a login, from the browser to its end, played on this computer
// without an account and without a network.
//
// [Run] opens a stage in a temporary directory: a real authorization server and a real HTTPS API on loopback, and a home
// of its own. Every step of the story is then the authsome executable itself, run as a person would run it, and every
// step is verified from the other side as well: by what the servers have seen and by what lies on the disk. The demo
// succeeds only if all of that holds, and it leaves nothing behind, whether it succeeds or not.
//
// [Browse] and [Fetch] are what the steps need of the rest of a computer: a browser that says yes, and a program that
// calls an API where there is no curl.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Config says what a demo runs and where it is shown.
type Config struct {
	Executable string    // the authsome executable that plays the steps
	Arguments  []string  // how its arguments begin that lead to [Browse] and [Fetch], such as "demo"
	Environ    []string  // NAME=value; the steps get little of it
	Transcript io.Writer // what a person reads
	Colour     bool      // whether the transcript may have colours
}

// Result is a step that was verified.
type Result struct {
	Title    string `json:"title"`
	Verified string `json:"verified"`
}

// limit ends a demo that hangs. It takes about three seconds.
const limit = time.Minute

var errTooLong = errors.New("the demo took longer than a minute")

// Run plays the demo and returns what was verified. An error names the step that failed, and wraps that of ctx when the
// demo was cut short.
func Run(ctx context.Context, cfg Config) (results []Result, err error) {
	defer reportBrokenPipes()()
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errTooLong)
	defer cancel()
	s, err := openStage(cfg)
	if err != nil {
		return nil, fmt.Errorf("prepare the demo: %w", err)
	}
	defer func() { err = errors.Join(err, s.close()) }()

	out := newPrinter(cfg.Transcript, cfg.Colour)
	out.prologue(s)
	began := time.Now()
	for i, step := range story() {
		out.heading(i+1, step.title)
		sc := &scene{stage: s, out: out}
		verified := step.play(ctx, sc)
		if err := errors.Join(sc.err, out.err); err != nil {
			err = cause(ctx, err)
			out.failed(err)
			return results, fmt.Errorf("step %d of the demo failed (%s): %w", i+1, step.title, err)
		}
		out.verified(verified)
		results = append(results, Result{Title: step.title, Verified: verified})
	}
	out.epilogue(len(results), time.Since(began))
	return results, out.err
}

// cause prefers the reason why the demo was cut short to what that looks like.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// reportBrokenPipes makes writing to a closed pipe an error. It would end the process otherwise, and nobody would clear
// away.
func reportBrokenPipes() (stop func()) {
	pipes := make(chan os.Signal, 1)
	signal.Notify(pipes, syscall.SIGPIPE)
	return func() { signal.Stop(pipes) }
}
