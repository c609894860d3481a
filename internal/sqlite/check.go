package sqlite

import (
	"context"
	"fmt"
	"strings"

	"authsome/vault"
)

// Check reads the whole database and fails with [vault.ErrCorrupt] when its structure is damaged. It does not know
// whether the rows are the ones that were written: only the vault does.
func (s *Store) Check(ctx context.Context) error {
	problems, err := s.integrityCheck(ctx)
	if err == nil && len(problems) > 0 {
		err = fmt.Errorf("%w: %s", vault.ErrCorrupt, strings.Join(problems, "; "))
	}
	if err != nil {
		return failed(ctx, "check "+s.path, err)
	}
	return nil
}

func (s *Store) integrityCheck(ctx context.Context) (problems []string, err error) {
	const most = 3 // one is enough to know, and a damaged file has many
	rows, err := s.db.query(ctx, fmt.Sprintf("PRAGMA integrity_check(%d)", most))
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if line := fmt.Sprint(row[0]); line != "ok" {
			problems = append(problems, line)
		}
	}
	return problems, nil
}

// EngineVersion returns the version of the SQLite library, such as "3.54.1".
func (s *Store) EngineVersion(ctx context.Context) (version string, err error) {
	if version, err = queryOne[string](ctx, s.db, "SELECT sqlite_version()"); err != nil {
		return "", failed(ctx, "ask for the version of SQLite", err)
	}
	return version, nil
}
