package sandbox

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no sandbox, and paths look different")
	}
	top := resolved(t.TempDir())
	link := filepath.Join(top, "link")
	for _, dir := range []string{"user/.authsome/sub", "user/work"} {
		if err := os.MkdirAll(filepath.Join(top, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(top, "user"), link); err != nil {
		t.Fatal(err)
	}
	user := filepath.Join(top, "user")
	home := filepath.Join(user, ".authsome")
	work := filepath.Join(user, "work")
	if err := errors.Join(os.Mkdir(filepath.Join(top, "other"), 0o700), os.Symlink("../other", filepath.Join(user, "planted"))); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		view View
		want string // part of the message
	}{
		{"as it should be", View{Dir: work, UserHome: user, Home: home, Write: []string{filepath.Join(top, "new")}}, ""},
		{"the user's home", View{Dir: work, UserHome: user, Home: user}, "your home directory"},
		{"above it", View{Dir: work, UserHome: user, Home: top}, "your home directory"},
		{"by another name", View{Dir: work, UserHome: link, Home: user}, "your home directory"},
		{"working there", View{Dir: filepath.Join(home, "sub"), UserHome: user, Home: home}, "the working directory"},
		{"working right there", View{Dir: home, UserHome: user, Home: home}, "the working directory"},
		{"writing there", View{Dir: work, UserHome: user, Home: home, Write: []string{filepath.Join(link, ".authsome")}}, "writing"},
		{"writing everywhere", View{Dir: work, UserHome: user, Home: home, Write: []string{"/"}}, "writing"},
		{"writing where a link leads", View{Dir: work, UserHome: user, Home: home, Write: []string{filepath.Join(user, "planted")}}, "symbolic link"},
		{"writing beyond one", View{Dir: work, UserHome: user, Home: home, Write: []string{filepath.Join(user, "planted", "x")}}, "symbolic link"},
		{"by the name of one's home", View{Dir: work, UserHome: link, Home: home, Write: []string{filepath.Join(link, "x")}}, ""},
		{"writing to the kernel", View{Dir: work, UserHome: user, Home: home, Write: []string{"/proc/sys"}}, "writing"},
	}
	for _, tt := range tests {
		err := tt.view.Check()
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestHidden(t *testing.T) {
	home := t.TempDir()
	if Hidden(home) {
		t.Error("an empty home is hidden")
	}
	if err := os.WriteFile(filepath.Join(home, Marker), nil, 0o400); err != nil {
		t.Fatal(err)
	}
	if !Hidden(home) {
		t.Error("a home with the mark is not")
	}
}
