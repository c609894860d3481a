package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"sync"
)

// connection is the store's one connection. It calls the driver itself: the pool of database/sql starts goroutines, and
// copies each value once more, for a process that asks three questions and ends.
type connection struct {
	source string // names the database to the driver

	mu   sync.Mutex // held for a statement or a transaction
	open *session   // nil until the first statement
}

// errClosed is what a connection fails with after Close.
var errClosed = errors.New("the database is closed")

// querier is a connection or a transaction on it.
type querier interface {
	// query returns all rows of a result. The driver starts a goroutine where the end of ctx may interrupt it.
	query(ctx context.Context, query string, args ...any) ([][]driver.Value, error)
}

// use calls do with the driver's connection, which nobody else uses meanwhile.
func (c *connection) use(ctx context.Context, do func(*session) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.source == "" {
		return errClosed
	}
	if c.open == nil {
		opened, err := connect(ctx, c.source)
		if err != nil {
			return err
		}
		c.open = opened
	}
	return do(c.open)
}

// query implements querier.
func (c *connection) query(ctx context.Context, query string, args ...any) (all [][]driver.Value, err error) {
	err = c.use(ctx, func(conn *session) error {
		all, err = transaction{conn}.query(ctx, query, args...)
		return err
	})
	return all, err
}

func readAll(rows driver.Rows) (all [][]driver.Value, err error) {
	for {
		row := make([]driver.Value, len(rows.Columns()))
		if err := rows.Next(row); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, row)
	}
}

// queryOne returns the one value that a query is about.
func queryOne[T any](ctx context.Context, db querier, query string) (value T, err error) {
	rows, err := db.query(ctx, query)
	if err != nil {
		return value, err
	}
	if len(rows) != 1 || len(rows[0]) != 1 {
		return value, fmt.Errorf("%s: there is more or less than one answer", query)
	}
	value, ok := rows[0][0].(T)
	if !ok {
		return value, fmt.Errorf("%s: the answer is a %T", query, rows[0][0])
	}
	return value, nil
}

// transact makes a transaction of what do does: all of it happens, or nothing.
func (c *connection) transact(ctx context.Context, do func(transaction) error) error {
	return c.use(ctx, func(conn *session) error {
		// What is deleted is overwritten, names too. Only who writes pays for saying so.
		if _, err := (transaction{conn}).exec(ctx, "PRAGMA secure_delete = ON"); err != nil {
			return err
		}
		tx, err := conn.BeginTx(ctx, driver.TxOptions{})
		if err != nil {
			return err
		}
		if err := do(transaction{conn}); err != nil {
			_ = tx.Rollback() // it fails where the failure has ended the transaction
			return err
		}
		return tx.Commit() // or rolls back
	})
}

// transaction is the connection during a transaction.
type transaction struct{ conn *session }

// exec runs statements and returns how many rows the last one changed.
func (t transaction) exec(ctx context.Context, statements string, args ...any) (changed int64, err error) {
	result, err := t.conn.ExecContext(ctx, statements, named(args))
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// query implements querier.
func (t transaction) query(ctx context.Context, query string, args ...any) (all [][]driver.Value, err error) {
	statement, err := t.conn.compile(query)
	if err != nil {
		return nil, err
	}
	rows, err := statement.QueryContext(ctx, named(args))
	if err != nil {
		return nil, err
	}
	all, err = readAll(rows)
	return all, errors.Join(err, rows.Close())
}

// close gives the connection back. It waits for the statement that runs.
func (c *connection) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.source = ""
	if c.open == nil {
		return nil
	}
	err := c.open.Close()
	c.open = nil
	return err
}

// named numbers the arguments, which must be of the types that a [driver.Value] can have.
func named(args []any) []driver.NamedValue {
	values := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		values[i] = driver.NamedValue{Ordinal: i + 1, Value: arg}
	}
	return values
}
