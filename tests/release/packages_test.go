package release

import (
	"bytes"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// packagesAreWanted says whether to make whole packages: the tools for that take minutes to build, so "make test" does not.
// AUTHSOME_RELEASE is the directory of the tools.
func packagesAreWanted() bool { return os.Getenv("AUTHSOME_RELEASE") != "" }

// What is published is the same to the byte, whoever makes it: at another time, in another place, with another umask and
// other settings of Go. What is compiled the second time is TestBuildIsReproducible's.
func TestPackages(t *testing.T) {
	if !packagesAreWanted() {
		t.Skip("the tools take minutes to build: make reproducible")
	}
	t.Parallel()
	first := pack(t, "022", os.Environ())
	second := pack(t, "077", append(os.Environ(), "TZ=Asia/Tokyo", "GOFLAGS=-tags=other", "GOAMD64=v3"))
	compare(t, published(t, first), published(t, second))
	t.Run("name no place of this machine", func(t *testing.T) { wantNoPlaces(t, first) })
	t.Run("deb", func(t *testing.T) { testDeb(t, first) })
	t.Run("rpm", func(t *testing.T) { testRPM(t, first) })
	t.Run("archive", func(t *testing.T) {
		root := t.TempDir()
		command(t, os.Environ(), ".", "tar", "-C", root, "-xpzf", only(t, first, "authsome_*_linux_amd64.tar.gz"))
		wantProgram(t, root, root)
		wantLegal(t, filepath.Join(root, "LICENSE"), filepath.Join(root, "LICENSES.txt"))
		wantDocs(t, root)
		command(t, os.Environ(), first, "sha256sum", "--check", "--quiet", "checksums.txt")
	})
}

// pack clones the repository and makes its packages.
func pack(t *testing.T, umask string, env []string) (dist string) {
	t.Helper()
	source := filepath.Join(t.TempDir(), "source")
	command(t, env, ".", "sh", "-c", "umask "+umask+" && exec git clone --quiet --no-hardlinks ../.. "+source)
	bin := filepath.Join(source, "bin") // a directory, which the repository ignores: a link would count as a change
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tool := range []string{"goreleaser", "cyclonedx-gomod"} {
		path := only(t, os.Getenv("AUTHSOME_RELEASE"), tool+"-v*")
		if err := os.Symlink(path, filepath.Join(bin, filepath.Base(path))); err != nil {
			t.Fatal(err)
		}
	}
	command(t, append(env, "CGO_ENABLED=1"), source, "sh", "-c", "umask "+umask+" && exec make package")
	return filepath.Join(source, "dist")
}

// shipped matches the names of what is published.
var shipped = regexp.MustCompile(`\.(tar\.gz|zip|deb|rpm|cdx\.json)$|^checksums\.txt$`)

func published(t *testing.T, dist string) map[string]string {
	t.Helper()
	files := sums(t, dist)
	maps.DeleteFunc(files, func(name, _ string) bool { return !shipped.MatchString(name) })
	return files
}

// only returns the one file of a name.
func only(t *testing.T, dir, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %v, %v", pattern, found, err)
	}
	return found[0]
}

// wantNoPlaces looks into the programs for directories of the one who has built them.
func wantNoPlaces(t *testing.T, dist string) {
	var places []string
	for _, name := range []string{"GOPATH", "GOCACHE", "GOMODCACHE", "GOROOT"} {
		places = append(places, goEnv(t, name)+"/")
	}
	places = append(places, filepath.Dir(filepath.Dir(dist))+"/")
	programs, err := filepath.Glob(filepath.Join(dist, "authsome*_*", "authsome*"))
	if err != nil || len(programs) != 18 {
		t.Fatalf("%d programs, %v", len(programs), err)
	}
	for _, program := range programs {
		b, err := os.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		for _, place := range places {
			if bytes.Contains(b, []byte(place)) {
				t.Errorf("%s names %s", program, place)
			}
		}
	}
}

