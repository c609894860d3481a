package agent

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What this binary is when it is started again, and what it is then told.
const (
	envRole = "AGENT_TEST_ROLE"
	envDir  = "AGENT_TEST_DIR"
	envPID  = "AGENT_TEST_PID"
)

func TestMain(m *testing.M) {
	switch os.Getenv(envRole) {
	case "agent":
		ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer cancel()
		err := Run(ctx, Config{Dir: os.Getenv(envDir), Ready: func() { fmt.Println("ready") }})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	case "client":
		fmt.Println(asStranger(os.Getenv(envDir)))
	case "reader":
		fmt.Println(readMemory(os.Getenv(envPID)))
	default:
		os.Exit(m.Run())
	}
}

// asStranger connects without the client's own precautions, and tells what it gets.
func asStranger(dir string) string {
	conn, err := dial(context.Background(), dir)
	if err == nil {
		conn.Close()
		return "the client takes the agent for its own"
	}
	if !errors.Is(err, errStranger) {
		return "not reached: " + err.Error()
	}
	short, done, err := reachable(dir, false)
	if err != nil {
		return err.Error()
	}
	defer done()
	raw, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		err = unix.Connect(raw, &unix.SockaddrUnix{Name: filepath.Join(short, socketFile)})
	}
	if err != nil {
		return "not connected: " + err.Error()
	}
	message, _ := appendRequest(nil, request{op: opGet, id: "a"})
	if _, err := unix.Write(raw, message); err != nil {
		return "closed"
	}
	n, err := unix.Read(raw, make([]byte, maxMessage))
	if n > 0 || (err != nil && !errors.Is(err, unix.ECONNRESET)) {
		return fmt.Sprintf("%d bytes, error %v", n, err)
	}
	return "closed"
}

// readMemory tries what another process of the same user can try.
func readMemory(pid string) string {
	for _, file := range []string{"mem", "environ", "maps"} {
		f, err := os.Open("/proc/" + pid + "/" + file)
		if err == nil {
			_, err = f.Read(make([]byte, 1))
			f.Close()
			if err == nil || errors.Is(err, syscall.EIO) {
				return file + " can be read"
			}
		}
		if !errors.Is(err, fs.ErrPermission) {
			return fmt.Sprintf("%s: %v", file, err)
		}
	}
	n, _ := strconv.Atoi(pid)
	if err := unix.PtraceAttach(n); !errors.Is(err, unix.EPERM) {
		return fmt.Sprintf("ptrace: %v", err)
	}
	return "nothing can be read"
}

// again starts this binary as something else, and as another user if uid is not 0.
func again(t *testing.T, role string, uid int, env ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if uid != 0 { // who must be able to execute it
		copied := filepath.Join("/tmp", "authsome-agent-test-"+rand.Text())
		program, err := os.ReadFile(self)
		if err == nil {
			err = os.WriteFile(copied, program, 0o755)
		}
		if err == nil {
			err = os.Chmod(copied, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Remove(copied) })
		self = copied
	}
	cmd := exec.Command(self, "-test.run=^$")
	cmd.Env = append([]string{envRole + "=" + role, "GOCOVERDIR=" + t.TempDir()}, env...)
	cmd.Dir = "/"
	if uid != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
	return cmd
}

// process is an agent in a process of its own.
type process struct {
	*exec.Cmd
	Client
}

func startAgent(t *testing.T, dir string, uid int) *process {
	t.Helper()
	p := &process{Cmd: again(t, "agent", uid, envDir+"="+dir), Client: Client{Dir: dir}}
	out, err := p.StdoutPipe()
	if err == nil {
		err = p.Cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Process.Kill()
		p.Wait()
	})
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("the agent says %q", line)
	}
	return p
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can be other users")
	}
}

const nobody = 65534

// strangersDir is a directory that the path leads another user to.
func strangersDir(t *testing.T, uid int) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "authsome-agent-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chown(dir, uid, uid); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAForeignUserIsRefused(t *testing.T) {
	needRoot(t)
	t.Parallel()
	dir := strangersDir(t, 0)
	p := startAgent(t, dir, 0)
	if _, err := p.Put(t.Context(), "a", testKey); err != nil {
		t.Fatal(err)
	}
	stranger := func() string {
		out, err := again(t, "client", nobody, envDir+"="+dir).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if got := stranger(); !strings.HasPrefix(got, "not reached") {
		t.Errorf("a stranger: %s", got)
	}
	// Even if the way to the socket is open.
	if err := errors.Join(os.Chmod(dir, 0o777), os.Chmod(filepath.Join(dir, socketFile), 0o666)); err != nil {
		t.Fatal(err)
	}
	if got := stranger(); got != "closed" {
		t.Errorf("a stranger who reaches the socket: %s", got)
	}
	if _, ok, err := p.Get(t.Context(), "a"); !ok || err != nil {
		t.Errorf("the user's own: %v, %v", ok, err)
	}
	// Root is another user, too.
	own := strangersDir(t, nobody)
	startAgent(t, own, nobody)
	if _, _, err := (&Client{Dir: own}).Get(t.Context(), "a"); !errors.Is(err, errStranger) {
		t.Errorf("root at a user's agent: %v", err)
	}
}

