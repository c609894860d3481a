package sqlite

import (
	"context"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"authsome/vault"
)

// failed says what was attempted and gives a failure its class. Errors that have one pass through, and so does the end
// of a context.
func failed(ctx context.Context, what string, err error) error {
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	if class := classify(err); class != nil {
		return withReason(fmt.Errorf("%s: %w: %w", what, class, err))
	}
	return fmt.Errorf("%s: %w", what, err)
}

// classify returns the class that an error does not carry yet, or nil.
func classify(err error) error {
	for _, known := range []error{
		vault.ErrNotFound, vault.ErrConflict, vault.ErrCorrupt, vault.ErrUnavailable, vault.ErrNewer,
		context.Canceled, context.DeadlineExceeded,
	} {
		if errors.Is(err, known) {
			return nil
		}
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok && meansDamage(e.Code()) {
		return vault.ErrCorrupt
	}
	return vault.ErrUnavailable
}

// meansDamage reports whether a result code says that the file is not what was written. A plain SQLITE_ERROR does: the
// statements are fixed, so only a schema that is not ours can make one fail.
func meansDamage(code int) bool {
	switch code {
	case sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS:
		return true
	}
	switch code & 0xff { // the primary code
	case sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT,
		sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG:
		return true
	}
	return false
}
