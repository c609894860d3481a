package backup_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"authsome/internal/backup"
)

// sizes are the names of files with the least size that is too large.
var sizes = map[string]int64{"config.json": 16<<20 + 1, "providers/acme.json": 16<<20 + 1, "audit.log": 1<<30 + 1, "audit.log.head": 16<<20 + 1}

func TestFilesThatAreTooLargeAreNotWritten(t *testing.T) {
	t.Parallel()
	for name, size := range sizes {
		path := filepath.Join(t.TempDir(), "file")
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, size)); err != nil {
			t.Fatal(err)
		}
		err := backup.Write(io.Discard, header, records, []backup.File{{Name: name, Path: path}})
		if !errors.Is(err, backup.ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Nothing of such a file is read: it could fill the disk, and the memory of the program that uses it.
func TestFilesThatAreTooLargeAreNotRead(t *testing.T) {
	t.Parallel()
	for name, size := range sizes {
		b := madeUp(t, member{name: "authsome-backup.json", content: `{"format":1,"records":0}`}, member{name: "records.json", content: `[]`})
		begun := bytes.NewBuffer(bytes.TrimRight(b, "\x00"))
		begun.Write(make([]byte, (512-begun.Len()%512)%512))
		if err := tar.NewWriter(begun).WriteHeader(&tar.Header{Name: "home/" + name, Mode: 0o600, Size: size}); err != nil {
			t.Fatal(err)
		}
		_, err := backup.Read(begun, func(name string, _ io.Reader) error {
			t.Errorf("%s was passed on", name)
			return nil
		})
		if !errors.Is(err, backup.ErrDamaged) || !errors.Is(err, backup.ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
