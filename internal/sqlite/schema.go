package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"authsome/vault"
)

const (
	// schemaVersion is kept in the database's user_version. A database of a higher one is not touched.
	schemaVersion = 2
	// pageSize is SQLite's default, spelled out because every whole database is a multiple of it.
	pageSize = 4096
	// createSchema is one transaction, so that a crash leaves an empty database or a whole one. The application_id
	// spells "auth" and lets file(1) and people recognise the file.
	createSchema = `
		CREATE TABLE sealed_record (
			key     TEXT    NOT NULL PRIMARY KEY,
			version INTEGER NOT NULL,
			sealed  BLOB    NOT NULL
		) STRICT;
		CREATE VIEW record AS SELECT key, version, sealed FROM sealed_record;
		PRAGMA application_id = 0x61757468;
		PRAGMA user_version = 2`
	// creation is the name of the lock under which a database is made.
	creation vault.Key = "meta/schema"
)

// migrations lead from one schema to the next; the first is that from schema 1.
//
// Schema 2 has the same rows under another name, and a view by the old one. A vault keeps a list of its records since
// then, which a program of before would not keep up; a view cannot be written, so one that is still running reads on and
// fails to write.
func migrations() []string {
	return []string{
		`
		ALTER TABLE record RENAME TO sealed_record;
		CREATE VIEW record AS SELECT key, version, sealed FROM sealed_record;
		PRAGMA user_version = 2`,
	}
}

// migrate brings the database to the present schema, at the beginning of a write and as a part of it: so a database that
// is only read stays as it is, and a crash leaves the old schema without the write or the new one with it.
func migrate(ctx context.Context, tx transaction) error {
	version, err := queryOne[int64](ctx, tx, "PRAGMA user_version")
	if err != nil {
		return err
	}
	if err := known(version); err != nil {
		return err
	}
	for _, statements := range migrations()[version-1:] {
		if _, err := tx.exec(ctx, statements); err != nil {
			return fmt.Errorf("bring the database from schema %d to %d: %w", version, schemaVersion, err)
		}
	}
	return nil
}

// known fails for a schema that this program cannot write.
func known(version int64) error {
	if version > schemaVersion {
		return fmt.Errorf("%w: its schema is %d, this one knows %d", vault.ErrNewer, version, schemaVersion)
	}
	if version < 1 {
		return fmt.Errorf("%w: its schema is %d", vault.ErrCorrupt, version)
	}
	return nil
}

// prepare brings a new store to the point where rows can be read. In the common case that is one stat and one query.
func (s *Store) prepare(ctx context.Context) error {
	info, err := os.Stat(s.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return s.create(ctx)
	}
	if err != nil {
		return err
	}
	version, err := s.userVersion(ctx)
	switch {
	case err != nil:
		return err
	case version == 0: // being made by another process, or somebody else's
		return s.create(ctx)
	}
	if err := known(version); err != nil {
		return err
	}
	return s.checkSize()
}

// userVersion is the first query of all: it makes SQLite undo what a crashed process left half done.
func (s *Store) userVersion(ctx context.Context) (int64, error) {
	return queryOne[int64](context.WithoutCancel(ctx), s.db, "PRAGMA user_version")
}

// checkSize finds a file whose last page is incomplete. SQLite reads the missing part as zeros, and a record on it would
// look as if it had never been there.
func (s *Store) checkSize() error {
	info, err := os.Stat(s.path)
	if err != nil {
		return err
	}
	if info.Size()%pageSize != 0 {
		return fmt.Errorf("%w: its size of %d bytes is not a multiple of %d", vault.ErrCorrupt, info.Size(), pageSize)
	}
	return nil
}

// create makes file and schema. The lock keeps processes that do so at the same time from waiting for one another
// inside SQLite, which polls.
func (s *Store) create(ctx context.Context) error {
	unlock, err := s.Lock(ctx, creation)
	if err != nil {
		return err
	}
	defer unlock()
	if err := createFile(s.path); err != nil {
		return err
	}
	version, err := s.userVersion(ctx)
	if err != nil || version != 0 {
		return err
	}
	if err := s.checkSize(); err != nil { // SQLite takes a file of one byte for an empty one
		return err
	}
	return s.db.transact(ctx, func(tx transaction) error {
		objects, err := queryOne[int64](ctx, tx, "SELECT count(*) FROM sqlite_schema")
		if err != nil {
			return err
		}
		if objects > 0 {
			return fmt.Errorf("%w: it is a database of another program", vault.ErrCorrupt)
		}
		_, err = tx.exec(ctx, createSchema)
		return err
	})
}
