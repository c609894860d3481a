//go:build amd64 || arm64

package sandbox

import (
	"os"
	"path/filepath"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

const (
	minLandlock    = 3 // the version of Landlock that can forbid truncating files: Linux 6.2
	signalLandlock = 6 // and sending signals out of the box: Linux 6.12
	unixLandlock   = 9 // and connecting to sockets of others by their paths
)

// confine gives up every privilege of this thread, and with it of all that it starts.
func confine(s scene, fresh []string) error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil { // until it executes something
		return attempt("protect the first process", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return attempt("set no_new_privs", err)
	}
	if err := dropCapabilities(); err != nil {
		return err
	}
	if err := restrict(append(writable(s), fresh...)); err != nil {
		return attempt("restrict with Landlock", err)
	}
	return attempt("restrict with seccomp", installFilter())
}

// dropCapabilities makes root of the box, if the user is root, a user like any other.
func dropCapabilities() error {
	for c := uintptr(0); ; c++ {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err == unix.EINVAL {
			break // the kernel knows no more
		} else if err != nil {
			return attempt("drop the capabilities", err)
		}
	}
	// See capabilities(7), "The securebits flags": no rights for being root, none by changing the user, none kept, none
	// ambient, and each of these for good.
	const bits = 1<<0 | 1<<1 | 1<<2 | 1<<3 | 1<<5 | 1<<6 | 1<<7
	if err := unix.Prctl(unix.PR_SET_SECUREBITS, bits, 0, 0, 0); err != nil {
		return attempt("drop the capabilities", err)
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	return attempt("drop the capabilities", unix.Capset(&header, &none[0]))
}

// restrict puts this thread into a Landlock domain: everything that is still there may be read and executed, the
// directories given written to. That there is a domain at all forbids changing mounts and tracing anybody outside of it.
func restrict(dirs []string) error {
	all := landlock.AccessFSSet(ll.AccessFSResolveUnix<<1 - 1)
	read := landlock.AccessFSSet(ll.AccessFSExecute | ll.AccessFSReadFile | ll.AccessFSReadDir)
	// Where the kernel can forbid connecting to sockets that programs outside have bound, it does, everywhere.
	write := all &^ landlock.AccessFSSet(ll.AccessFSResolveUnix)
	config := landlock.Config{
		HandledAccessFS: all, Scoped: landlock.ScopedSet(ll.ScopeAbstractUnixSocket | ll.ScopeSignal),
	}.BestEffort()
	rules := []landlock.Rule{landlock.PathAccess(read, "/")}
	for _, dir := range dirs {
		rules = append(rules, landlock.PathAccess(write, dir))
	}
	if _, err := os.Stat("/dev/console"); err == nil { // our terminal, also as /dev/stdout
		file := landlock.AccessFSSet(ll.AccessFSReadFile | ll.AccessFSWriteFile | ll.AccessFSIoctlDev)
		rules = append(rules, landlock.PathAccess(file, "/dev/console"))
	}
	fd, flags, err := config.NewRulesetFD(rules...)
	if err != nil {
		return err
	}
	defer unix.Close(fd) //nolint:errcheck // a ruleset has nothing to lose
	// Of this thread only: the others are of the process that watches, and start nothing.
	if _, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(fd), uintptr(flags), 0); errno != 0 {
		return errno
	}
	return nil
}

// writable lists the user's directories that may be written to.
func writable(s scene) []string {
	var dirs []string
	for _, path := range append([]text{s.Dir, s.UserHome}, s.Write...) {
		dir := filepath.Clean(string(path))
		info, err := os.Stat(dir)
		if err == nil && info.IsDir() && !isSystem(resolved(dir)) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}
