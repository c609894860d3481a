package run

import (
	"bytes"
	"encoding/pem"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/gofrs/flock"
	"github.com/google/go-cmp/cmp"
)

func certificate(content string) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte(content)})
}

func write(t *testing.T, path string, content []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func contents(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func prepare(t *testing.T, runDir string, parent ...string) *Files {
	t.Helper()
	files, err := Prepare(runDir, certificate("run"), parent)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = files.Close() })
	return files
}

func TestBundleHoldsTheParentsRootsAndTheRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("k")})
	corp := write(t, filepath.Join(dir, "corp.pem"), append(append([]byte("# corp\n"), key...), certificate("corp")...))
	write(t, filepath.Join(dir, "d", "0.pem"), certificate("extra"))
	if err := os.Symlink("0.pem", filepath.Join(dir, "d", "abcd.0")); err != nil && runtime.GOOS != "windows" {
		t.Fatal(err)
	}
	files := prepare(t, filepath.Join(dir, "run"), "SSL_CERT_FILE="+corp, "SSL_CERT_DIR="+filepath.Join(dir, "d"))
	want := string(certificate("corp")) + string(certificate("extra")) + string(certificate("run"))
	if diff := cmp.Diff(want, contents(t, files.Bundle)); diff != "" {
		t.Error(diff)
	}
	if got := contents(t, files.CA); got != string(certificate("run")) {
		t.Errorf("ca.pem: %s", got)
	}
}

func TestBundleFallsBackToTheSystem(t *testing.T) {
	t.Parallel()
	system := platformRoots()
	if len(system) == 0 {
		if _, err := systemRoots(nil); err == nil {
			t.Error("no roots, and no error")
		}
		return
	}
	got, err := systemRoots([]string{"SSL_CERT_FILE=/does/not/exist"})
	if err != nil || !bytes.Equal(got, system) {
		t.Errorf("%d bytes, %v; want %d", len(got), err, len(system))
	}
}

func TestFilesArePrivateAndGoAway(t *testing.T) {
	t.Parallel()
	runDir := filepath.Join(t.TempDir(), "home", "run")
	corp := write(t, filepath.Join(t.TempDir(), "corp.pem"), certificate("corp"))
	files := prepare(t, runDir, "SSL_CERT_FILE="+corp)
	if runtime.GOOS != "windows" {
		for path, want := range map[string]os.FileMode{
			runDir: 0o700, files.dir: 0o700, files.Bundle: 0o600, files.CA: 0o600, files.WGETRC: 0o600,
			filepath.Join(files.dir, lockName): 0o600, filepath.Join(runDir, startLock): 0o600,
		} {
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
				t.Errorf("%s: %v, %v, want mode %o", path, info.Mode(), err, want)
			}
		}
	}
	if err := files.Close(); err != nil {
		t.Fatal(err)
	}
	if err := files.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(files.dir); !os.IsNotExist(err) {
		t.Errorf("left behind: %v", err)
	}
}

func TestLeftoversOfKilledRunsAreClearedAway(t *testing.T) {
	t.Parallel()
	runDir := t.TempDir()
	corp := "SSL_CERT_FILE=" + write(t, filepath.Join(t.TempDir(), "corp.pem"), certificate("corp"))
	dead := write(t, filepath.Join(runDir, dirPrefix+"dead", "bundle.pem"), nil)
	unmarked := write(t, filepath.Join(runDir, dirPrefix+"unmarked", lockName), nil)
	foreign := write(t, filepath.Join(runDir, "locks", "x"), nil)
	socket := write(t, filepath.Join(runDir, dirPrefix+"file"), nil)
	alive := prepare(t, runDir, corp)

	prepare(t, runDir, corp)
	for path, want := range map[string]bool{
		filepath.Dir(dead): false, filepath.Dir(unmarked): false, foreign: true, socket: true, alive.Bundle: true,
	} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: %v, want it there: %v", path, err, want)
		}
	}
	if ok, err := flock.New(filepath.Join(alive.dir, lockName)).TryLock(); ok || err != nil {
		t.Errorf("the living run is not locked: %v", err)
	}
}

