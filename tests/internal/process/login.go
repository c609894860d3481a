package process

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
)

// Login runs "login" with the given arguments, hands the address that it prints to visit, which does what a person does
// in the browser, and returns when the program has ended.
func (h *Home) Login(t testing.TB, visit func(address string) error, args ...string) Result {
	t.Helper()
	cmd := h.Command(t.Context(), append([]string{"login", "--no-browser"}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout = &stdout
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	visited := make(chan error, 1)
	visits := 0
	for lines := bufio.NewScanner(io.TeeReader(pipe, &stderr)); lines.Scan(); {
		address := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(address, "http") && visits == 0 {
			visits++
			go func() { visited <- visit(address) }()
		}
	}
	_ = cmd.Wait()
	r := Result{Stdout: stdout.String(), Stderr: stderr.String(), Code: cmd.ProcessState.ExitCode()}
	if visits == 0 {
		t.Fatalf("login printed no address to visit\n%s", r)
	}
	if err := <-visited; err != nil {
		t.Fatalf("visit the provider: %v\n%s", err, r)
	}
	return r
}

// Follow opens an address and follows every redirect, as a browser does on pages without a form.
func Follow(address string) error {
	_, err := Get(Browser(), address)
	return err
}

// Browser returns an HTTP client that keeps cookies.
func Browser() *http.Client {
	jar, _ := cookiejar.New(nil) // never fails
	return &http.Client{Jar: jar}
}

// Get returns the page that an address leads to.
func Get(client *http.Client, address string) (page string, err error) {
	resp, err := client.Get(address)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answered %s: %s", resp.Request.URL.Path, resp.Status, body)
	}
	return string(body), err
}
