//go:build amd64 || arm64

package sandbox

import (
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	controlFD = 3
	// grace is how long the program may take to end once the broker is gone.
	grace = 10 * time.Second
)

// Main is the first process of a box. It returns the exit code, which nobody needs: how the program ended is told through
// the socket.
func Main() int {
	// What is given up is given up by one thread: this one, that the program is forked from.
	runtime.LockOSThread()
	unix.CloseOnExec(controlFD)
	file := os.NewFile(controlFD, "control")
	conn, err := net.FileConn(file)
	control, ok := conn.(*net.UnixConn)
	if err != nil || !ok || os.Getpid() != 1 {
		_, _ = os.Stderr.WriteString("Error: this is how authsome run --sandbox starts itself; there is nothing to be had here\n")
		return 2
	}
	_ = file.Close()
	g := &guardian{control: control, encoder: json.NewEncoder(control), decoder: json.NewDecoder(control)}
	return g.run()
}

// guardian is the first process of a box.
type guardian struct {
	control *net.UnixConn
	encoder *json.Encoder
	decoder *json.Decoder

	mu    sync.Mutex // guards all below
	child int        // 0 before it is started and after it has ended
}

func (g *guardian) run() int {
	// What the terminal sends to the process group arrives at the program as well, and the broker says what else it should
	// get. A handler that does nothing keeps this process alive, and is not inherited, which to ignore would be.
	ignore := make(chan os.Signal, 1)
	for _, s := range []os.Signal{
		syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2,
	} {
		if !signal.Ignored(s) {
			signal.Notify(ignore, s)
		}
	}
	if err := g.openPort(); err != nil {
		_, _ = g.control.Write([]byte{'!'})
		_ = g.encoder.Encode(answer{Failure: asFailure(err)})
		return 1
	}
	for {
		var o order
		if err := g.decoder.Decode(&o); err != nil {
			return 1 // the broker has given up
		}
		var err error
		switch {
		case o.Enter != nil:
			err = enter(*o.Enter)
		case o.Exec != nil:
			if err = g.start(*o.Exec); err == nil {
				_ = g.encoder.Encode(answer{})
				return g.watch()
			}
		}
		if g.encoder.Encode(answer{Failure: asFailure(err)}) != nil {
			return 1
		}
	}
}

// openPort opens the proxy's port in the network of the box and hands it out.
func (g *guardian) openPort() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return attempt("make a socket", err)
	}
	defer unix.Close(fd) //nolint:errcheck // its copy lives on
	if err := loopbackUp(fd); err != nil {
		return attempt("bring up the loopback interface", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return attempt("open the proxy's port", err)
	}
	if err := unix.Listen(fd, unix.SOMAXCONN); err != nil {
		return attempt("open the proxy's port", err)
	}
	_, _, err = g.control.WriteMsgUnix([]byte{'+'}, unix.UnixRights(fd), nil)
	return attempt("hand over the proxy's port", err)
}

func loopbackUp(fd int) error {
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request)
}

// start forks the program off from this thread, whose restrictions it inherits.
func (g *guardian) start(e execution) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	args := plain(e.Args)
	pid, err := syscall.ForkExec(string(e.Path), args, &syscall.ProcAttr{Env: plain(e.Env), Files: []uintptr{0, 1, 2}})
	if err != nil {
		return err
	}
	g.child = pid
	return nil
}

// watch passes signals on and waits for the program. Whoever has lost his parent becomes a child of this process, and is
// waited for as well.
func (g *guardian) watch() int {
	go g.obey()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 1
		case g.isChild(pid):
			_ = g.encoder.Encode(answer{Ended: true, Status: status})
			return 0
		}
	}
}

// isChild reports whether the process that has ended is the program, and sees to it that no signal is sent to it any more.
func (g *guardian) isChild(pid int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if pid != g.child {
		return false
	}
	g.child = 0
	return true
}

// obey sends the signals that the broker asks for. When the broker is gone the program is asked to end, and made to after
// a while.
func (g *guardian) obey() {
	for {
		var o order
		if err := g.decoder.Decode(&o); err != nil {
			g.signal(syscall.SIGTERM)
			time.Sleep(grace)
			os.Exit(1)
		}
		g.signal(syscall.Signal(o.Signal))
	}
}

func (g *guardian) signal(s syscall.Signal) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.child > 0 && s > 0 {
		_ = syscall.Kill(g.child, s)
	}
}