// testDeb installs the packages for Debian below a directory, as dpkg does it, and removes them again.
func testDeb(t *testing.T, dist string) {
	need(t, "dpkg")
	if os.Getuid() != 0 {
		t.Skip("dpkg installs as root only")
	}
	root := t.TempDir()
	for _, dir := range []string{"updates", "info", "triggers"} {
		if err := os.MkdirAll(filepath.Join(root, "var/lib/dpkg", dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "var/lib/dpkg/status"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	dpkg := []string{"--root=" + root, "--force-architecture", "--force-not-root"}
	for _, name := range []string{"authsome_*_linux_amd64.deb", "authsome-kms_*_linux_amd64.deb"} {
		command(t, os.Environ(), ".", "dpkg", append(dpkg, "--install", only(t, dist, name))...)
	}
	if out := command(t, os.Environ(), ".", "dpkg", append(dpkg, "--verify")...); len(out) > 0 {
		t.Errorf("what dpkg finds changed:\n%s", out)
	}
	wantProgram(t, filepath.Join(root, "usr/bin"), root)
	wantKMS(t, filepath.Join(root, "usr/bin/authsome-kms"))
	for _, name := range []string{"authsome", "authsome-kms"} {
		doc := filepath.Join(root, "usr/share/doc", name)
		wantLegal(t, filepath.Join(doc, "copyright"), filepath.Join(doc, "LICENSES.txt"))
	}
	wantDocs(t, filepath.Join(root, "usr/share/doc/authsome"))
	for _, path := range []string{
		"man/man1/authsome-run.1", "bash-completion/completions/authsome",
		"fish/vendor_completions.d/authsome.fish", "zsh/vendor-completions/_authsome",
	} {
		if _, err := os.Stat(filepath.Join(root, "usr/share", path)); err != nil {
			t.Error(err)
		}
	}
	command(t, os.Environ(), ".", "dpkg", append(dpkg, "--purge", "authsome", "authsome-kms")...)
	if left, err := filepath.Glob(filepath.Join(root, "usr/*/authsome*")); err != nil || len(left) > 0 {
		t.Errorf("left after the removal: %v, %v", left, err)
	}
}

// testRPM unpacks the package for Fedora and its relatives.
func testRPM(t *testing.T, dist string) {
	need(t, "rpm2cpio")
	need(t, "cpio")
	path, root := only(t, dist, "authsome_*_linux_amd64.rpm"), t.TempDir()
	// The names in it begin with a slash: without the flag this machine would be written to.
	command(t, os.Environ(), root, "sh", "-c", `rpm2cpio "$1" | cpio --quiet --no-absolute-filenames -idm`, "sh", path)
	wantProgram(t, filepath.Join(root, "usr/bin"), root)
	wantLegal(t, filepath.Join(root, "usr/share/doc/authsome/copyright"), filepath.Join(root, "usr/share/doc/authsome/LICENSES.txt"))
	wantDocs(t, filepath.Join(root, "usr/share/doc/authsome"))
	if _, err := os.Stat(filepath.Join(root, "usr/share/zsh/site-functions/_authsome")); err != nil {
		t.Error(err)
	}
	need(t, "rpm")
	if host := string(command(t, os.Environ(), ".", "rpm", "-qp", "--nosignature", "--qf", "%{BUILDHOST}", path)); host != "localhost" {
		t.Errorf("it was built on %s", host)
	}
	owners := string(command(t, os.Environ(), ".", "rpm", "-qp", "--nosignature", "--qf", `[%{FILEUSERNAME}:%{FILEGROUPNAME}\n]`, path))
	if others := strings.ReplaceAll(owners, "root:root\n", ""); others != "" {
		t.Errorf("others than root own files: %s", others)
	}
}

// wantDocs looks whether what the installed documents refer to is there, too.
func wantDocs(t *testing.T, root string) {
	t.Helper()
	pages, err := filepath.Glob(filepath.Join(root, "*.md"))
	below, belowErr := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || belowErr != nil || len(pages) < 3 || len(below) < 10 {
		t.Fatalf("%d and %d pages, %v, %v", len(pages), len(below), err, belowErr)
	}
	link := regexp.MustCompile(`\]\(([^):#]+)(#[^)]*)?\)`)
	for _, page := range append(pages, below...) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), string(m[1]))); err != nil {
				t.Errorf("%s: %v", filepath.Base(page), err)
			}
		}
	}
}

// wantProgram runs what was installed, and looks at the modes of all that came with it.
func wantProgram(t *testing.T, bin, root string) {
	t.Helper()
	home := "AUTHSOME_HOME=" + filepath.Join(t.TempDir(), "home")
	env := []string{home, "PATH=" + bin, "HOME=" + t.TempDir()}
	revision := strings.TrimSpace(string(command(t, os.Environ(), ".", "git", "rev-parse", "--short=12", "HEAD")))
	if out := string(command(t, env, ".", filepath.Join(bin, "authsome"), "version")); !strings.Contains(out, revision) || strings.Contains(out, "dirty") {
		t.Errorf("the version is %q, without %s", out, revision)
	}
	identity := filepath.Join(t.TempDir(), "id")
	command(t, os.Environ(), ".", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", identity)
	command(t, env, ".", filepath.Join(bin, "authsome"), "init")
	command(t, env, ".", filepath.Join(bin, "authsome"), "key", "use", "age", "--identity", identity) // asks authsome-age
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || strings.Contains(path, "/var/lib/") {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o644)
		if entry.IsDir() || slices.Contains([]string{"authsome", "authsome-age", "authsome-kms"}, entry.Name()) && filepath.Dir(path) == bin {
			want = 0o755
		}
		if path != root && info.Mode().Perm() != want {
			t.Errorf("%s has the mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// wantKMS calls the helper as nobody does, and expects to be told so.
func wantKMS(t *testing.T, path string) {
	t.Helper()
	out, err := exec.Command(path).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "is called by authsome") {
		t.Errorf("authsome-kms says %q, %v", out, err)
	}
}

// wantLegal expects the licence, and those of what is linked.
func wantLegal(t *testing.T, own, linked string) {
	t.Helper()
	for path, text := range map[string]string{own: "MIT License", linked: "The Go Authors"} {
		if b, err := os.ReadFile(path); err != nil || !bytes.Contains(b, []byte(text)) {
			t.Errorf("%s has no %q: %v", path, text, err)
		}
	}
}
