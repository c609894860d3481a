package attack_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// withHosts, in a mount namespace of its own, puts a file in the place of /etc/hosts and becomes a command.
func withHosts(file string, command []string) int {
	err := syscall.Mount(file, "/etc/hosts", "", syscall.MS_BIND, "")
	if err == nil {
		err = syscall.Exec(command[0], command, os.Environ())
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// hosted is a run for which names resolve as the hosts file says.
func (w *world) hosted(t *testing.T, hosts string, flags ...string) *running {
	t.Helper()
	file := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(file, []byte(hosts), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := w.home.Command(t.Context(), w.arguments(t, flags...)...)
	cmd.Args = append([]string{self, asHosts, file, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = self
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	probe := exec.Command("true")
	probe.SysProcAttr = cmd.SysProcAttr
	if err := probe.Run(); err != nil {
		t.Skipf("no namespaces here: %v", err)
	}
	return w.start(t, cmd)
}

// 6: a name that leads to several addresses, one of which is looked at and another of which is used.
func rebinding(t *testing.T) {
	w := newWorld(t, setup{})
	inside := serve(t, nil, "inside", nil) // stands for what listens on this machine
	_, port, err := net.SplitHostPort(inside.address)
	if err != nil {
		t.Fatal(err)
	}
	// Nothing listens at the first address: it is the one to look at. The second leads to this machine.
	r := w.hosted(t, "127.0.0.9 rebound.test\n0.0.0.0 rebound.test\n0.0.0.0 direct.test\n:: direct.test\n127.0.0.1 honest.test\n")
	for _, host := range []string{"rebound.test", "direct.test"} {
		_, a := r.connect(t, host+":"+port)
		a.expect(t, "CONNECT "+host, http.StatusForbidden, http.StatusBadGateway)
		a = r.dial(t).ask(t, "GET http://"+host+":"+port+"/ HTTP/1.1\r\nHost: x\r\n"+r.authorization(t)+"\r\n")
		a.expect(t, "GET "+host, http.StatusForbidden, http.StatusBadGateway)
	}
	inside.untouched(t)
	_, a := r.connect(t, "honest.test:"+port) // the names do resolve
	a.expect(t, "an address that is allowed", http.StatusOK)
}
