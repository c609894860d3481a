package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"authsome/internal/atomicfile"
	"authsome/vault"
)

// MarkSuffix makes the name of the file of the mark of the name of its database.
const MarkSuffix = ".mark"

// Mark implements [vault.Marker] by a small file beside the database.
func (s *Store) Mark(context.Context) ([]byte, error) {
	b, err := atomicfile.ReadFile(s.path + MarkSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the mark of the vault: %w: %w", vault.ErrUnavailable, err)
	}
	if b == nil {
		b = []byte{}
	}
	return b, nil
}

// SetMark implements [vault.Marker]. One that is not durable is written over the one before, by one write within a block.
func (s *Store) SetMark(_ context.Context, mark []byte, durable bool) error {
	if err := writeMark(s.path+MarkSuffix, mark, durable); err != nil {
		return fmt.Errorf("write the mark of the vault: %w: %w", vault.ErrUnavailable, err)
	}
	return nil
}

func writeMark(path string, mark []byte, durable bool) (err error) {
	if info, statErr := os.Stat(path); durable || statErr != nil || info.Size() != int64(len(mark)) {
		if err = atomicfile.WriteFile(path, mark); err == nil {
			err = atomicfile.SyncDir(filepath.Dir(path))
		}
	} else {
		err = overwrite(path, mark)
	}
	return err
}

func overwrite(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(content, 0)
	return errors.Join(err, f.Close())
}
