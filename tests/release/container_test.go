package release

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// images is a store of container images of this test's own.
type images struct {
	flags []string
	env   []string
}

// The Containerfile makes an image of authsome that runs. Its base is not fetched: the build stage sees this machine's own
// programs, Go and caches.
func TestContainer(t *testing.T) {
	t.Parallel()
	b := newImages(t)
	b.build(t, clone(t))
	container := strings.TrimSpace(b.run(t, "from", "localhost/authsome"))
	t.Run("runs", func(t *testing.T) {
		if out := b.run(t, "run", container, "--", "/usr/bin/authsome", "version"); !strings.HasPrefix(out, "authsome v") {
			t.Errorf("the version is %q", out)
		}
		if out := b.run(t, "run", container, "--", "/usr/bin/authsome", "demo"); !strings.Contains(out, "✓ the API refuses the token from now on") {
			t.Errorf("the demo in the container:\n%s", out)
		}
	})
	t.Run("has rights of nobody", func(t *testing.T) {
		var image struct {
			OCIv1 struct{ Config struct{ User string } }
		}
		if err := json.Unmarshal([]byte(b.run(t, "inspect", "--type", "image", "localhost/authsome")), &image); err != nil {
			t.Fatal(err)
		}
		if user := image.OCIv1.Config.User; user != "65532:65532" {
			t.Errorf("it runs as %q", user)
		}
	})
	t.Run("holds nothing else", func(t *testing.T) {
		root := strings.TrimSpace(b.run(t, "mount", strings.TrimSpace(b.run(t, "from", "localhost/authsome")))) // as it comes
		wantFiles(t, root, map[string]os.FileMode{
			"etc/group": 0o644, "etc/passwd": 0o644, "etc/ssl/certs/ca-certificates.crt": 0o644,
			"usr/bin/authsome": 0o755, "usr/bin/authsome-age": 0o755,
			"usr/share/doc/authsome/LICENSES.txt": 0o644, "usr/share/doc/authsome/copyright": 0o644,
		})
		if info, err := os.Stat(filepath.Join(root, "home/authsome/.authsome")); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("the home: %v, %v", info, err)
		}
	})
}

// newImages skips the test where a container cannot be run in a container's way: the rest of this machine is not the
// program's.
func newImages(t *testing.T) *images {
	t.Helper()
	if _, err := exec.LookPath("buildah"); err != nil {
		t.Skip("buildah is not installed")
	}
	if os.Getuid() != 0 {
		t.Skip("the build stage sees this machine's programs by bind mounts, which takes root")
	}
	dir := t.TempDir()
	b := &images{
		flags: []string{"--root", filepath.Join(dir, "images"), "--runroot", filepath.Join(dir, "run"), "--storage-driver", "vfs"},
		env:   append(os.Environ(), "BUILDAH_ISOLATION=chroot"),
	}
	b.base(t)
	probe := strings.TrimSpace(b.run(t, "from", "localhost/base"))
	if out, err := b.command(t, "run", "-v", "/usr:/usr:ro", probe, "--", "/usr/bin/true").CombinedOutput(); err != nil {
		t.Skipf("this machine lets nobody run a container: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		if out, err := b.command(t, "rm", "--all").CombinedOutput(); err != nil {
			t.Errorf("remove the containers: %v\n%s", err, out)
		}
	})
	return b
}

// base makes the image that the build stage begins with: the places at which this machine's own are mounted.
func (b *images) base(t *testing.T) {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"usr", "etc/ssl", "root", "src", "go"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"bin", "lib", "lib64", "sbin"} {
		if err := os.Symlink("usr/"+name, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(root, "tmp"), 0o777); err != nil {
		t.Fatal(err)
	}
	container := strings.TrimSpace(b.run(t, "from", "scratch"))
	b.run(t, "copy", container, root, "/")
	b.run(t, "config", "--env", "PATH=/go/bin:/usr/bin", "--env", "HOME=/root", "--env", "GOMODCACHE=/root/mod", "--env", "GOCACHE=/root/cache",
		"--env", "GOPROXY="+goEnv(t, "GOPROXY"), "--env", "GOSUMDB="+goEnv(t, "GOSUMDB"), container)
	b.run(t, "commit", "--quiet", "--rm", container, "localhost/base")
}

// build builds the image as docs/install.md says.
func (b *images) build(t *testing.T, source string) {
	t.Helper()
	b.run(t, "build", "--layers=false", "--build-arg", "GO_IMAGE=localhost/base",
		"-v", "/usr:/usr:ro", "-v", "/etc/ssl:/etc/ssl:ro", "-v", goEnv(t, "GOROOT")+":/go:ro",
		"-v", goEnv(t, "GOMODCACHE")+":/root/mod", "-v", goEnv(t, "GOCACHE")+":/root/cache",
		"-f", filepath.Join(source, "Containerfile"), "-t", "localhost/authsome", source)
}

func (b *images) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("buildah", append(append([]string(nil), b.flags...), args...)...)
	cmd.Env = b.env
	return cmd
}

// run returns what buildah prints.
func (b *images) run(t *testing.T, args ...string) string {
	t.Helper()
	cmd := b.command(t, args...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("buildah %s: %v\n%s%s", strings.Join(args, " "), err, out, complaints.Bytes())
	}
	return string(out)
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	return strings.TrimSpace(string(command(t, os.Environ(), ".", "go", "env", name)))
}
