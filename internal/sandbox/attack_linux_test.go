//go:build amd64 || arm64

package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// secret is what the attacks are after.
const secret = "the-secret-of-the-vault"

// world is what an attack knows about the outside. It is more than a real one would.
type world struct {
	Top, User, Home, Vault      string
	Elsewhere                   string // where nobody has business
	PID                         int
	Address                     uintptr // of the secret in the memory of the broker
	Descriptor                  int     // of the vault, open in the broker
	TCP, UDP, Abstract          string
	Agent, Other, Temp, Session string // sockets of authsome, in the user's home, in /tmp, and where D-Bus has its own
	Alias                       string // a bind mount of the home
	Proxy                       string
}

// attack returns nil if it has succeeded.
type attack struct {
	name     string
	run      func(w world) error
	root     bool        // only root can do such a thing
	terminal bool        // it needs one
	possible func() bool // whether it succeeds without the sandbox is up to the machine
}

func attacks() []attack {
	return slices.Concat(basicAttacks(), lendingAttacks(), laterAttacks(), socketAttacks(), deviceAttacks())
}

func basicAttacks() []attack {
	return []attack{
		{name: "read the vault", run: func(w world) error { return readSecret(w.Vault) }},
		{name: "read the key file of a keyring", run: func(w world) error {
			return readSecret(filepath.Join(w.User, ".local/share/keyrings/login.keyring"))
		}},
		{name: "read a snapshot of the vault", run: func(w world) error {
			return readSecret(filepath.Join(w.User, ".config/.snapshot/hourly/tools/authsome/vault.db"))
		}},
		{name: "symbolic link", run: throughLink(os.Symlink)},
		{name: "hard link", run: throughLink(os.Link)},
		{name: "bind mount", root: true, run: func(w world) error { return readSecret(filepath.Join(w.Alias, "vault.db")) }},
		{name: "bind mount of the vault", root: true, run: func(w world) error { return readSecret(w.Alias + ".db") }},
		{name: "uncover the vault", run: uncover},
		{name: "inherited directory", run: inheritedDirectory},
		{name: "root of a process", run: ofProcesses(func(pid string, w world) error {
			return readSecret(filepath.Join(pid, "root", w.Vault))
		})},
		{name: "working directory of a process", run: ofProcesses(func(pid string, w world) error {
			return readSecret(filepath.Join(pid, "cwd", inHome, "vault.db"))
		})},
		{name: "environment of a process", run: ofProcesses(func(pid string, _ world) error {
			return readSecret(filepath.Join(pid, "environ"))
		})},
		{name: "open file of a process", run: ofProcesses(func(pid string, w world) error {
			return readSecret(filepath.Join(pid, "fd", strconv.Itoa(w.Descriptor)))
		})},
		{name: "memory in proc", run: ofProcesses(readMemory)},
		{name: "process_vm_readv", run: readvMemory},
		{name: "ptrace", run: func(w world) error { return seize(w.PID) }},
		{name: "pidfd_getfd", run: takeFile},
		{name: "signal the broker", run: func(w world) error { return syscall.Kill(w.PID, 0) }},
		{name: "TCP", run: func(w world) error { return echo("tcp", w.TCP) }},
		{name: "UDP, as QUIC and DNS use it", run: func(w world) error { return echo("udp", w.UDP) }},
		{name: "abstract socket", run: func(w world) error { return echo("unix", w.Abstract) }},
		{name: "socket of the agent", run: func(w world) error { return echo("unix", w.Agent) }},
		{name: "socket in the user's home", run: func(w world) error { return echo("unix", w.Other) }},
		{name: "socket in /tmp, as tmux has one", run: func(w world) error { return echo("unix", w.Temp) }},
		{name: "session bus", run: func(w world) error { return echo("unix", w.Session) }},
		{name: "other socket families", run: func(world) error { return socket(unix.AF_NETLINK, unix.NETLINK_KOBJECT_UEVENT) }},
		{name: "keyring of the kernel", run: readKey},
		{name: "typing into the terminal", terminal: true, run: typeInto, possible: setting("/proc/sys/dev/tty/legacy_tiocsti", "1")},
		{name: "typing with a bit too many", terminal: true, run: typeWide, possible: setting("/proc/sys/dev/tty/legacy_tiocsti", "1")},
		{name: "line discipline of the terminal", terminal: true, run: func(world) error {
			return unix.IoctlSetPointerInt(0, unix.TIOCSETD, 0)
		}},
		{name: "signal to the processes outside of the same group", run: signalGroup, possible: func() bool { return false }},
		{name: "new user namespace", run: func(world) error { return newNamespace() }},
		{name: "io_uring", run: ring, possible: setting("/proc/sys/kernel/io_uring_disabled", "0")},
		{name: "write elsewhere", run: func(w world) error { return os.WriteFile(filepath.Join(w.Elsewhere, "f"), nil, 0o600) }},
		{name: "truncate elsewhere", run: func(w world) error { return os.Truncate(filepath.Join(w.Elsewhere, "old"), 0) }},
		{name: "change a mode elsewhere", run: func(w world) error { return os.Chmod(filepath.Join(w.Elsewhere, "old"), 0o666) }},
		{name: "change times elsewhere", run: func(w world) error {
			return os.Chtimes(filepath.Join(w.Elsewhere, "old"), time.Time{}, time.Unix(1, 0))
		}},
		{name: "plant something in a start file", run: func(w world) error {
			return os.WriteFile(filepath.Join(w.User, ".bashrc"), []byte("true"), 0o600)
		}},
		{name: "raw disk", root: true, run: func(world) error { return openDisk() }, possible: hasDisk},
		{name: "settings of the kernel", root: true, run: func(world) error {
			f, err := os.OpenFile("/proc/sys/kernel/core_pattern", os.O_WRONLY, 0)
			if err == nil {
				err = f.Close()
			}
			return err
		}},
		{name: "regain capabilities", root: true, run: func(world) error { return capable() }},
	}
}

