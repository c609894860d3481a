//go:build amd64 || arm64

package attack_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// plan is what a thief is after.
type plan struct {
	Broker   int      // its process
	Vault    string   // the home of authsome
	Secret   string   // by which it is recognised; a real thief would look for its shape
	TCP, UDP []string // where it would like to send it
	Proxied  []string // what it would like to reach through the proxy
}

// thief carries out a plan and prints what it got, a line for each thing. It gives up every capability first: tests are
// run by root, too, for whom nothing would be closed.
func thief(args []string) int {
	var p plan
	if len(args) != 1 || json.Unmarshal([]byte(args[0]), &p) != nil {
		return 2
	}
	runtime.LockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		fmt.Println("it cannot be tried:", err)
		return 2
	}
	if p.Broker != 0 {
		p.memory()
	}
	p.files()
	p.network()
	return 0
}

// plainly gives up every capability, for good, and becomes a command. Tests are run by root, too, whose processes would
// be out of each other's reach for having more capabilities, and not for what is to be shown.
func plainly(command []string) int {
	runtime.LockOSThread()
	for c := range uintptr(unix.CAP_LAST_CAP + 1) {
		_ = unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0) // others than root cannot, and need not
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	err := unix.Capset(&header, &none[0])
	if err == nil {
		err = syscall.Exec(command[0], command, os.Environ())
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func loot(format string, args ...any) { fmt.Printf("LOOT "+format+"\n", args...) }

// memory looks into the broker, and into every process that there is in its place.
func (p plan) memory() {
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range append([]string{fmt.Sprintf("/proc/%d", p.Broker)}, all...) {
		var pid int
		if _, err := fmt.Sscanf(dir, "/proc/%d", &pid); err != nil || pid == os.Getpid() || pid == os.Getppid() {
			continue
		}
		if pid != p.Broker && !holdsSecret(dir, p.Secret) {
			continue
		}
		for _, name := range []string{"mem", "environ", "maps"} {
			if f, err := os.Open(filepath.Join(dir, name)); err == nil {
				_ = f.Close()
				loot("%s of the broker can be opened", name)
			}
		}
		for _, name := range []string{"fd/0", "cwd", "exe"} {
			if _, err := os.Readlink(filepath.Join(dir, name)); err == nil {
				loot("%s of the broker can be followed", name)
			}
		}
		local, remote := []unix.Iovec{{Base: new(byte), Len: 1}}, []unix.RemoteIovec{{Base: 0x400000, Len: 1}}
		if _, err := unix.ProcessVMReadv(pid, local, remote, 0); err == nil {
			loot("the broker's memory can be read")
		}
		if unix.PtraceSeize(pid) == nil {
			loot("the broker can be traced")
		}
		if fd, err := unix.PidfdOpen(pid, 0); err == nil {
			if taken, err := unix.PidfdGetfd(fd, 0, 0); err == nil {
				_ = unix.Close(taken)
				loot("a file of the broker can be taken")
			}
			_ = unix.Close(fd)
		}
	}
}

// holdsSecret reports whether something that can be read of a process holds the secret.
func holdsSecret(dir, secret string) bool {
	for _, name := range []string{"environ", "cmdline"} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil && bytes.Contains(content, []byte(secret)) {
			loot("%s of another process holds it", name)
			return true
		}
	}
	return false
}

// files looks for the vault, in every place where it could be seen.
func (p plan) files() {
	if p.Vault == "" {
		return
	}
	for _, name := range []string{"vault.db", "master.key", "audit.log"} {
		path := filepath.Join(p.Vault, name)
		for _, path := range []string{path, filepath.Join("/proc/1/root", path), filepath.Join(fmt.Sprintf("/proc/%d/root", p.Broker), path)} {
			if content, err := os.ReadFile(path); err == nil && len(content) > 0 {
				loot("%s can be read", path)
			}
		}
	}
}

// network looks for a way past the proxy.
func (p plan) network() {
	for _, address := range p.TCP {
		if conn, err := net.DialTimeout("tcp", address, 2*time.Second); err == nil {
			_ = conn.Close()
			loot("a connection to %s", address)
		}
	}
	for _, address := range p.Proxied {
		if status := p.connect(address); status == http.StatusOK {
			loot("a connection to %s through the proxy", address)
		}
	}
	for _, address := range p.UDP {
		conn, err := net.Dial("udp", address)
		if err != nil {
			continue
		}
		_ = conn.SetDeadline(time.Now().Add(time.Second))
		if _, err := conn.Write([]byte("initial packet")); err == nil {
			if n, err := conn.Read(make([]byte, 64)); err == nil && n > 0 {
				loot("an answer from %s over UDP", address)
			}
		}
		_ = conn.Close()
	}
}

// connect asks the proxy of the environment for a tunnel, and returns the status of the answer.
func (plan) connect(address string) int {
	proxy, err := url.Parse(os.Getenv("HTTPS_PROXY"))
	if err != nil {
		return 0
	}
	conn, err := net.DialTimeout("tcp", proxy.Host, 2*time.Second)
	if err != nil {
		return 0
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %[1]s\r\nProxy-Authorization: %s\r\n\r\n", address, basic(proxy.User))
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: http.MethodConnect})
	if err != nil {
		return 0
	}
	return resp.StatusCode
}

