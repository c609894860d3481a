package backup_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"authsome/internal/backup"
)

var (
	header  = backup.Header{Created: time.Date(2026, 11, 25, 17, 0, 0, 0, time.UTC), Version: "test"}
	records = []backup.Record{{Key: "a", Value: []byte("one")}, {Key: "b", Value: []byte{0, 255}}}
)

// archive returns a backup before its encryption, of records and of files with these contents.
func archive(t *testing.T, contents map[string]string) []byte {
	t.Helper()
	dir := t.TempDir()
	var files []backup.File
	for name, content := range contents {
		path := filepath.Join(dir, strings.ReplaceAll(name, "/", "-"))
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, backup.File{Name: name, Path: path})
	}
	var out bytes.Buffer
	if err := backup.Write(&out, header, records, files); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	t.Parallel()
	want := map[string]string{"config.json": "{}", "audit.log": "a line\n", "providers/acme.json": "{}", "audit-0000000000000012.log": ""}
	got := make(map[string]string)
	contents, err := backup.Read(bytes.NewReader(archive(t, want)), func(name string, r io.Reader) error {
		b, err := io.ReadAll(r)
		got[name] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(records, contents.Records); diff != "" || contents.Header.Records != 2 || contents.Header.Format != 1 {
		t.Errorf("header %+v, records (-want +got):\n%s", contents.Header, diff)
	}
}

func TestOnlyFilesOfAHomeAreWritten(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"master.key", "vault.db", "../config.json", "/etc/passwd", "providers/../x.json", "providers/.json", "run/x"} {
		err := backup.Write(io.Discard, header, records, []backup.File{{Name: name, Path: os.DevNull}})
		if err == nil {
			t.Errorf("%s went into a backup", name)
		}
	}
}

// What has gone wrong is said once: not also what the archive lacks for that reason, nor in another library's words.
func TestFailuresAreSaidInOneLine(t *testing.T) {
	t.Parallel()
	unreadable := backup.File{Name: "config.json", Path: t.TempDir()} // a directory
	err := backup.Write(io.Discard, header, records, []backup.File{unreadable})
	if err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("a file that cannot be read: %v", err)
	}
	more := append(bytes.TrimRight(archive(t, nil), "\x00"), bytes.Repeat([]byte("x"), 4096)...)
	_, err = backup.Read(bytes.NewReader(more), nil)
	if !errors.Is(err, backup.ErrDamaged) || strings.Contains(err.Error(), "\n") {
		t.Errorf("an archive that goes on after its end: %v", err)
	}
}

// member is one of a made-up archive.
type member struct {
	name, content string
	kind          byte
}

