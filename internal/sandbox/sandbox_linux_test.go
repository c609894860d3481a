//go:build amd64 || arm64

package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// inHome is where the home of authsome lies in the user's: deep, so that what it lies in can be written to.
const inHome = ".config/tools/authsome"

const (
	envRole  = "TEST_SANDBOX_ROLE"
	envWorld = "TEST_SANDBOX_WORLD"
	goRace   = "GORACE=atexit_sleep_ms=0" // the race detector sleeps a second at the end of each process otherwise
	// nobody is an ordinary user. Tests that run as root run as this one as well.
	nobody = 65534

	succeeded, failedToo, broken = 0, 9, 3 // exit codes of an attack, and of one that could not even be tried
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == Command {
		syscall.Exit(Main()) // os.Exit takes a second with the race detector, and it has no environment to say otherwise
	}
	switch os.Getenv(envRole) {
	case "":
		os.Exit(m.Run())
	case "listener":
		os.Exit(listenerRole(os.Args[1]))
	case "nothing":
		os.Exit(0)
	case "stage":
		os.Exit(stageRole(os.Args[1], os.Args[2:]))
	case "broker":
		os.Exit(brokerRole(os.Args[1] == "inside", os.Args[2:]))
	case "attack":
		os.Exit(attackRole(os.Args[1]))
	}
}

// brokerRole makes a world and runs a program in it, inside of a sandbox or outside.
func brokerRole(inside bool, args []string) int {
	runtime.LockOSThread() // the session keyring is one of a thread
	w, listener, err := makeWorld()
	if err != nil {
		fmt.Println("the world:", err)
		return broken
	}
	defer os.RemoveAll(filepath.Dir(w.Temp))
	env := []string{
		goRace, envRole + "=attack", "PATH=" + filepath.Join(w.User, ".local/bin") + ":/usr/bin:/bin", "HOME=" + w.User,
		"XDG_RUNTIME_DIR=" + filepath.Join(w.User, "runtime"), "TEST_AGENT=unix:path=" + filepath.Join(w.User, namedSocket) + ",guid=0",
	}
	if os.Getenv("TEST_SANDBOX_PROTECT") != "" {
		if err := Protect(); err != nil {
			return broken
		}
	}
	if !inside {
		w.Proxy = listener.Addr().String()
		go serve(listener)
		if err := openLateSockets(w); err != nil {
			fmt.Println("the world:", err)
			return broken
		}
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = w.User, append(env, w.variable()), os.Stdin, os.Stdout, os.Stderr
		_ = cmd.Run()
		return cmd.ProcessState.ExitCode()
	}
	box, err := Start(Config{})
	if err != nil {
		fmt.Println("start:", err)
		return broken
	}
	defer box.Close()
	w.Proxy = box.Listener().Addr().String()
	go serve(box.Listener())
	env = append(env, w.variable())
	view := View{
		Dir: w.User, UserHome: w.User, Home: w.Home, State: w.state(), Keep: filepath.Join(w.Home, "run", "child"), Environ: env,
		Write: []string{filepath.Join(w.Top, "bin")}, // where the programs of the test lie
		Hide:  []string{filepath.Join(w.User, "private")},
	}
	if err := box.Enter(view); err != nil {
		fmt.Println("enter:", err)
		return broken
	}
	if err := openLateSockets(w); err != nil {
		fmt.Println("the world:", err)
		return broken
	}
	if err := box.Exec(args[0], args, env); err != nil {
		fmt.Println("exec:", err)
		return broken
	}
	code, err := box.Wait()
	if err != nil {
		fmt.Println("wait:", err)
		return broken
	}
	return code
}

func (w world) variable() string {
	b, _ := json.Marshal(w)
	return envWorld + "=" + string(b)
}

func theWorld() (w world, err error) {
	err = json.Unmarshal([]byte(os.Getenv(envWorld)), &w)
	return w, err
}

func attackRole(name string) int {
	w, err := theWorld()
	if err != nil {
		return broken
	}
	for _, a := range append(attacks(), uses()...) {
		if a.name == name {
			if err := a.run(w); err != nil {
				fmt.Println(err)
				return failedToo
			}
			return succeeded
		}
	}
	return broken
}

