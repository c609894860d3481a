package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"authsome/vault"
)

// Check reads the whole database and fails with [vault.ErrCorrupt] when its structure is damaged. It does not know
// whether the rows are the ones that were written: only the vault does.
func (s *Store) Check(ctx context.Context) error {
	problems, err := s.quickCheck(ctx)
	if err == nil && len(problems) > 0 {
		err = fmt.Errorf("%w: %s", vault.ErrCorrupt, strings.Join(problems, "; "))
	}
	if err != nil {
		return failed(ctx, "check "+s.path, err)
	}
	return nil
}

func (s *Store) quickCheck(ctx context.Context) (problems []string, err error) {
	const most = 3 // one is enough to know, and a damaged file has many
	rows, err := s.db.QueryContext(ctx, fmt.Sprintf("PRAGMA quick_check(%d)", most))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return nil, err
		}
		if line != "ok" {
			problems = append(problems, line)
		}
	}
	return problems, rows.Err()
}

// EngineVersion returns the version of the SQLite library, such as "3.54.1".
func (s *Store) EngineVersion(ctx context.Context) (version string, err error) {
	if err := s.db.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version); err != nil {
		return "", failed(ctx, "ask for the version of SQLite", err)
	}
	return version, nil
}
