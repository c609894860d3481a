package envscan

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type plain struct {
	Name, Value string
	Line        int
}

func plainOf(all []Variable) []plain {
	var out []plain
	for _, v := range all {
		out = append(out, plain{v.Name, v.Value.Reveal(), v.Line})
	}
	return out
}

func TestParse(t *testing.T) {
	t.Parallel()
	const content = "\ufeff# comment\r\nA=1\r\nexport B = two words # comment\nC='#x $y' # c\nD=\"a\\n\\\"b\\\"\"\nE=\"first\nsecond\"\nF=\n" +
		"G=$A\nnot a line\n1 X=2\nH=x#y\nI=\"never closed\nJ=last"
	want := []plain{
		{"A", "1", 2}, {"B", "two words", 3}, {"D", "a\n\"b\"", 5}, {"E", "first\nsecond", 6}, {"H", "x#y", 12}, {"J", "last", 14},
	}
	if diff := cmp.Diff(want, plainOf(Parse([]byte(content)))); diff != "" {
		t.Error(diff)
	}
}

func TestFilesAreThosePeopleKeepSecretsIn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, path := range []string{".env", "a/.env.local", "a/.envrc", "a/.env.example", "node_modules/x/.env", "b/env", ".git/.env"} {
		full := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte("KEY=value"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_ = os.Symlink(filepath.Join(dir, ".env"), filepath.Join(dir, ".env.link"))
	found, err := Files(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range found {
		rel, _ := filepath.Rel(dir, v.File)
		got = append(got, filepath.ToSlash(rel))
	}
	if diff := cmp.Diff([]string{".env", "a/.env.local", "a/.envrc"}, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"A=1", "export A='x'", "A=\"b\nc\"\nD=e", "=\n=", "A=\"\\", "\ufeffA=1\r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		last := 0
		for _, v := range Parse(content) {
			if v.Name == "" || v.Value.IsZero() || v.Line <= last {
				t.Errorf("%q: %s at line %d after %d", content, v.Name, v.Line, last)
			}
			last = v.Line
		}
	})
}
