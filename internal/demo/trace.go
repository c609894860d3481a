package demo

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	grantCode    = "authorization_code"
	grantRefresh = "refresh_token"
	// placeholder is what a program finds in its environment in place of a credential.
	placeholder = "authsome-proxy-managed"
)

// tokens returns the access tokens that the API was shown.
func (s *stage) tokens() []string { return s.api.tokens() }

// accepted reports whether the API would accept the latest of them again.
func (s *stage) accepted() bool { return s.api.accepted() }

// challenges returns how many authorization requests came with a code challenge, RFC 7636 section 4.3.
func (s *stage) challenges() int {
	n := 0
	for _, r := range s.auth.Requests() {
		if r.Form.Get("code_challenge_method") == "S256" {
			n++
		}
	}
	return n
}

// secrets returns everything secret that the servers have been sent.
func (s *stage) secrets() []string {
	all := append([]string{s.secret}, s.tokens()...)
	for _, r := range s.auth.Requests() {
		for _, name := range []string{"refresh_token", "code", "code_verifier", "token"} {
			all = append(all, r.Form[name]...)
		}
	}
	return all
}

// leaks reports whether a text has a secret in it.
func (s *stage) leaks(text string) bool {
	for _, secret := range s.secrets() {
		if secret != "" && strings.Contains(text, secret) {
			return true
		}
	}
	return false
}

// expectNoSecretOnDisk searches every file of the stage.
func (sc *scene) expectNoSecretOnDisk() {
	if sc.err != nil {
		return
	}
	var files []string
	sc.err = filepath.WalkDir(sc.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		files = append(files, entry.Name())
		content, err := os.ReadFile(path)
		if err == nil && sc.leaks(string(content)) {
			err = fmt.Errorf("%s has a secret in it", path)
		}
		return err
	})
	for _, name := range []string{"vault.db", "audit.log", "authsome.log"} {
		sc.expect(slices.Contains(files, name), "there is no %s to search for secrets", name)
	}
}

// leave is the last step: it takes the stage down and looks for what is left.
func leave(ctx context.Context, sc *scene) string {
	runs, err := filepath.Glob(filepath.Join(sc.path(homeDir), "run", "child-*"))
	sc.expect(err == nil && len(runs) == 0, "a run has left its files: %v", runs)
	if sc.err == nil {
		sc.err = sc.close()
	}
	_, err = os.Lstat(sc.dir)
	sc.expect(os.IsNotExist(err), "%s is still there", sc.dir)
	for _, port := range sc.ports {
		sc.expect(!answers(ctx, port), "something still listens at %s", port)
	}
	return "the directory is gone, the ports are closed"
}

func answers(ctx context.Context, address string) bool {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}
