package sqlite

import (
	"database/sql/driver"
	"testing"
)

// counting counts what is compiled, and what of it is given back.
type counting struct {
	driverConn

	compiled, closed int
}

func (c *counting) Prepare(query string) (driver.Stmt, error) {
	c.compiled++
	prepared, err := c.driverConn.Prepare(query)
	if err != nil {
		return nil, err
	}
	return &counted{prepared.(compiled), c}, nil
}

type counted struct {
	compiled

	of *counting
}

func (c *counted) Close() error {
	c.of.closed++
	return c.compiled.Close()
}

// A command reads the vault's envelope, its records and the key of the audit log: for that one query is compiled.
func TestWhatACommandReadsIsCompiledOnce(t *testing.T) {
	t.Parallel()
	path := openTemporary(t).path
	source := dataSource(path)
	opened, err := connect(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	counts := &counting{driverConn: opened.driverConn}
	opened.driverConn = counts
	s := &Store{path: path, db: &connection{source: source, open: opened}}
	for range 2 {
		if _, err := s.Get(t.Context(), "meta/data-key"); err == nil {
			t.Error("there is no data key")
		}
		if rows, err := s.List(t.Context(), "profile/", "meta/manifest"); err != nil || len(rows) > 0 {
			t.Errorf("%d rows, %v", len(rows), err)
		}
	}
	if counts.compiled != 1 {
		t.Errorf("%d queries were compiled", counts.compiled)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if counts.closed != counts.compiled {
		t.Errorf("%d of %d queries were given back", counts.closed, counts.compiled)
	}
}