// The key lies in locked memory and nowhere else, and after locking nowhere. Root may look.
func TestTheKeyIsInLockedMemoryOnly(t *testing.T) {
	needRoot(t)
	t.Parallel()
	p := startAgent(t, filepath.Join(t.TempDir(), "run"), 0)
	secret := []byte(rand.Text() + "012345")
	for range 20 {
		if _, err := p.Put(t.Context(), "a", secret); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := p.Get(t.Context(), "a"); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	locked, elsewhere := find(t, p.Process.Pid, secret)
	if locked != 1 || elsewhere != 0 {
		t.Errorf("the key is in locked memory %d times and %d times elsewhere, want once", locked, elsewhere)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(status), "VmLck:\t       0 kB") {
		t.Error("no memory is locked")
	}
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", p.Process.Pid))
	if err != nil || !strings.Contains(strings.Join(strings.Fields(string(limits)), " "), "Max core file size 0 0") {
		t.Errorf("core files are allowed: %v\n%s", err, limits)
	}
	if _, err := p.Lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	if locked, elsewhere := find(t, p.Process.Pid, secret); locked+elsewhere > 0 {
		t.Errorf("after locking the key is in memory %d times", locked+elsewhere)
	}
}

// find counts where the memory of a process holds something.
func find(t *testing.T, pid int, what []byte) (locked, elsewhere int) {
	t.Helper()
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	smaps, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps", pid))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	var from, to uint64
	for line := range strings.Lines(string(smaps)) {
		if first, _, _ := strings.Cut(line, " "); !strings.HasSuffix(first, ":") {
			if _, err := fmt.Sscanf(line, "%x-%x ", &from, &to); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			n = 0
		}
		if size, ok := strings.CutPrefix(line, "Rss:"); ok && strings.TrimSpace(size) != "0 kB" {
			content, _ := io.ReadAll(io.NewSectionReader(mem, int64(from), int64(to-from)))
			n = bytes.Count(content, what)
		}
		if flags, ok := strings.CutPrefix(line, "VmFlags:"); ok {
			if strings.Contains(flags, " lo ") && strings.Contains(flags, " dd ") && strings.Contains(flags, " dc ") {
				locked += n
			} else {
				elsewhere += n
			}
		}
	}
	return locked, elsewhere
}

func TestOthersOfTheSameUserCannotReadTheMemory(t *testing.T) {
	needRoot(t)
	t.Parallel()
	p := startAgent(t, strangersDir(t, nobody), nobody)
	look := func(pid int) string {
		out, err := again(t, "reader", nobody, envPID+"="+strconv.Itoa(pid)).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if got := look(p.Process.Pid); got != "nothing can be read" {
		t.Errorf("the agent: %s", got)
	}
	sleep := exec.Command("sleep", "60") // shows that the test would see it
	sleep.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if err := sleep.Start(); err != nil {
		t.Fatal(err)
	}
	defer sleep.Wait()
	defer sleep.Process.Kill()
	if got := look(sleep.Process.Pid); got != "mem can be read" {
		t.Errorf("a process that is not protected: %s", got)
	}
}

// A killed agent leaves a socket that the next one replaces, and no key anywhere.
func TestKilled(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	for range 3 {
		p := startAgent(t, dir, 0)
		if _, ok, err := p.Get(t.Context(), "a"); ok || err != nil {
			t.Errorf("the key of the agent before: %v, %v", ok, err)
		}
		if _, err := p.Put(t.Context(), "a", testKey); err != nil {
			t.Fatal(err)
		}
		if err := p.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		p.Wait()
		if _, ok, err := p.Get(t.Context(), "a"); ok || err != nil {
			t.Errorf("nobody listens: %v, %v", ok, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != socketFile && e.Name() != LockFile {
			t.Errorf("%s is left", e.Name())
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && info.Size() > 0 {
			t.Errorf("%s has %d bytes", e.Name(), info.Size())
		}
	}
}

func TestASignalEndsTheAgentCleanly(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	p := startAgent(t, dir, 0)
	second := again(t, "agent", 0, envDir+"="+dir)
	if out, err := second.Output(); err == nil || strings.TrimSpace(string(out)) != ErrRunning.Error() {
		t.Errorf("a second agent: %v, %s", err, out)
	}
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(10*time.Second, func() { p.Process.Kill() })
	defer timer.Stop()
	if err := p.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if _, err := os.Lstat(filepath.Join(dir, socketFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
}

func TestCallerIsDescribed(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sh", "-c", "sleep 60; :", "with\x1b[2Jescapes")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", cmd.Process.Pid)); bytes.HasPrefix(line, []byte("sh\x00")) {
			break
		}
	}
	got := Question("/home/me", describe(cmd.Process.Pid))
	want := fmt.Sprintf("Allow the use of the authsome vault in /home/me by sh -c sleep 60; : with?[2Jescapes (process %d), started by agent.test", cmd.Process.Pid)
	if !strings.HasPrefix(got, want) {
		t.Errorf("the question is %q, want %q", got, want)
	}
}