func readSecret(path string) error {
	content, err := os.ReadFile(path)
	if err == nil && !bytes.Contains(content, []byte(secret)) {
		err = errors.New("something else is there")
	}
	return err
}

func throughLink(link func(old, name string) error) func(w world) error {
	return func(w world) error {
		name := filepath.Join(w.User, "link")
		_ = os.Remove(name)
		if err := link(w.Vault, name); err != nil {
			return err
		}
		defer os.Remove(name)
		return readSecret(name)
	}
}

// uncover takes away what lies over the home, in every way there is.
func uncover(w world) error {
	_ = unix.Unmount(w.Home, unix.MNT_DETACH)
	_ = unix.Mount("", w.Home, "", unix.MS_REMOUNT|unix.MS_BIND, "")
	_ = unix.MountSetattr(unix.AT_FDCWD, w.Home, 0, &unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY})
	if os.Rename(w.Home, w.Home+"-moved") == nil {
		_ = os.Rename(w.Home+"-moved", w.Home)
	}
	_ = os.RemoveAll(filepath.Join(w.Home, Marker))
	if fd, err := unix.OpenTree(unix.AT_FDCWD, w.User, unix.OPEN_TREE_CLONE); err == nil {
		_ = unix.Close(fd)
	}
	return readSecret(w.Vault)
}

func inheritedDirectory(w world) error {
	for fd := 3; fd < 64; fd++ {
		file, err := unix.Openat(fd, "vault.db", unix.O_RDONLY, 0)
		if err == nil {
			_ = unix.Close(file)
			return nil
		}
		if file, err = unix.Openat(fd, inHome+"/vault.db", unix.O_RDONLY, 0); err == nil {
			_ = unix.Close(file)
			return nil
		}
	}
	return fs.ErrNotExist
}

// ofProcesses tries every process but this one.
func ofProcesses(try func(pid string, w world) error) func(w world) error {
	return func(w world) error {
		all, err := filepath.Glob("/proc/[0-9]*")
		result := errors.Join(err, errors.New("there is no process"))
		for _, pid := range append([]string{"/proc/" + strconv.Itoa(w.PID)}, all...) {
			if filepath.Base(pid) == strconv.Itoa(os.Getpid()) {
				continue
			}
			if result = try(pid, w); result == nil {
				return nil
			}
		}
		return result
	}
}

