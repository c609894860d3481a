package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"
)

// addon is what mitmproxy needs to do the same work: it sends everything to the origin, and sets one header field.
const addon = `
def server_connect(data):
    data.server.address = ("127.0.0.1", %d)

def request(flow):
    flow.request.headers["Authorization"] = "%s"
`

// findMitmproxy returns the program of Debian's package mitmproxy.
func findMitmproxy() (string, error) {
	path, err := exec.LookPath("mitmdump")
	if err != nil {
		return "", errors.New("mitmproxy is not installed (apt-get install mitmproxy)")
	}
	return path, nil
}

// serveMitmproxy runs mitmproxy as it is, without a memory of what has passed.
func serveMitmproxy(origin endpoint) error {
	program, err := findMitmproxy()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "proxybench")
	if err != nil {
		return err
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	cmd, err := mitmdump(program, dir, port, origin)
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start mitmproxy: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	var over atomic.Bool
	atEnd = func() {
		over.Store(true)
		_ = cmd.Process.Kill()
		<-ended
		_ = os.RemoveAll(dir)
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	ca, err := awaitMitmproxy(address, filepath.Join(dir, "mitmproxy-ca-cert.pem"))
	if err != nil {
		atEnd()
		return err
	}
	if err := announce(endpoint{Address: address, CA: ca, PID: cmd.Process.Pid}); err != nil {
		return err
	}
	<-ended
	if over.Load() {
		select {} // whoever called atEnd ends the process
	}
	return errors.New("mitmproxy has ended")
}

func mitmdump(program, dir string, port int, origin endpoint) (*exec.Cmd, error) {
	_, originPort, err := net.SplitHostPort(origin.Address)
	if err != nil {
		return nil, err
	}
	p, err := net.LookupPort("tcp", originPort)
	if err != nil {
		return nil, err
	}
	script, roots := filepath.Join(dir, "addon.py"), filepath.Join(dir, "origin.pem")
	err = errors.Join(
		os.WriteFile(script, fmt.Appendf(nil, addon, p, token), 0o600),
		os.WriteFile(roots, origin.CA, 0o600))
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, "-q", "-s", script, "--listen-host", "127.0.0.1", "--listen-port", fmt.Sprint(port),
		"--set", "confdir="+dir, "--set", "ssl_verify_upstream_trusted_ca="+roots, "--set", "connection_strategy=lazy",
		"--set", "keep_host_header=true", "--set", "flow_detail=0")
	cmd.Stderr = os.Stderr
	return cmd, nil
}

func freePort() (int, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port, nil
}

// awaitMitmproxy waits until it listens, and returns its certificate authority.
func awaitMitmproxy(address, path string) (ca []byte, err error) {
	for range 200 {
		time.Sleep(100 * time.Millisecond)
		if ca, err = os.ReadFile(path); err != nil {
			continue
		}
		var conn net.Conn
		if conn, err = net.Dial("tcp", address); err == nil {
			_ = conn.Close()
			return ca, nil
		}
	}
	return nil, fmt.Errorf("mitmproxy does not start: %w", err)
}
