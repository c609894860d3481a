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
	"maps"
	"strings"
)

// Contents is what a backup holds besides files.
type Contents struct {
	Header  Header
	Records []Record
	Files   []string // their names
}

// Read reads an archive and checks all of it. Each file is passed to file as it comes, which may be nil; only when Read
// and the decryption around it have succeeded is it certain that they are whole. It fails with [ErrDamaged] or [ErrNewer].
func Read(r io.Reader, file func(name string, r io.Reader) error) (*Contents, error) {
	c := &reading{r: tar.NewReader(r), sums: make(map[string]string), file: file}
	for !c.whole {
		if err := c.member(); err != nil {
			return nil, err
		}
	}
	if _, err := c.r.Next(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: something follows its end", ErrDamaged) // err would say the same of the archive
	}
	return &c.contents, nil
}

// reading is an archive being read.
type reading struct {
	r        *tar.Reader
	sums     map[string]string // of what was read
	file     func(string, io.Reader) error
	contents Contents
	whole    bool // the checksums have been read, and fit
}

func (c *reading) member() error {
	h, err := c.r.Next()
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: its end is missing", ErrDamaged)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	name, isFile := strings.CutPrefix(h.Name, homeDir)
	_, twice := c.sums[h.Name]
	switch {
	case h.Typeflag != tar.TypeReg || twice || len(c.sums) == 0 && h.Name != headerMember:
		return fmt.Errorf("%w: %q is not expected there", ErrDamaged, h.Name)
	case h.Name == headerMember:
		return c.header(h)
	case h.Name == recordsMember:
		return c.decode(h, maxRecords, &c.contents.Records)
	case h.Name == checksumsMember:
		return c.checksums(h)
	case isFile && homeFile().MatchString(name):
		return c.homeFile(h, name)
	}
	return fmt.Errorf("%w: %q does not belong into it", ErrDamaged, h.Name)
}

func (c *reading) header(h *tar.Header) error {
	if err := c.decode(h, maxHeader, &c.contents.Header); err != nil {
		return err
	}
	switch f := c.contents.Header.Format; {
	case f > format:
		return fmt.Errorf("%w: its format is %d, this one knows %d", ErrNewer, f, format)
	case f < 1:
		return fmt.Errorf("%w: its format is %d", ErrDamaged, f)
	}
	return nil
}

func (c *reading) decode(h *tar.Header, limit int64, v any) error {
	if err := fits(h.Name, h.Size, limit); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	b, err := io.ReadAll(c.r)
	defer clear(b)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrDamaged, h.Name, err)
	}
	sum := sha256.Sum256(b)
	c.sums[h.Name] = hex.EncodeToString(sum[:])
	return nil
}

func (c *reading) homeFile(h *tar.Header, name string) error {
	if err := fits(h.Name, h.Size, limitOf(name)); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	sum := sha256.New()
	content := io.TeeReader(c.r, sum)
	if c.file != nil {
		if err := c.file(name, content); err != nil {
			return fmt.Errorf("read %s from the backup: %w", name, err)
		}
	}
	if _, err := io.Copy(io.Discard, content); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrDamaged, name, err)
	}
	c.sums[h.Name] = hex.EncodeToString(sum.Sum(nil))
	c.contents.Files = append(c.contents.Files, name)
	return nil
}

// checksums compares what was read with what was written.
func (c *reading) checksums(h *tar.Header) error {
	read := maps.Clone(c.sums)
	var written map[string]string
	if err := c.decode(h, maxHeader, &written); err != nil {
		return err
	}
	if !maps.Equal(read, written) || read[recordsMember] == "" || len(c.contents.Records) != c.contents.Header.Records {
		return fmt.Errorf("%w: what it holds is not what it says it holds", ErrDamaged)
	}
	c.whole = true
	return nil
}

// IsBackup reports whether a file that begins so is an encrypted one, and so may be replaced by another.
func IsBackup(begin []byte) bool { return bytes.HasPrefix(begin, []byte("age-encryption.org/")) }
