package sqlite

import (
	"errors"
	"io/fs"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// failure is an error of the system around the database, which can be said to a person in a few words.
type failure struct {
	error
	reason string
}

// Unwrap returns the whole of it.
func (f *failure) Unwrap() error { return f.error }

// Reason says what is wrong, without the names of rows and the numbers of SQLite.
func (f *failure) Reason() string { return f.reason }

// withReason gives an error the words for people; where there are none, it stays as it is.
func withReason(err error) error {
	if reason := reasonOf(err); reason != "" {
		return &failure{err, reason}
	}
	return err
}

func reasonOf(err error) string {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return reasonOfCode(e.Code())
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Error()
	}
	return ""
}

// reasonOfCode goes by the primary code of a result.
func reasonOfCode(code int) string {
	switch code & 0xff {
	case sqlite3.SQLITE_FULL:
		return "the disk is full"
	case sqlite3.SQLITE_READONLY:
		return "the file is read-only, or the disk"
	case sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN:
		return "the file, or one beside it, cannot be opened"
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL:
		return "another process keeps it locked"
	case sqlite3.SQLITE_IOERR:
		return "the disk cannot be read or written"
	case sqlite3.SQLITE_NOMEM:
		return "there is no memory left"
	}
	return ""
}
