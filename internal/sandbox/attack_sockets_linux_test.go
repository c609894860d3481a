//go:build amd64 || arm64

package sandbox

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Sockets in the user's home whose paths the kernel does not tell.
const (
	linkedSocket   = "sockets/control-me@host" // as ssh makes the one for shared connections
	relativeSocket = "sockets/relative"
	foreignSocket  = "sockets/foreign" // of a program in another network, as a docker without root is
	namedSocket    = "unseen/named"    // of a program that cannot be seen at all, as one outside of a container that we are in; a variable names it
	mountedSocket  = "unseen/mounted"  // another one, which is mounted somewhere else
)

// lateSockets are made when the box is closed already.
func lateSockets() []string {
	return []string{".ssh/late", ".ssh/agent/late", ".gnupg/late", "dotfiles/runtime/late"}
}

func socketAttacks() []attack {
	to := func(name string) func(w world) error {
		return func(w world) error { return echo("unix", filepath.Join(w.User, name)) }
	}
	elsewhere := func(name string) func(w world) error {
		return func(w world) error { return echo("unix", filepath.Join(w.Elsewhere, name)) }
	}
	all := []attack{
		{name: "socket under another name", run: to(linkedSocket)},
		{name: "socket bound by a relative name", run: to(relativeSocket)},
		{name: "socket of another network", root: true, run: to(foreignSocket)},
		{name: "socket that a variable names", root: true, run: to(namedSocket)},
		{name: "socket that is mounted", root: true, run: elsewhere("mounted")},
		{name: "socket through a bind mount", root: true, run: elsewhere("sockets/relative")},
		{name: "session bus through a link", run: to("runtime/bus")},
	}
	for _, name := range lateSockets() {
		all = append(all, attack{name: "late socket " + name, run: to(name)})
	}
	return all
}

// openLateSockets opens what programs outside open while a program runs in the box.
func openLateSockets(w world) error {
	for _, name := range lateSockets() {
		if err := openSocket(filepath.Join(w.User, name)); err != nil {
			return err
		}
	}
	return nil
}

// openSocket serves at a path, in place of what the broker before has left there.
func openSocket(path string) error {
	_ = os.Remove(path)
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	go serve(l)
	return nil
}

// openUnseenSockets opens sockets of a network that no process is in any more, so that the kernel tells nobody of them.
func openUnseenSockets(paths ...string) error {
	failed := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with this function, and leaves the network behind
		failed <- func() error {
			if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
				return err
			}
			for _, path := range paths {
				if err := openSocket(path); err != nil {
					return err
				}
			}
			return nil
		}()
	}()
	return <-failed
}

// mountSockets has sockets be seen in other places, in a mount namespace of this broker's own.
func mountSockets(w world) error {
	if err := os.MkdirAll(filepath.Join(w.User, "unseen"), 0o700); err != nil {
		return err
	}
	if err := openUnseenSockets(filepath.Join(w.User, namedSocket), filepath.Join(w.User, mountedSocket)); err != nil {
		return err
	}
	return errors.Join(os.WriteFile(filepath.Join(w.Elsewhere, "mounted"), nil, 0o600), os.MkdirAll(filepath.Join(w.Elsewhere, "sockets"), 0o700),
		unix.Mount(filepath.Join(w.User, mountedSocket), filepath.Join(w.Elsewhere, "mounted"), "", unix.MS_BIND, ""),
		unix.Mount(filepath.Join(w.User, "sockets"), filepath.Join(w.Elsewhere, "sockets"), "", unix.MS_BIND, ""))
}

func openOddSockets(w world) error {
	for _, name := range []string{linkedSocket, relativeSocket, foreignSocket} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(w.User, name)), 0o700); err != nil {
			return err
		}
		_ = os.Remove(filepath.Join(w.User, name)) // of the broker before
	}
	first := filepath.Join(w.User, "sockets/first")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: first})
	if err != nil {
		return err
	}
	l.SetUnlinkOnClose(false)
	if err := errors.Join(os.Link(first, filepath.Join(w.User, linkedSocket)), os.Remove(first)); err != nil {
		return err
	}
	go serve(l)
	relative, err := net.Listen("unix", relativeSocket) // the broker works in the user's home
	if err != nil {
		return err
	}
	go serve(relative)
	if os.Getuid() != 0 {
		return nil
	}
	cmd := exec.Command("/proc/self/exe", filepath.Join(w.User, foreignSocket))
	cmd.Env = []string{goRace, envRole + "=listener"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: unix.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	if _, err = bufio.NewReader(out).ReadString('\n'); err != nil {
		return err
	}
	return mountSockets(w)
}

// listenerRole listens, and says when.
func listenerRole(path string) int {
	l, err := net.Listen("unix", path)
	if err != nil {
		return broken
	}
	fmt.Println("listening")
	serve(l)
	return 0
}

// deviceAttacks open a device that lies somewhere else than in /dev, as in a system that root keeps in a directory.
func deviceAttacks() []attack {
	null := func(dir string) error {
		path := filepath.Join(dir, "device")
		f, err := os.Open(path) // a disk would be read
		if err == nil {
			err = f.Close()
		}
		return err
	}
	return []attack{
		{name: "device in a directory", root: true, run: func(w world) error { return null(w.Elsewhere) }},
		{name: "device in the working directory", root: true, run: func(w world) error { return null(w.User) }},
	}
}

func makeDevices(w world) error {
	for _, dir := range []string{w.Elsewhere, w.User} {
		err := unix.Mknod(filepath.Join(dir, "device"), unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3)))
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return err
		}
	}
	return nil
}