// makeWorld makes everything that is attacked, as the user that this process runs as.
func makeWorld() (w world, listener net.Listener, err error) {
	top := os.Getenv("TEST_SANDBOX_TOP")
	w = world{Top: top, Elsewhere: os.Getenv("TEST_SANDBOX_ELSEWHERE"), User: filepath.Join(top, "user"), PID: os.Getpid()}
	w.Home = filepath.Join(w.User, inHome)
	w.Vault = filepath.Join(w.Home, "vault.db")
	for path, content := range map[string]string{
		w.Vault: secret, filepath.Join(w.User, ".local/share/keyrings/login.keyring"): secret,
		filepath.Join(w.Home, "run", "child", "ca.pem"): "certificate", filepath.Join(w.User, ".config/.snapshot/hourly/tools/authsome/vault.db"): secret,
		filepath.Join(w.User, ".bashrc"): "# nothing", filepath.Join(w.Elsewhere, "old"): "old",
		filepath.Join(w.state(), "marks", "mark"): secret, filepath.Join(w.User, ".local/bin/tool"): "#!/bin/sh",
		filepath.Join(w.User, "dotfiles/zshrc"): "# nothing", filepath.Join(w.User, ".docker/cli-plugins/one"): "",
		filepath.Join(w.User, "dotfiles/emacs/init.el"): "; nothing", filepath.Join(w.User, "dotfiles/private/note"): secret,
		filepath.Join(w.User, ".ssh/config"): "# nothing", filepath.Join(w.User, ".ssh/agent/note"): "", filepath.Join(w.User, ".gnupg/gpg.conf"): "",
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
			return w, nil, err
		}
	}
	for link, target := range map[string]string{
		".zshrc": "dotfiles/zshrc", ".emacs.d": "dotfiles/emacs", "private": "dotfiles/private", "runtime": "dotfiles/runtime",
	} {
		if err := os.Symlink(target, filepath.Join(w.User, link)); err != nil && !errors.Is(err, fs.ErrExist) {
			return w, nil, err
		}
	}
	if err := os.Chdir(w.User); err != nil {
		return w, nil, err
	}
	memory := []byte(secret)
	w.Address = uintptr(unsafe.Pointer(&memory[0]))
	if err := unix.Prctl(unix.PR_SET_PTRACER, ^uintptr(0), 0, 0, 0); err != nil && err != unix.EINVAL { // for Yama
		return w, nil, err
	}
	vault, err := os.Open(w.Vault)
	if err != nil {
		return w, nil, err
	}
	w.Descriptor = int(vault.Fd())
	if _, err := unix.Open(w.Home, unix.O_RDONLY|unix.O_DIRECTORY, 0); err != nil { // a leak: it is not closed on exec
		return w, nil, err
	}
	if os.Getuid() == 0 {
		w.Alias = filepath.Join(w.Elsewhere, "alias") // outside of /tmp, which is another one inside
		err = errors.Join(os.MkdirAll(w.Alias, 0o700), os.WriteFile(w.Alias+".db", nil, 0o600),
			makeDevices(w), unix.Mount(w.Home, w.Alias, "", unix.MS_BIND, ""), unix.Mount(w.Vault, w.Alias+".db", "", unix.MS_BIND, ""))
		if err != nil {
			return w, nil, err
		}
	}
	if _, err = unix.KeyctlJoinSessionKeyring("authsome-test-" + strconv.Itoa(w.PID)); err == nil {
		_, err = unix.AddKey("user", "authsome-test", []byte(secret), unix.KEY_SPEC_SESSION_KEYRING)
	}
	if err != nil {
		return w, nil, err
	}
	go func() { // keeps what is attacked from being collected
		for {
			time.Sleep(time.Hour)
			runtime.KeepAlive(memory)
			runtime.KeepAlive(vault)
		}
	}()
	if err := openSockets(&w); err != nil {
		return w, nil, err
	}
	listener, err = net.Listen("tcp", "127.0.0.1:0")
	return w, listener, err
}

// openSockets opens what can be talked to.
func openSockets(w *world) error {
	w.Abstract = "@authsome-test-" + strconv.Itoa(w.PID)
	w.Agent = filepath.Join(w.Home, "run", "agent.sock")
	w.Other = filepath.Join(w.User, "other.sock")
	w.Temp = filepath.Join(os.TempDir(), "authsome-test-"+strconv.Itoa(w.PID), "default")
	w.Session = filepath.Join(w.User, "dotfiles", "runtime", "bus")
	for _, address := range []string{w.Abstract, w.Agent, w.Other, w.Temp, w.Session} {
		if err := os.MkdirAll(filepath.Dir(address), 0o700); err != nil {
			return err
		}
		_ = os.Remove(address) // of the broker before
		l, err := net.Listen("unix", address)
		if err != nil {
			return err
		}
		go serve(l)
	}
	if err := openOddSockets(*w); err != nil {
		return err
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go serve(tcp)
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() {
		b := make([]byte, 100)
		for {
			n, from, err := udp.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = udp.WriteTo(b[:n], from)
		}
	}()
	w.TCP, w.UDP = tcp.Addr().String(), udp.LocalAddr().String()
	return nil
}

func serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			_, _ = io.Copy(conn, conn)
			_ = conn.Close()
		}()
	}
}