// steal has a thief try a plan, and fails the test when it got something.
func (r *running) steal(t *testing.T, what string, p plan, env ...string) {
	t.Helper()
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	d := r.order(t, env, self, asThief, string(text))
	if d.Code != 0 || strings.Contains(d.Output, "LOOT") {
		t.Fatalf("%s: %s", what, d)
	}
}

// sandboxed is a run in a sandbox, in which the programs that the attack needs can be seen.
func (w *world) sandboxed(t *testing.T, flags ...string) *running {
	t.Helper()
	if r := w.home.Try(t, "run", "--sandbox", "--", "true"); r.Code != 0 {
		t.Skipf("there is no sandbox here: %s", r)
	}
	cmd := w.home.Command(t.Context(), w.arguments(t, append([]string{"--sandbox"}, flags...)...)...)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Dir = t.TempDir()
	cmd.Env = append(cmd.Env, "PATH="+strings.Join([]string{filepath.Dir(self), filepath.Dir(cmd.Path), os.Getenv("PATH")}, ":"))
	return w.start(t, cmd)
}

// answerUDP answers every packet, and says where.
func answerUDP(t *testing.T) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		b := make([]byte, 2048)
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(b[:n], from)
		}
	}()
	return conn.LocalAddr().String()
}

// 25: the agent asks authsome itself.
func askingTheCommand(t *testing.T) {
	w := newWorld(t, setup{})
	r := w.run(t)
	program := r.cmd.Path
	// Outside a sandbox an agent may do what its user may. What it was shown is written down.
	reveals := [][]string{
		{"get", "victim", "--show-secret"},
		{"get", "victim", "--field", "api_key", "--show-secret"},
		{"get", "victim", "--json", "--show-secret"},
		{"export", "victim"},
		{"export"},
		{"export", "victim", "--format", "json"},
	}
	for _, args := range reveals {
		if d := r.order(t, nil, append([]string{program}, args...)...); d.Code != 0 || !strings.Contains(d.Output, w.secret) {
			t.Fatalf("outside a sandbox, authsome %s: %s", args, d)
		}
	}
	log := w.home.Must(t, "log", "--json", "-n", "200")
	if n := strings.Count(log, `"event":"reveal"`) + strings.Count(log, `"event":"export"`); n != len(reveals) {
		t.Errorf("%d secrets were shown, and %d are in the audit log: %s", len(reveals), n, log)
	}
	if d := r.order(t, nil, program, "run", "--", "env"); d.Code != 0 || strings.Contains(d.Output, w.secret) {
		t.Errorf("authsome run -- env shows the secret: %s", d)
	}
	for _, args := range [][]string{
		{"connection", "set", "victim", "--redact", "off"},
		{"connection", "set", "victim", "--new-credentials", "allow"},
		{"trust"},
		{"untrust"},
	} {
		if d := r.order(t, nil, append([]string{program}, args...)...); d.Code != 10 {
			t.Errorf("in a run, authsome %s: %s", args, d)
		}
	}
	r.end()
	// In a sandbox it may not.
	r = w.sandboxed(t)
	for _, args := range append(reveals, []string{"run", "--", "env"}, []string{"connection", "set", "victim", "--redact", "off"},
		[]string{"trust"}, []string{"list"}, []string{"proxy", "start"}, []string{"log"}, []string{"logout", "victim"}) {
		for _, env := range [][]string{nil, {"AUTHSOME_BROKER="}} {
			d := r.order(t, env, append([]string{program}, args...)...)
			if d.Code != 10 || strings.Contains(d.Output, w.secret) {
				t.Errorf("in the sandbox, with %q, authsome %s: %s", env, args, d)
			}
		}
	}
	before := len(w.victim.seen())
	if d := r.order(t, nil, program, "version"); d.Code != 0 {
		t.Errorf("in the sandbox, authsome version: %s", d)
	}
	if len(w.victim.seen()) != before {
		t.Error("a request went out")
	}
}

