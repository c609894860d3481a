package run

import (
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestChildEndsWhenWeAreKilled(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0], "report")
	cmd.Env = roleEnv("run")
	out := start(t, cmd)
	out.expect(t, "ready")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	out.expect(t, syscall.SIGTERM.String())
	if rest, err := io.ReadAll(out); err != nil || len(rest) > 0 { // the pipe closes when the child has ended
		t.Errorf("%q, %v", rest, err)
	}
	_ = cmd.Wait()
}

// TestKeyboardInterruptArrivesOnce types Ctrl-C into a terminal in which the command runs.
func TestKeyboardInterruptArrivesOnce(t *testing.T) {
	t.Parallel()
	master, terminal := openTerminal(t)
	cmd := exec.Command(os.Args[0], "report")
	cmd.Env = roleEnv("run")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out := newBytesPipe(master)
	out.expect(t, "ready")
	if _, err := master.WriteString("\x03"); err != nil {
		t.Fatal(err)
	}
	out.expect(t, "^C"+syscall.SIGINT.String())
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	out.expect(t, syscall.SIGTERM.String()) // and no second interrupt before it
	if _ = cmd.Wait(); cmd.ProcessState.ExitCode() != 5 {
		t.Errorf("ended with %v", cmd.ProcessState)
	}
}

func openTerminal(t *testing.T) (master, terminal *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close() })
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = terminal.Close() })
	return master, terminal
}
