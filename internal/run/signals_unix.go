//go:build unix

package run

import (
	"os"
	"os/signal"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// forwarded lists the signals that are passed on. One that this process was started to ignore, as nohup does with
// SIGHUP, is left alone, so that the child inherits that. SIGTSTP, SIGCONT and SIGWINCH are missing on purpose: the
// terminal sends them to the whole process group, in which parent and child stop, go on and are resized together.
func forwarded() []os.Signal {
	all := []os.Signal{
		syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2,
	}
	return slices.DeleteFunc(all, signal.Ignored)
}

// childHasIt reports whether the terminal has sent the signal to the child as well. It sends what the keyboard asks for
// to the whole foreground process group; a second copy would make programs quit that take two interrupts in a row for
// impatience. A signal does not tell Go who sent it, so an interrupt sent by kill to this process alone while it is in
// the foreground is not passed on; SIGTERM always is.
func childHasIt(s os.Signal) bool {
	return (s == syscall.SIGINT || s == syscall.SIGQUIT) && inForeground()
}

func inForeground() bool {
	tty, err := os.OpenFile("/dev/tty", os.O_RDONLY|unix.O_NOCTTY, 0)
	if err != nil {
		return false // there is no terminal
	}
	defer tty.Close()
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