// uses are what must work, inside as outside.
func uses() []attack {
	return []attack{
		{name: "the proxy", run: func(w world) error { return echo("tcp", w.Proxy) }},
		{name: "a listener of one's own", run: func(world) error {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			go serve(l)
			return echo("tcp", l.Addr().String())
		}},
		{name: "a socket of one's own", run: func(w world) error {
			path := filepath.Join(w.User, "own.sock")
			_ = os.Remove(path)
			l, err := net.Listen("unix", path)
			if err != nil {
				return err
			}
			defer l.Close()
			go serve(l)
			return echo("unix", path)
		}},
		{name: "the certificate of the run", run: func(w world) error {
			_, err := os.ReadFile(filepath.Join(w.Home, "run", "child", "ca.pem"))
			return err
		}},
		{name: "what lies beside sockets", run: func(w world) error {
			_, err := os.ReadFile(filepath.Join(w.User, ".ssh/agent/note"))
			return err
		}},
		{name: "files", run: func(w world) error {
			for _, dir := range []string{w.User, os.TempDir(), "/var/tmp", "/dev/shm", os.Getenv("XDG_RUNTIME_DIR")} {
				name := filepath.Join(dir, "authsome-file-"+strconv.Itoa(os.Getpid()))
				if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
					return err
				}
				if err := errors.Join(os.Rename(name, name+"2"), os.Remove(name+"2")); err != nil {
					return err
				}
			}
			return nil
		}},
		{name: "devices", run: func(world) error {
			for _, name := range []string{"null", "zero", "full", "random", "urandom", "ptmx"} {
				f, err := os.OpenFile("/dev/"+name, os.O_RDWR|unix.O_NOCTTY, 0)
				if err != nil {
					return err
				}
				_ = f.Close()
			}
			return nil
		}},
		{name: "programs", run: func(world) error {
			out, err := exec.Command("sh", "-c", "id -u; cat /etc/passwd | wc -l; echo x > /dev/null").Output()
			if uid, _, _ := strings.Cut(string(out), "\n"); err == nil && uid != strconv.Itoa(os.Getuid()) {
				err = fmt.Errorf("it says %q", out)
			}
			return err
		}},
		{name: "interfaces", run: func(world) error {
			_, err := net.Interfaces()
			return err
		}},
	}
}

// stage prepares a directory that everybody can enter, with a copy of this program, and returns what makes a broker of it.
func stage(t *testing.T, uid int) func(inside bool, args ...string) *exec.Cmd {
	t.Helper()
	top, err := os.MkdirTemp("", "authsome-sandbox-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// A broker that ran in a namespace of its own has left no mounts.
		if err := os.RemoveAll(top); err != nil {
			t.Error(err)
		}
	})
	elsewhere := filepath.Join(top, "elsewhere") // is not there inside, as all of /tmp; root can show what Landlock does
	if os.Getuid() == 0 {
		elsewhere = filepath.Join(rootStage, "elsewhere")
	}
	program := filepath.Join(top, "bin", "program")
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(os.Chmod(top, 0o755), os.Mkdir(filepath.Dir(program), 0o755), os.WriteFile(program, self, 0o755),
		os.Chmod(filepath.Dir(program), 0o755))
	for _, path := range []string{top, filepath.Dir(program), program} {
		err = errors.Join(err, os.Chown(path, uid, uid))
	}
	if err != nil {
		t.Fatal(err)
	}
	return func(inside bool, args ...string) *exec.Cmd {
		where := map[bool]string{true: "inside", false: "outside"}[inside]
		cmd := exec.Command(program, append([]string{where, program}, args...)...)
		cmd.Env = []string{
			goRace, envRole + "=broker", "TEST_SANDBOX_TOP=" + top, "TEST_SANDBOX_ELSEWHERE=" + elsewhere, "SECRET=" + secret, "PATH=/usr/bin:/bin", "TMPDIR=" + os.TempDir(),
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{}
		if os.Getuid() == 0 {
			cmd.SysProcAttr.Unshareflags = unix.CLONE_NEWNS // where it may mount what it likes
			cmd.Env = append(cmd.Env, envRole+"=stage", "TEST_SANDBOX_UID="+strconv.Itoa(uid))
		}
		return cmd
	}
}

// rootStage is a directory of every system that is not renewed inside. Root lays an empty file system over it in a mount
// namespace of its own, so that nothing is left of it, however a test ends.
const rootStage = "/var/lib"

