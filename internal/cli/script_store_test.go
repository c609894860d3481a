package cli

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite" // registers the driver
)

// storeCommands are what scripts do to the files of a home behind authsome's back.
func storeCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"damage": damageCommand, "sql": sqlCommand,
	}
}

// damageCommand overwrites a page of a database: damage FILE PAGE, counting from 1.
func damageCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: damage FILE PAGE")
	}
	page, err := strconv.Atoi(args[1])
	ts.Check(err)
	const size = 4096
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_WRONLY, 0)
	ts.Check(err)
	_, err = f.WriteAt(bytes.Repeat([]byte{0xff}, size), int64(page-1)*size)
	ts.Check(errors.Join(err, f.Close()))
}

// sqlCommand runs statements on a database: sql FILE STATEMENTS.
func sqlCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sql FILE STATEMENTS")
	}
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = db.Exec(args[1])
	ts.Check(errors.Join(err, db.Close()))
}