func TestWgetrcIsCopiedWithoutWhatLeadsAround(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	write(t, filepath.Join(home, ".wgetrc"), []byte("# mine\ntimeout = 3\nHTTPS-Proxy = http://corp\r\nno_proxy=*\n"+
		"ca_certificate=/corp\nhttp_password = hunter2\nuse_proxy=off\nheader = Authorization: Bearer hunter2\n"+
		"Header=cookie:hunter2\nheader = Accept: text/plain\ntries=2"))
	want := "# mine\ntimeout = 3\nheader = Accept: text/plain\ntries=2\nuse_proxy = on\nca_certificate = /b\n"
	if diff := cmp.Diff(want, string(wgetrc([]string{"HOME=" + home}, "/b"))); diff != "" {
		t.Error(diff)
	}
	other := write(t, filepath.Join(home, "other"), []byte("quiet=on\n"))
	if got := string(wgetrc([]string{"HOME=" + home, "WGETRC=" + other}, "/b")); !strings.HasPrefix(got, "quiet=on\nuse_proxy") {
		t.Errorf("$WGETRC: %q", got)
	}
	if got := string(wgetrc([]string{"HOME=/does/not/exist"}, "/b")); got != "use_proxy = on\nca_certificate = /b\n" {
		t.Errorf("none: %q", got)
	}
}

func TestOnlyCertificatesAreTaken(t *testing.T) {
	t.Parallel()
	one, two := string(certificate("one")), string(certificate("two"))
	key := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("key")}))
	for name, tt := range map[string]struct{ file, want string }{
		"comments and keys":  {"# a\n" + one + key + "b\n" + two, one + two},
		"copies":             {one + two + one, one + two},
		"Windows line ends":  {strings.ReplaceAll(one, "\n", "\r\n") + one, one},
		"no last line end":   {strings.TrimSuffix(one, "\n"), one},
		"torn":               {one[:len(one)-10] + two, two},
		"key within a block": {beginCertificate + key + endCertificate + "\n" + one, one},
		"end missing":        {one + beginCertificate + "AAAA\n", one},
		"nothing":            {"", ""},
	} {
		c := newCertificates()
		c.add([]byte(tt.file))
		if diff := cmp.Diff(tt.want, string(c.pem)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func FuzzCertificates(f *testing.F) {
	f.Add(append(certificate("a"), "-----BEGIN PRIVATE KEY-----\nYQ==\n-----END PRIVATE KEY-----\n"...))
	f.Fuzz(func(t *testing.T, file []byte) {
		first, second := newCertificates(), newCertificates()
		first.add(file)
		second.add(first.pem)
		if !bytes.Equal(first.pem, second.pem) {
			t.Errorf("%q became %q", first.pem, second.pem)
		}
		if bytes.Contains(first.pem, []byte("BEGIN PRIVATE")) {
			t.Errorf("%q", first.pem)
		}
	})
}

// What crypto/x509 reads by itself is not read once more, by whatever name.
func TestPrivateRootsLeaveTheSystemsOwnOut(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		t.Skip("SSL_CERT_FILE is none of the system's there")
	}
	dir := t.TempDir()
	system := write(t, filepath.Join(dir, "system.pem"), certificate("system"))
	corp := write(t, filepath.Join(dir, "corp.pem"), certificate("corp"))
	parent := []string{"SSL_CERT_FILE=" + system, "CURL_CA_BUNDLE=" + system, "NODE_EXTRA_CA_CERTS=" + corp, "PIP_CERT=" + corp}
	if got := string(PrivateRoots(parent)); got != string(certificate("corp")) {
		t.Errorf("got %q, want that of corp.pem, once", got)
	}
	if got := string(PrivateRoots(parent[1:])); got != string(certificate("corp"))+string(certificate("system")) &&
		got != string(certificate("system"))+string(certificate("corp")) {
		t.Errorf("got %q, want both where the system has another file", got)
	}
	if got := PrivateRoots([]string{"CURL_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt"}); runtime.GOOS == "linux" && len(got) != 0 {
		t.Errorf("got %d bytes of the system's own file", len(got))
	}
}
