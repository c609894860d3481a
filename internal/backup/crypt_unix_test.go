//go:build unix

package backup_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"authsome/internal/backup"
	"authsome/internal/backup/helper"
)

// stubHelper puts a script in the place of the helper.
func stubHelper(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, helper.Program), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
}

// Somebody who gives up is not told of a helper that has failed, or of a pipe that is broken.
func TestABackupThatIsCancelledSaysSo(t *testing.T) {
	stubHelper(t, "while :; do :; done")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := backup.Seal(ctx, helper.Request{}, io.Discard, func(w io.Writer) error {
		cancel()
		for { // until the helper has ended
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return err
			}
		}
	})
	if !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
}

func TestAHelperThatEndsWithoutAWordHasFailed(t *testing.T) {
	stubHelper(t, "while read -r line; do :; done; kill -9 $$")
	err := backup.Open(t.Context(), helper.Request{}, strings.NewReader("not read"), func(r io.Reader) error {
		_, err := backup.Read(r, nil)
		return err
	})
	if !errors.Is(err, backup.ErrFailed) || errors.Is(err, backup.ErrDamaged) {
		t.Errorf("got %v, want %v alone", err, backup.ErrFailed)
	}
}
