package cli

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"filippo.io/age"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/crypto/ssh"
	_ "modernc.org/sqlite" // registers the driver
)

// storeCommands are what scripts do to the files of a home behind authsome's back.
func storeCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"damage": damageCommand, "sql": sqlCommand, "agekey": ageKeyCommand, "sshkey": sshKeyCommand,
		"thief": thiefCommand,
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

// ageKeyCommand makes an age identity: agekey FILE, whose recipient is in $RECIPIENT then.
func ageKeyCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: agekey FILE")
	}
	identity, err := age.GenerateX25519Identity()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte("# a comment\n"+identity.String()+"\n"), 0o600))
	ts.Setenv("RECIPIENT", identity.Recipient().String())
}

// sshKeyCommand makes an SSH key: sshkey FILE, whose public part is in $SSHRECIPIENT then.
func sshKeyCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: sshkey FILE")
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	ts.Check(err)
	block, err := ssh.MarshalPrivateKey(private, "somebody")
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), pem.EncodeToMemory(block), 0o600))
	key, err := ssh.NewPublicKey(public)
	ts.Check(err)
	ts.Setenv("SSHRECIPIENT", strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))))
}

// thiefCommand looks for texts in every file below a directory, in the ways in which they might be written: thief DIR
// TEXT... They must not be there or, negated, all of them must.
func thiefCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: thief DIR TEXT...")
	}
	for _, text := range args[1:] {
		where := ""
		ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			content, err := os.ReadFile(path)
			if form := found(append(content, path...), text); form != "" {
				where = path + " (" + form + ")"
			}
			return err
		}))
		if (where != "") != neg {
			ts.Fatalf("%q is in: %s", text, where)
		}
	}
}

// found returns the form in which a text is in a content, or "".
func found(content []byte, text string) string {
	b := []byte(text)
	forms := map[string]string{
		"plain": text, "upper case": strings.ToUpper(text), "hexadecimal": hex.EncodeToString(b),
		"upper case hexadecimal": strings.ToUpper(hex.EncodeToString(b)),
		"percent":                url.QueryEscape(text), "reversed": reversed(text), "JSON": strings.ReplaceAll(text, "/", `\/`),
	}
	for shift := range 3 { // base64 depends on where in a group of three bytes the text begins
		padded := append(make([]byte, shift), b...)
		whole := base64.RawStdEncoding.EncodeToString(padded[:len(padded)/3*3])
		forms["base64 at "+strconv.Itoa(shift)] = whole[min(len(whole), (shift*8+5)/6):]
	}
	for name, form := range forms {
		for _, spelt := range []string{form, strings.NewReplacer("+", "-", "/", "_").Replace(form)} {
			if bytes.Contains(content, []byte(spelt)) {
				return name
			}
		}
	}
	return ""
}

func reversed(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}
