//go:build amd64 || arm64

package sandbox

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// Box is a sandbox with one program in it. Its methods are not safe for concurrent use, except Signal.
type Box struct {
	cmd      *exec.Cmd
	control  *net.UnixConn
	encoder  *json.Encoder
	decoder  *json.Decoder
	listener net.Listener
}

// Start makes the namespaces of a box. Nothing runs in it yet but our own first process. The error of a machine that
// cannot have one says why, and what to do.
//
// This process must not be protected yet ([Protect]): the kernel would not let it name the user of the new namespace.
func Start(cfg Config) (*Box, error) {
	if err := checkKernel(); err != nil {
		return nil, err
	}
	return start(cfg)
}

func start(cfg Config) (*Box, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, attempt("make the socket of the sandbox", err)
	}
	inner := os.NewFile(uintptr(pair[1]), "control")
	control, err := unixConn(pair[0])
	if err != nil {
		_ = inner.Close()
		return nil, err
	}
	b := &Box{cmd: command(cfg, inner), control: control}
	err = b.cmd.Start()
	_ = inner.Close()
	if err != nil {
		_ = control.Close()
		return nil, noNamespaces(err)
	}
	b.encoder, b.decoder = json.NewEncoder(control), json.NewDecoder(control)
	if b.listener, err = receiveListener(control); err != nil {
		if errors.Is(err, errNoPort) {
			err = b.reply() // says why
		}
		return nil, noNamespaces(errors.Join(err, b.Close()))
	}
	return b, nil
}

func unixConn(fd int) (*net.UnixConn, error) {
	file := os.NewFile(uintptr(fd), "control")
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, attempt("make the socket of the sandbox", err)
	}
	return conn.(*net.UnixConn), nil //nolint:forcetypeassert // of a socket that is one
}

// command is the first process of the box. It keeps the user's number; what it may do in the namespaces it owns would be
// lost at its start if the capabilities were not ambient.
func command(cfg Config, control *os.File) *exec.Cmd {
	program := cfg.Program
	if len(program) == 0 {
		program = []string{"/proc/self/exe", Command}
	}
	name := program[0]
	if name == "/proc/self/exe" {
		name = os.Args[0]
	}
	return &exec.Cmd{
		Path: program[0], Args: append([]string{name}, program[1:]...), Env: []string{},
		Stdin: cmp.Or(cfg.Stdin, os.Stdin), Stdout: cmp.Or(cfg.Stdout, os.Stdout), Stderr: cmp.Or(cfg.Stderr, os.Stderr),
		ExtraFiles: []*os.File{control},
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: os.Geteuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}},
			AmbientCaps: []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN, unix.CAP_SETPCAP},
		},
	}
}

var errNoPort = errors.New("the sandbox has opened no port")

// receiveListener takes the proxy's port, which the first process has opened in its network.
func receiveListener(control *net.UnixConn) (net.Listener, error) {
	one, rights := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	read, n, _, _, err := control.ReadMsgUnix(one, rights)
	if err != nil || read == 0 {
		return nil, attempt("set up the sandbox", cmp.Or(err, io.ErrUnexpectedEOF))
	}
	messages, err := unix.ParseSocketControlMessage(rights[:n])
	if err != nil || len(messages) != 1 {
		return nil, errNoPort
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return nil, errNoPort
	}
	unix.CloseOnExec(fds[0])
	file := os.NewFile(uintptr(fds[0]), "listener")
	defer file.Close()
	listener, err := net.FileListener(file)
	return listener, attempt("take over the port of the sandbox", err)
}

// Listener is the port that the program in the box sees at the listener's address, and the only one it can reach.
func (b *Box) Listener() net.Listener { return b.listener }

// Enter hides what is to be hidden and gives up every privilege. After it there is no way back.
func (b *Box) Enter(v View) error {
	if err := v.Check(); err != nil {
		return err
	}
	s, err := newScene(v)
	if err != nil {
		return err
	}
	if err := b.ask(order{Enter: s}); err != nil {
		return unsupported(err.Error(), hintFor(err))
	}
	return nil
}

// Exec starts the program at path. The error is the one that the kernel has for it, a [syscall.Errno].
func (b *Box) Exec(path string, args, env []string) error {
	return b.ask(order{Exec: &execution{text(path), texts(args), texts(env)}})
}

func (b *Box) ask(o order) error {
	if err := b.encoder.Encode(o); err != nil {
		return attempt("speak to the sandbox", err)
	}
	return b.reply()
}

func (b *Box) reply() error {
	var a answer
	if err := b.decoder.Decode(&a); err != nil {
		return attempt("hear from the sandbox", err)
	}
	return a.Failure.err()
}

// Signal sends a signal to the program.
func (b *Box) Signal(s os.Signal) error {
	number, ok := s.(syscall.Signal)
	if !ok {
		return fmt.Errorf("%v is no signal of this system", s)
	}
	return b.encoder.Encode(order{Signal: int(number)})
}

// Wait waits for the program and for everything in the box to end. The code is the program's own, or 128+n for signal n.
func (b *Box) Wait() (code int, err error) {
	var a answer
	for !a.Ended {
		if err = b.decoder.Decode(&a); err != nil {
			break
		}
	}
	_ = b.cmd.Wait()
	switch status := b.cmd.ProcessState.Sys().(type) {
	case syscall.WaitStatus:
		if err != nil && status.Signaled() { // somebody has killed the first process, and with it all the others
			return 128 + int(status.Signal()), nil
		}
	}
	if err != nil {
		return 1, attempt("wait for the sandbox", err)
	}
	if a.Status.Signaled() {
		return 128 + int(a.Status.Signal()), nil
	}
	return a.Status.ExitStatus(), nil
}

// Close ends everything in the box. Closing again does nothing.
func (b *Box) Close() error {
	_ = b.control.Close()
	if b.listener != nil {
		_ = b.listener.Close()
	}
	if b.cmd.ProcessState == nil {
		_ = b.cmd.Process.Kill()
		_ = b.cmd.Wait()
	}
	return nil
}
