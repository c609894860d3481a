package sqlite

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"authsome/vault"
)

const (
	selectByID = "SELECT key, version, sealed FROM %s NOT INDEXED WHERE rowid = ?"
	// mostIDs bounds the search where the database does not say how far its rows go: far more than a vault has seen.
	mostIDs = 1 << 16
	// enoughMisses ends the search: a page has room for no more rows than that.
	enoughMisses = 2048
)

// Salvage returns the rows of the database at path that can still be read. It asks for them one by one, past the index,
// and passes over what is on a damaged page. Whether a row is what was written only the vault can tell. It works on a
// copy in the empty directory scratch: the file itself is not even opened by SQLite.
func Salvage(ctx context.Context, path, scratch string) ([]vault.Row, error) {
	rows, err := salvage(ctx, path, filepath.Join(scratch, filepath.Base(path)))
	if err != nil {
		return nil, failed(ctx, "read what is left of "+path, err)
	}
	return rows, nil
}

func salvage(ctx context.Context, path, scratch string) (rows []vault.Row, err error) {
	db, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	journal, err := os.ReadFile(path + "-journal") // a write that was cut short is undone by opening
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := errors.Join(os.WriteFile(scratch, padded(db), 0o600), os.WriteFile(scratch+"-journal", journal, 0o600)); err != nil {
		return nil, err
	}
	c := &connection{source: dataSource(scratch)}
	defer func() { err = errors.Join(err, c.close()) }()
	err = c.use(ctx, func(conn *session) error {
		rows, err = readOneByOne(ctx, transaction{conn})
		return err
	})
	return rows, err
}

// padded makes a database as long as its header says that it was. SQLite reads nothing of a shorter one.
func padded(db []byte) []byte {
	const pageCount = 28 // where the header says how many pages there are
	size := (len(db) + pageSize - 1) / pageSize
	if len(db) >= pageSize {
		if pages := binary.BigEndian.Uint32(db[pageCount:]); pages < mostIDs {
			size = max(size, int(pages))
		}
	}
	return append(db, make([]byte, size*pageSize-len(db))...)
}

func readOneByOne(ctx context.Context, db querier) (rows []vault.Row, err error) {
	table, last, err := extent(ctx, db)
	if err != nil {
		return nil, err
	}
	misses := 0
	for id := int64(1); id <= last && misses < enoughMisses; id++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		found, err := readRows(ctx, db, fmt.Sprintf(selectByID, table), id)
		if err != nil || len(found) == 0 {
			misses++
			continue
		}
		misses = 0
		rows = append(rows, found...)
	}
	return rows, nil
}

// extent returns the name of the table and the highest number of a row.
func extent(ctx context.Context, db querier) (table string, last int64, err error) {
	version, err := queryOne[int64](ctx, db, "PRAGMA user_version")
	if err != nil {
		return "", 0, err
	}
	table = "sealed_record"
	if version < 2 {
		table = "record"
	}
	last, err = queryOne[int64](ctx, db, "SELECT max(rowid) FROM "+table)
	if err != nil || last > mostIDs {
		return table, mostIDs, nil //nolint:nilerr // the last page is damaged, or says nonsense
	}
	return table, last, nil
}