func readMemory(pid string, w world) error {
	f, err := os.Open(filepath.Join(pid, "mem"))
	if err != nil {
		return err
	}
	defer f.Close()
	return compare(f.ReadAt)(int64(w.Address))
}

func compare(read func(b []byte, at int64) (int, error)) func(at int64) error {
	return func(at int64) error {
		b := make([]byte, len(secret))
		if _, err := read(b, at); err != nil {
			return err
		}
		if string(b) != secret {
			return errors.New("something else is there")
		}
		return nil
	}
}

func readvMemory(w world) error {
	return compare(func(b []byte, at int64) (int, error) {
		local := []unix.Iovec{{Base: &b[0], Len: uint64(len(b))}}
		remote := []unix.RemoteIovec{{Base: uintptr(at), Len: len(b)}}
		return unix.ProcessVMReadv(w.PID, local, remote, 0)
	})(int64(w.Address))
}

func seize(pid int) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return unix.PtraceSeize(pid)
}

func takeFile(w world) error {
	process, err := unix.PidfdOpen(w.PID, 0)
	if err != nil {
		return err
	}
	fd, err := unix.PidfdGetfd(process, w.Descriptor, 0)
	if err != nil {
		return err
	}
	return compare(os.NewFile(uintptr(fd), "vault").ReadAt)(0)
}

// echo asks whoever listens.
func echo(network, address string) error {
	conn, err := net.DialTimeout(network, address, 5*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := conn.Write([]byte("hello")); err != nil {
		return err
	}
	b := make([]byte, 5)
	_, err = conn.Read(b)
	return err
}

func socket(family, protocol int) error {
	fd, err := unix.Socket(family, unix.SOCK_RAW, protocol)
	if err == nil {
		err = unix.Close(fd)
	}
	return err
}

func readKey(world) error {
	id, err := unix.KeyctlSearch(unix.KEY_SPEC_SESSION_KEYRING, "user", "authsome-test", 0)
	if err != nil {
		return err
	}
	b := make([]byte, len(secret))
	if _, err := unix.KeyctlBuffer(unix.KEYCTL_READ, id, b, 0); err != nil {
		return err
	}
	if string(b) != secret {
		return errors.New("something else is there")
	}
	return nil
}

func typeInto(world) error { return inject(unix.TIOCSTI) }
func typeWide(world) error { return inject(unix.TIOCSTI | 1<<40) }

func inject(request uintptr) error {
	letter := byte('\n')
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, 0, request, uintptr(unsafe.Pointer(&letter))); errno != 0 {
		return errno
	}
	return nil
}

// signalGroup sends a signal to the process group, which the broker is in, who does not ignore this one.
func signalGroup(world) error {
	signal.Ignore(unix.SIGALRM)
	if err := syscall.Kill(0, unix.SIGALRM); err != nil {
		return err
	}
	time.Sleep(100 * time.Millisecond) // for the broker to end, which it does if it has got it
	return errors.New("the broker lives on")
}

func setting(file, want string) func() bool {
	return func() bool {
		value, err := os.ReadFile(file)
		return err == nil && strings.TrimSpace(string(value)) == want
	}
}

func newNamespace() error {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{goRace, envRole + "=nothing"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER}
	return cmd.Run()
}

func ring(world) error {
	var parameters [120]byte // struct io_uring_params
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&parameters)), 0)
	if errno != 0 {
		return errno
	}
	return unix.Close(int(fd))
}

func disks() []string {
	entries, _ := os.ReadDir("/dev")
	var all []string
	for _, e := range entries {
		if e.Type()&(fs.ModeDevice|fs.ModeCharDevice) == fs.ModeDevice {
			all = append(all, "/dev/"+e.Name())
		}
	}
	return all
}

func hasDisk() bool { return openDisk() == nil }

func openDisk() error {
	for _, path := range disks() {
		if f, err := os.Open(path); err == nil {
			return f.Close()
		}
	}
	return errors.New("there is no disk")
}

// capable does what needs a capability and is no more than asking.
func capable() error {
	runtime.LockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return err
	}
	if data[0].Permitted|data[0].Effective|data[1].Permitted == 0 {
		return fmt.Errorf("none is left")
	}
	return nil
}
