package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"modernc.org/sqlite"
)

// session is an open connection of the driver. It keeps what its queries were compiled to: to compile one takes longer
// than to run it, and there are few.
type session struct {
	driverConn

	compiled map[string]compiled // by their text
}

// driverConn is what the driver's connections can do.
type driverConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ExecerContext
}

// compiled is what the driver's statements can do.
type compiled interface {
	driver.Stmt
	driver.StmtQueryContext
}

func connect(ctx context.Context, source string) (*session, error) {
	connector, err := sqlite.NewConnector(source)
	if err != nil {
		return nil, err
	}
	opened, err := connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	conn, ok := opened.(driverConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the driver's %T is of another kind", opened), opened.Close())
	}
	return &session{driverConn: conn, compiled: make(map[string]compiled)}, nil
}

// compile returns what a query was compiled to, if need be now.
func (s *session) compile(query string) (compiled, error) {
	if known, ok := s.compiled[query]; ok {
		return known, nil
	}
	prepared, err := s.Prepare(query)
	if err != nil {
		return nil, err
	}
	statement, ok := prepared.(compiled)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the driver's %T is of another kind", prepared), prepared.Close())
	}
	s.compiled[query] = statement
	return statement, nil
}

// Close closes the connection with all that it has compiled.
func (s *session) Close() error {
	var errs []error
	for _, statement := range s.compiled {
		errs = append(errs, statement.Close())
	}
	return errors.Join(append(errs, s.driverConn.Close())...)
}
