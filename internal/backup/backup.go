// Package backup writes everything of a home into one encrypted file, and reads it back. Use [Seal] around [Write], and
// [Open] around [Read].
//
// The file is encrypted as age does it (age-encryption.org/v1), to a passphrase or to public keys, so that it can be
// opened without authsome too: inside is a tar archive. Its first member says what it is, the records of the vault follow,
// then the files of the home as they were, and last the checksums of all that came before: an archive without them is
// not whole. The records are in the clear inside the encryption, because the machine that reads them has another key.
//
// It promises that nothing is taken from a file that is not whole and of a format that this version knows.
package backup

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"time"

	"authsome/vault"
)

// Why a backup cannot be read.
var (
	// ErrDamaged: it is not whole, or no backup.
	ErrDamaged = errors.New("the backup is damaged")
	// ErrNewer: it was made by a later version.
	ErrNewer = errors.New("the backup was made by a newer version")
	// ErrWrongKey: the passphrase or the identity does not open it.
	ErrWrongKey = errors.New("the passphrase or the identity does not open the backup")
)

// Header is what a backup says of itself.
type Header struct {
	Format  int       `json:"format"`
	Created time.Time `json:"created"` // UTC
	Version string    `json:"version"` // of authsome
	Records int       `json:"records"`
}

// format is the version of the archive that is written. Members that a reader does not know are an error, so whatever
// is added needs a new one.
const format = 1

// Members of the archive. Files of the home lie below homeDir.
const (
	headerMember    = "authsome-backup.json"
	recordsMember   = "records.json"
	checksumsMember = "checksums.json"
	homeDir         = "home/"
)

// Record is a record of the vault.
type Record struct {
	Key   vault.Key `json:"key"`
	Value []byte    `json:"value"`
}

// File is a file of the home.
type File struct {
	Name string // below the home, with slashes
	Path string // where it lies now
}

// homeFile matches the files that a backup may hold: nothing else is ever taken out of one.
func homeFile() *regexp.Regexp {
	return regexp.MustCompile(`^(config\.json|trust\.json|audit\.log|audit\.log\.head|audit-[0-9]{16}\.log|providers/[A-Za-z0-9][A-Za-z0-9._-]{0,127}\.json)$`)
}

// Write writes the archive of records and files, in the clear.
func Write(w io.Writer, header Header, records []Record, files []File) error {
	header.Format, header.Created, header.Records = format, header.Created.UTC(), len(records)
	a := &archive{w: tar.NewWriter(w), sums: make(map[string]string), at: header.Created}
	err := a.add(headerMember, maxHeader, header)
	if err == nil {
		err = a.add(recordsMember, maxRecords, records)
	}
	for _, f := range files {
		if err == nil {
			err = a.addFile(f)
		}
	}
	if err == nil {
		err = a.add(checksumsMember, maxHeader, a.sums)
	}
	if err == nil { // else it would complain of what is missing
		err = a.w.Close()
	}
	if err != nil {
		return fmt.Errorf("write the backup: %w", err)
	}
	return nil
}

// archive is a tar archive that keeps account of what is in it.
type archive struct {
	w    *tar.Writer
	sums map[string]string // by member, hexadecimal SHA-256
	at   time.Time
}

func (a *archive) add(name string, limit int64, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	defer clear(b)
	if err := fits(name, int64(len(b)), limit); err != nil {
		return err
	}
	return a.copy(name, int64(len(b)), bytes.NewReader(b))
}

func (a *archive) addFile(f File) error {
	if !homeFile().MatchString(f.Name) {
		return fmt.Errorf("%s does not belong into a backup", f.Name)
	}
	file, err := os.Open(f.Path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if err := fits(f.Name, info.Size(), limitOf(f.Name)); err != nil {
		return err
	}
	return a.copy(homeDir+f.Name, info.Size(), io.LimitReader(file, info.Size()))
}

func (a *archive) copy(name string, size int64, r io.Reader) error {
	if err := a.w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: size, ModTime: a.at, Format: tar.FormatPAX}); err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(a.w, sum), r); err != nil {
		return err
	}
	a.sums[name] = hex.EncodeToString(sum.Sum(nil))
	return nil
}
