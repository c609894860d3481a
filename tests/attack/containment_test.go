package attack_test

import (
	"bytes"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// 31: the certificate authority's key is stolen, or it is trusted elsewhere or later.
func authorityKey(t *testing.T) {
	w := newWorld(t, setup{})
	r, other := w.run(t), w.run(t)
	if r.issuer(t) == other.issuer(t) {
		t.Fatal("two runs share an authority")
	}
	if left := time.Until(r.authority(t).NotAfter); left > 31*24*time.Hour {
		t.Errorf("the authority is good for %s", left)
	}
	err := filepath.WalkDir(filepath.Dir(w.home.Dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if err == nil && (bytes.Contains(content, []byte("PRIVATE KEY")) || bytes.Contains(content, []byte("EC PRIVATE"))) {
			t.Errorf("%s holds a private key", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(r.env["NODE_EXTRA_CA_CERTS"])
	r.end()
	if _, err := os.Stat(dir); err == nil {
		t.Errorf("%s is there after the run", dir)
	}
}

// 32: the certificate authority is exchanged on its way to the child.
func authorityOnItsWay(t *testing.T) {
	w := newWorld(t, setup{})
	r := w.run(t)
	for _, path := range []string{"/", "/ca.pem", "/cert/pem", "/ca.crt", "/v1/mitm/ca.pem"} {
		for _, target := range []string{path, "http://" + r.proxy(t).Host + path, "http://mitm.it" + path, "http://authsome" + path} {
			a := r.dial(t).ask(t, "GET "+target+" HTTP/1.1\r\nHost: x\r\n"+r.authorization(t)+"\r\n")
			if a.StatusCode == http.StatusOK || strings.Contains(a.String(), "CERTIFICATE") {
				t.Errorf("%s gives %s", target, a)
			}
		}
	}
	for _, name := range []string{"NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"} {
		file := r.env[name]
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if !filepath.IsAbs(file) || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %s, of mode %o", name, file, info.Mode().Perm())
		}
		if dir, err := os.Stat(filepath.Dir(file)); err != nil || dir.Mode().Perm()&0o077 != 0 {
			t.Errorf("the directory of %s: %v, %v", file, dir.Mode(), err)
		}
	}
}

// await fails the test when nothing comes.
func await[T any](t *testing.T, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("%s does not end", what)
	}
	return v
}