// stageRole becomes a broker of another user, with a directory of its own where the tests make no other.
func stageRole(where string, args []string) int {
	uid, err := strconv.Atoi(os.Getenv("TEST_SANDBOX_UID"))
	elsewhere := os.Getenv("TEST_SANDBOX_ELSEWHERE")
	err = errors.Join(err, unix.Mount("tmpfs", rootStage, "tmpfs", 0, "mode=0755"),
		os.Mkdir(elsewhere, 0o700), os.Chown(elsewhere, uid, uid))
	if err == nil && uid != 0 {
		err = errors.Join(syscall.Setgroups(nil), syscall.Setgid(uid), syscall.Setuid(uid))
	}
	if err == nil {
		err = os.Setenv(envRole, "broker")
	}
	if err == nil {
		program := filepath.Join(os.Getenv("TEST_SANDBOX_TOP"), "bin", "program")
		err = syscall.Exec(program, append([]string{program, where}, args...), os.Environ())
	}
	fmt.Println("the stage:", err)
	return broken
}

// users are who the tests run as.
func users() []int {
	if os.Getuid() == 0 {
		return []int{0, nobody}
	}
	return []int{os.Getuid()}
}

// requireSandbox skips where the kernel cannot. It asks another program: a sandbox of ours that is broken must not pass.
func requireSandbox(t *testing.T) {
	t.Helper()
	err := exec.Command("unshare", "--user", "--map-root-user", "--mount", "--pid", "--net", "--fork", "--mount-proc", "true").Run()
	if f := landlockFeature(); (err != nil || !f.OK) && os.Getenv("CI") == "" {
		t.Skip(err, f.Detail)
	}
}

func TestAttacks(t *testing.T) {
	requireSandbox(t)
	for _, uid := range users() {
		t.Run(strconv.Itoa(uid), func(t *testing.T) {
			broker := stage(t, uid)
			for _, a := range attacks() {
				if a.root && uid != 0 {
					continue
				}
				t.Run(a.name, func(t *testing.T) {
					if a.possible == nil || a.possible() {
						if code, output := perform(t, broker(false, a.name), a.terminal); code != succeeded {
							t.Errorf("without the sandbox it must succeed: code %d, %s", code, output)
						}
					}
					if code, output := perform(t, broker(true, a.name), a.terminal); code != failedToo {
						t.Errorf("with the sandbox it must fail: code %d, %s", code, output)
					}
				})
			}
		})
	}
}

func TestUses(t *testing.T) {
	requireSandbox(t)
	for _, uid := range users() {
		broker := stage(t, uid)
		for _, a := range uses() {
			for _, inside := range []bool{false, true} {
				if code, output := perform(t, broker(inside, a.name), false); code != succeeded {
					t.Errorf("%s as %d, inside is %v: code %d, %s", a.name, uid, inside, code, output)
				}
			}
		}
	}
}

// perform runs a broker to its end, in a terminal of its own if it wants one.
func perform(t *testing.T, cmd *exec.Cmd, terminal bool) (code int, output string) {
	t.Helper()
	if terminal {
		master, slave := openTerminal(t)
		defer master.Close()
		cmd.Stdin = slave
		cmd.SysProcAttr.Setsid, cmd.SysProcAttr.Setctty = true, true
		defer slave.Close()
	}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), strings.TrimSpace(string(out))
}

func openTerminal(t *testing.T) (master, terminal *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, terminal
}

// TestNothingIsLeftBehind has a program leave a process of a session of its own that outlives it, if it may.
func TestNothingIsLeftBehind(t *testing.T) {
	requireSandbox(t)
	const script = `trap "" HUP TERM; setsid sh -c 'trap "" HUP TERM; sleep 1; echo survived' & sleep 0.2; echo ended`
	for _, uid := range users() {
		broker := stage(t, uid)
		for _, inside := range []bool{false, true} {
			cmd := broker(inside)
			cmd.Args = append(cmd.Args[:2], "/bin/sh", "-c", script)
			_, output := perform(t, cmd, false) // ends when nobody holds the pipe any more
			if want := map[bool]string{false: "ended\nsurvived", true: "ended"}[inside]; output != want {
				t.Errorf("as %d, inside is %v: %q, want %q", uid, inside, output, want)
			}
		}
	}
}

// TestProtect reads the memory of a process of the same user, with and without its protection.
func TestProtect(t *testing.T) {
	uid := os.Getuid()
	if uid == 0 {
		uid = nobody // root may read everything
	}
	for _, protected := range []bool{false, true} {
		broker := stage(t, uid)
		cmd := broker(false, "memory in proc")
		if protected {
			cmd.Env = append(cmd.Env, "TEST_SANDBOX_PROTECT=1")
		}
		code, output := perform(t, cmd, false)
		if want := map[bool]int{false: succeeded, true: failedToo}[protected]; code != want {
			t.Errorf("protected is %v: code %d, want %d; %s", protected, code, want, output)
		}
	}
}