// 30: the child looks into the broker, and for a way past it.
func readingTheBroker(t *testing.T) {
	w := newWorld(t, setup{})
	outside := plan{
		TCP: []string{w.evil.address, w.victim.address}, UDP: []string{answerUDP(t)}, Proxied: []string{w.evil.address},
	}
	// The network is there for those who are not in a sandbox: the thief knows how to use it.
	cmd := w.home.Command(t.Context(), w.arguments(t)...)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Args = append([]string{self, asPlain, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = self
	r := w.start(t, cmd)
	text, _ := json.Marshal(outside) //nolint:errchkjson // strings
	if d := r.order(t, nil, self, asThief, string(text)); strings.Count(d.Output, "LOOT") != 4 {
		t.Fatalf("without a sandbox the thief fails: %s", d)
	}
	// The broker is closed in any case.
	r.steal(t, "without a sandbox", plan{Broker: r.cmd.Process.Pid, Secret: w.secret})
	r.end()
	w.leavesNoCore(t)

	r = w.sandboxed(t)
	outside.Broker, outside.Vault, outside.Secret = r.cmd.Process.Pid, w.home.Dir, w.secret
	r.steal(t, "in a sandbox", outside)
	r.steal(t, "in a sandbox, past the proxy", outside, "NO_PROXY=*", "no_proxy=*", "HTTPS_PROXY=", "https_proxy=")
	// And who is outside cannot use what was stolen inside.
	if status := r.knock(); status != 0 {
		t.Errorf("the proxy of the sandbox answers outside: %d", status)
	}
	if d := r.order(t, nil, "env"); strings.Contains(d.Output, w.secret) {
		t.Errorf("the environment holds the secret: %s", d)
	}
}

// leavesNoCore is a part of 30: the broker is made to crash, by somebody who has asked for a core.
func (w *world) leavesNoCore(t *testing.T) {
	t.Helper()
	cmd := w.home.Command(t.Context(), w.arguments(t)...)
	cmd.Args = append([]string{"sh", "-c", `ulimit -c unlimited; exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	cmd.Env = append(cmd.Env, "GOTRACEBACK=crash")
	cmd.Dir = t.TempDir()
	r := w.start(t, cmd)
	r.victim(t).ask(t, get("/", "")).expect(t, "a request, so that the secret is in memory", http.StatusOK)
	if err := cmd.Process.Signal(syscall.SIGABRT); err != nil {
		t.Fatal(err)
	}
	r.end()
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() && status.ExitStatus() == 0 {
		t.Fatalf("the broker did not crash: %s", cmd.ProcessState)
	}
	if status.CoreDump() {
		t.Error("the broker has left a core")
	}
	left, err := filepath.Glob(filepath.Join(cmd.Dir, "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("the broker has left %v, %v", left, err)
	}
	if stderr, ok := cmd.Stderr.(*strings.Builder); !ok || strings.Contains(stderr.String(), w.secret) {
		t.Error("what a crash prints holds the secret")
	}
}

// knock asks for the proxy of a sandbox from outside, with its password, and returns the status of an answer that could be
// the proxy's. Another program may have a port of the same number.
func (r *running) knock() int {
	conn, err := net.Dial("tcp", r.env["AUTHSOME_BROKER"])
	if err != nil {
		return 0
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
	proxy, err := url.Parse(r.env["HTTPS_PROXY"])
	if err != nil {
		return 0
	}
	fmt.Fprintf(conn, "GET http://%s/ HTTP/1.1\r\nHost: %[1]s\r\nProxy-Authorization: %s\r\n\r\n", victimHost, basic(proxy.User))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != http.StatusForbidden {
		return 0
	}
	return resp.StatusCode
}

// udpEscape is a part of 19: what the client was not told of it tries nevertheless.
func (w *world) udpEscape(t *testing.T) {
	t.Helper()
	if w.home.Try(t, "run", "--sandbox", "--", "true").Code != 0 {
		return // there is no sandbox here
	}
	w.sandboxed(t).steal(t, "HTTP/3 in a sandbox", plan{UDP: []string{answerUDP(t)}})
}