func madeUp(t testing.TB, members ...member) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, m := range members {
		kind := m.kind
		if kind == 0 {
			kind = tar.TypeReg
		}
		h := &tar.Header{Name: m.name, Mode: 0o600, Typeflag: kind}
		if kind == tar.TypeReg {
			h.Size = int64(len(m.content))
		} else {
			h.Linkname = "/etc/passwd"
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(m.content)); err != nil && kind == tar.TypeReg {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Nothing is taken from what is not whole, or not what a backup consists of.
func TestWhatIsNotWholeIsRefused(t *testing.T) {
	t.Parallel()
	first := member{name: "authsome-backup.json", content: `{"format":1,"records":0}`}
	recs := member{name: "records.json", content: `[]`}
	for name, tt := range map[string]struct {
		archive []byte
		want    error
	}{
		"empty":              {nil, backup.ErrDamaged},
		"no tar":             {bytes.Repeat([]byte("x"), 2000), backup.ErrDamaged},
		"no header":          {madeUp(t, recs), backup.ErrDamaged},
		"no end":             {madeUp(t, first, recs), backup.ErrDamaged},
		"newer":              {madeUp(t, member{name: "authsome-backup.json", content: `{"format":2}`}), backup.ErrNewer},
		"no format":          {madeUp(t, member{name: "authsome-backup.json", content: `{}`}), backup.ErrDamaged},
		"wrong checksums":    {madeUp(t, first, recs, member{name: "checksums.json", content: `{}`}), backup.ErrDamaged},
		"a path":             {madeUp(t, first, recs, member{name: "home/../../etc/passwd", content: "x"}), backup.ErrDamaged},
		"a key":              {madeUp(t, first, recs, member{name: "home/master.key", content: "x"}), backup.ErrDamaged},
		"a link":             {madeUp(t, first, recs, member{name: "home/config.json", kind: tar.TypeSymlink}), backup.ErrDamaged},
		"twice":              {madeUp(t, first, recs, recs), backup.ErrDamaged},
		"two headers":        {madeUp(t, first, first), backup.ErrDamaged},
		"malformed records":  {madeUp(t, first, member{name: "records.json", content: `{`}), backup.ErrDamaged},
		"unknown member":     {madeUp(t, first, recs, member{name: "more.json", content: "{}"}), backup.ErrDamaged},
		"something after it": {append(bytes.TrimRight(archive(t, nil), "\x00"), madeUp(t, recs)...), backup.ErrDamaged},
	} {
		if _, err := backup.Read(bytes.NewReader(tt.archive), nil); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
	}
	whole := archive(t, map[string]string{"config.json": `{"a":1}`})
	if _, err := backup.Read(bytes.NewReader(whole), nil); err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"one", `{"a":1}`, `"version"`} {
		sought := []byte(content)
		if content == "one" {
			sought, _ = json.Marshal([]byte("one"))
		}
		at := bytes.Index(whole, sought)
		if at < 0 {
			t.Fatalf("%s is not there", content)
		}
		changed := bytes.Clone(whole)
		changed[at+1] ^= 1
		if _, err := backup.Read(bytes.NewReader(changed), nil); !errors.Is(err, backup.ErrDamaged) {
			t.Errorf("with %s changed: %v", content, err)
		}
	}
	for n := 0; n <= bytes.LastIndexByte(whole, '}'); n += 97 { // what follows is padding
		if _, err := backup.Read(bytes.NewReader(whole[:n]), nil); !errors.Is(err, backup.ErrDamaged) {
			t.Errorf("%d of %d bytes: %v", n, len(whole), err)
		}
	}
}

// Whatever is accepted says of itself what it is, holds nothing else, and is what its own checksums say: for that, the tar archive is
// taken apart once more, by other means than Read has. Each seed but the first breaks one of these rules and no other.
func FuzzRead(f *testing.F) {
	var out bytes.Buffer
	if err := backup.Write(&out, header, records, nil); err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes())
	f.Add(out.Bytes()[:700])
	const first, recs = `{"format":1,"records":0}`, `[]`
	for _, members := range [][]member{
		{{name: "authsome-backup.json", content: `{"format":2,"records":0}`}, {name: "records.json", content: recs}},
		{{name: "authsome-backup.json", content: `{"format":0,"records":0}`}, {name: "records.json", content: recs}},
		{{name: "authsome-backup.json", content: `{"format":1,"records":1}`}, {name: "records.json", content: recs}},
		{{name: "authsome-backup.json", content: first}},
		{{name: "records.json", content: recs}, {name: "authsome-backup.json", content: first}},
		{{name: "authsome-backup.json", content: first}, {name: "records.json", content: recs}, {name: "home/master.key", content: "x"}},
		{{name: "authsome-backup.json", content: first}, {name: "records.json", content: recs}, {name: "home/../x", content: "x"}},
		{{name: "authsome-backup.json", content: first}, {name: "records.json", content: recs}, {name: "home/config.json", kind: tar.TypeSymlink}},
	} {
		f.Add(madeUp(f, withChecksums(f, members)...))
	}
	changed := withChecksums(f, []member{{name: "authsome-backup.json", content: first}, {name: "records.json", content: recs}})
	changed[1].content = `[] `
	f.Add(madeUp(f, changed...))
	f.Fuzz(func(t *testing.T, b []byte) {
		var files []string
		contents, err := backup.Read(bytes.NewReader(b), func(name string, _ io.Reader) error {
			files = append(files, name)
			return nil
		})
		for _, name := range files { // before it is known whether all is whole
			if !filepath.IsLocal(name) || strings.Count(name, "/") > 1 || strings.HasSuffix(name, ".key") || strings.HasSuffix(name, ".db") {
				t.Errorf("the file %q is passed on", name)
			}
		}
		switch {
		case err == nil && contents.Header.Format != 1, err == nil && len(contents.Records) != contents.Header.Records:
			t.Errorf("accepted with header %+v and %d records", contents.Header, len(contents.Records))
		case err == nil:
			wantConsistent(t, b)
		case !errors.Is(err, backup.ErrDamaged) && !errors.Is(err, backup.ErrNewer):
			t.Error(err)
		}
	})
}

// withChecksums adds the member that ends an archive.
func withChecksums(t testing.TB, members []member) []member {
	t.Helper()
	sums := make(map[string]string)
	for _, m := range members {
		sums[m.name] = checksum([]byte(m.content))
	}
	b, err := json.Marshal(sums)
	if err != nil {
		t.Fatal(err)
	}
	return append(members, member{name: "checksums.json", content: string(b)})
}

func checksum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// wantConsistent fails unless an archive begins with its header, holds plain files only, and ends with the checksums of all the others.
func wantConsistent(t *testing.T, b []byte) {
	t.Helper()
	r, read, written := tar.NewReader(bytes.NewReader(b)), make(map[string]string), make(map[string]string)
	for first := true; ; first = false {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || h.Typeflag != tar.TypeReg || first != (h.Name == "authsome-backup.json") {
			t.Fatalf("accepted with %+v, error %v", h, err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if h.Name == "checksums.json" {
			if err := json.Unmarshal(content, &written); err != nil {
				t.Fatal(err)
			}
			continue
		}
		read[h.Name] = checksum(content)
	}
	if diff := cmp.Diff(written, read); diff != "" || read["records.json"] == "" {
		t.Errorf("accepted with other checksums (-written +read):\n%s", diff)
	}
}
