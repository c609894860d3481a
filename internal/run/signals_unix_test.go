//go:build unix

package run

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"
)

// bytesPipe reads what a program says, line by line.
type bytesPipe struct{ *bufio.Reader }

func newBytesPipe(r io.Reader) *bytesPipe { return &bytesPipe{bufio.NewReader(r)} }

func (p *bytesPipe) expect(t *testing.T, want string) {
	t.Helper()
	line, err := p.ReadString('\n')
	if got := strings.TrimSpace(line); got != want {
		t.Fatalf("the program said %q, %v; want %q", got, err, want)
	}
}

// start starts a program of the test's own with its output in a pipe.
func start(t *testing.T, cmd *exec.Cmd) *bytesPipe {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return newBytesPipe(out)
}

func signalRoles() map[string]func([]string) int {
	return map[string]func([]string) int{
		// report says which signals it gets and ends with the first SIGTERM.
		"report": func([]string) int {
			c := make(chan os.Signal, 16)
			signal.Notify(c, syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2)
			fmt.Println("ready")
			for s := range c {
				fmt.Println(s)
				if s == syscall.SIGTERM {
					return 5
				}
			}
			return 0
		},
		// plain dies of any signal.
		"plain": func([]string) int {
			fmt.Println("ready")
			time.Sleep(time.Minute)
			return 0
		},
		"ignores": func([]string) int {
			signal.Ignore(syscall.SIGTERM)
			fmt.Println("ready")
			time.Sleep(time.Minute)
			return 0
		},
		"nohup": func([]string) int {
			fmt.Println("ignored:", signal.Ignored(syscall.SIGHUP))
			return 0
		},
	}
}

func TestSignalsAreForwarded(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0], "report")
	cmd.Env = roleEnv("run")
	// A session of its own has no terminal, so nobody else sends the child anything.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out := start(t, cmd)
	out.expect(t, "ready")
	for _, s := range []syscall.Signal{
		syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTERM,
	} {
		if signal.Ignored(s) { // as by nohup, under which nobody gets it
			continue
		}
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		out.expect(t, s.String())
	}
	if _ = cmd.Wait(); cmd.ProcessState.ExitCode() != 5 {
		t.Errorf("ended with %v, want the child's 5", cmd.ProcessState)
	}
}

func TestDeathBySignalIsReportedAsShellsDo(t *testing.T) {
	t.Parallel()
	for s, want := range map[syscall.Signal]int{syscall.SIGTERM: 143, syscall.SIGHUP: 129, syscall.SIGINT: 130} {
		if signal.Ignored(s) {
			continue
		}
		cmd := exec.Command(os.Args[0], "plain")
		cmd.Env = roleEnv("run")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		out := start(t, cmd)
		out.expect(t, "ready")
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		if _ = cmd.Wait(); cmd.ProcessState.ExitCode() != want {
			t.Errorf("%v: %v, want %d", s, cmd.ProcessState, want)
		}
	}
}

func TestContextEndsTheChild(t *testing.T) {
	t.Parallel()
	tests := []struct {
		role  string
		grace time.Duration
		want  int
	}{
		{"report", time.Minute, 5},
		{"plain", time.Minute, 143},
		{"ignores", time.Millisecond, 137},
	}
	for _, tt := range tests {
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		codes := make(chan int)
		go func() {
			c, err := boxed(&Command{Args: []string{os.Args[0]}, Env: roleEnv(tt.role), Stdout: write, Grace: tt.grace})
			if err != nil {
				t.Error(err)
			}
			code, _ := c.Run(ctx)
			codes <- code
		}()
		newBytesPipe(read).expect(t, "ready")
		cancel()
		if code := <-codes; code != tt.want {
			t.Errorf("%s: %d, want %d", tt.role, code, tt.want)
		}
		_, _ = read.Close(), write.Close()
	}
}

func TestIgnoredHangupStaysIgnored(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("/bin/sh", "-c", `trap "" HUP; exec "$0" nohup`, os.Args[0])
	cmd.Env = roleEnv("run")
	out := start(t, cmd)
	out.expect(t, "ignored: true")
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
