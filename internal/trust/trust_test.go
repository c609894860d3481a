package trust

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, path string) *List {
	t.Helper()
	l, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestTrustIsInContent(t *testing.T) {
	t.Parallel()
	at := filepath.Join(t.TempDir(), "trust.json")
	l := open(t, at)
	now := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	if got := l.State("/p", []byte("a")); got != Unknown {
		t.Errorf("before: %s", got)
	}
	if err := l.Add("/p", []byte("a"), now); err != nil {
		t.Fatal(err)
	}
	l = open(t, at)
	for content, want := range map[string]State{"a": Trusted, "b": Changed} {
		if got := l.State("/p", []byte(content)); got != want {
			t.Errorf("%s: %s, want %s", content, got, want)
		}
	}
	if all := l.All(); len(all) != 1 || all[0].Path != "/p" || !all[0].TrustedAt.Equal(now) {
		t.Errorf("the list is %+v", all)
	}
	for _, want := range []bool{true, false} {
		if found, err := l.Remove("/p"); err != nil || found != want {
			t.Errorf("Remove: %v %v", found, err)
		}
	}
	if got := open(t, at).State("/p", []byte("a")); got != Unknown {
		t.Errorf("after: %s", got)
	}
}

func TestFindLooksUpwardWithinTheProject(t *testing.T) {
	t.Parallel()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(root, "home")
	file := func(dir string) string { return filepath.Join(home, dir, Dir, File) }
	for _, dir := range []string{"", "plain", "repo", "repo/inner"} {
		write(t, file(dir), "{}")
	}
	write(t, filepath.Join(root, Dir, File), "{}")
	for _, dir := range []string{"repo/sub/.git", "repo/inner/sub/deep", "plain/a/b", "bare/x"} {
		if err := os.MkdirAll(filepath.Join(home, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	l := open(t, filepath.Join(root, "trust.json"))
	find := func(dir, want string) {
		t.Helper()
		if got, err := l.Find(filepath.Join(home, dir), home); err != nil || got != want {
			t.Errorf("%s: %q %v, want %q", dir, got, err, want)
		}
	}
	find("plain/a/b", file("plain"))
	find("repo", file("repo"))
	find("repo/inner/sub/deep", file("repo/inner"))
	find("repo/sub", "") // a repository of its own
	find("bare/x", "")   // home is nobody's project, nor is what lies above it
	find("", "")

	// What has been agreed to counts beyond the repository, and when it is gone.
	if err := l.Add(file("repo"), []byte("{}"), time.Now()); err != nil {
		t.Fatal(err)
	}
	find("repo/sub", file("repo"))
	if err := os.Remove(file("repo")); err != nil {
		t.Fatal(err)
	}
	find("repo", file("repo"))
	find("repo/inner", file("repo/inner"))
}

func TestPathOfADirectoryAndOfItsFileIsTheSame(t *testing.T) {
	t.Parallel()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	want := filepath.Join(root, "p", Dir, File)
	write(t, want, "{}")
	if err := os.Symlink(filepath.Join(root, "p"), filepath.Join(root, "link")); err != nil {
		t.Skip(err)
	}
	for _, name := range []string{"p", "link", filepath.Join("p", Dir, File), filepath.Join("link", Dir, File)} {
		if got, err := Path(filepath.Join(root, name)); err != nil || got != want {
			t.Errorf("%s: %q %v, want %q", name, got, err, want)
		}
	}
}

// Two commands at once read the same list before either writes.
func TestListKeepsWhatOthersAdd(t *testing.T) {
	t.Parallel()
	at := filepath.Join(t.TempDir(), "trust.json")
	now := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	var running sync.WaitGroup
	for i := range 16 {
		l := open(t, at)
		running.Go(func() {
			if err := l.Add(fmt.Sprintf("/p%d", i), nil, now); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	stale := open(t, at)
	if n := len(stale.All()); n != 16 {
		t.Errorf("%d of 16 files are on the list", n)
	}
	if found, err := open(t, at).Remove("/p3"); !found || err != nil {
		t.Errorf("%t, %v", found, err)
	}
	if found, err := stale.Remove("/p3"); found || err != nil {
		t.Errorf("removed twice: %t, %v", found, err)
	}
}

func TestListKeepsMembersThatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	at := filepath.Join(t.TempDir(), "trust.json")
	write(t, at, `{"version": 3, "files": {"/a": {"sha256": "x", "by": "me"}, "/b": {"sha256": "y", "by": "you"}}}`)
	l := open(t, at)
	if err := l.Add("/a", []byte("new"), time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(at)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Version int                          `json:"version"`
		Files   map[string]map[string]string `json:"files"`
	}
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if got.Version != 3 || got.Files["/a"]["by"] != "me" || got.Files["/b"]["by"] != "you" || got.Files["/a"]["sha256"] == "x" {
		t.Errorf("what was written is %s", b)
	}
}
