package legacy

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // registers the driver
)

type row struct{ key, value string }

// maxStoreSize is more than any store has, in bytes.
const maxStoreSize = 256 << 20

// readRows reads a store. To open a database with a write-ahead log, even read-only, makes files beside it; and to ignore
// the log may miss the newest records. So a copy is opened, log included. What is in it is encrypted.
func readRows(ctx context.Context, path string) ([]row, error) {
	dir, err := os.MkdirTemp("", "authsome-import-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // what stays lies in the temporary directory
	duplicate := filepath.Join(dir, storeFile)
	if err := copyStore(path, duplicate); err != nil {
		return nil, err
	}
	return queryRows(ctx, duplicate)
}

// copyStore copies a database and its log as they are at one moment.
func copyStore(from, to string) error {
	const attempts = 3
	for range attempts {
		before, err := fingerprint(from)
		if err != nil {
			return err
		}
		for _, suffix := range []string{"", "-wal"} {
			if err := copyFile(from+suffix, to+suffix); err != nil && (suffix == "" || !errors.Is(err, fs.ErrNotExist)) {
				return err
			}
		}
		if after, err := fingerprint(from); err == nil && after == before {
			return nil
		}
		_ = os.Remove(to + "-wal") // the next attempt may find none
	}
	return errChanging
}

var errChanging = errors.New("it is being written: end the old authsome, and its daemon, and try again")

// fingerprint changes when a database is written.
func fingerprint(path string) (string, error) {
	var b strings.Builder
	for _, suffix := range []string{"", "-wal"} {
		info, err := os.Stat(path + suffix)
		if errors.Is(err, fs.ErrNotExist) && suffix != "" {
			continue
		}
		if err != nil {
			return "", err
		}
		if !info.Mode().IsRegular() || info.Size() > maxStoreSize {
			return "", fmt.Errorf("%s is no file, or larger than %d bytes", path+suffix, maxStoreSize)
		}
		fmt.Fprintf(&b, "%s %d %d;", suffix, info.Size(), info.ModTime().UnixNano())
	}
	return b.String(), nil
}

func copyFile(from, to string) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return errors.Join(err, w.Close())
}

func queryRows(ctx context.Context, path string) ([]row, error) {
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") { // a drive letter
		slashed = "/" + slashed
	}
	source := url.URL{Scheme: "file", Path: slashed, RawQuery: "mode=rw"}
	db, err := sql.Open("sqlite", source.String())
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }()
	found, err := db.QueryContext(ctx, "SELECT key, value FROM kv ORDER BY key")
	if err != nil {
		return nil, fmt.Errorf("it cannot be read: %w", err)
	}
	defer func() { _ = found.Close() }()
	var rows []row
	for found.Next() {
		var r row
		if err := found.Scan(&r.key, &r.value); err != nil {
			return nil, fmt.Errorf("it cannot be read: %w", err)
		}
		rows = append(rows, r)
	}
	if err := found.Err(); err != nil {
		return nil, fmt.Errorf("it cannot be read: %w", err)
	}
	return rows, nil
}
