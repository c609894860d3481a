// Package agestream encrypts and decrypts backups with age (age-encryption.org/v1), for the program authsome-age. Use
// [Main]; package helper says how authsome speaks with it.
package agestream

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"filippo.io/age"

	"authsome/internal/backup/helper"
)

// maxRequest bounds the first line, in bytes.
const maxRequest = 1 << 20

// Serves reports whether a command line asks for one of the operations of this package.
func Serves(args []string) bool {
	return len(args) == 2 && (args[1] == helper.Seal || args[1] == helper.Open)
}

// Main serves one operation and returns the exit code.
func Main() int { return MainWith(0) }

// MainWith is Main for tests that encrypt to a passphrase often: scrypt is given that many bits of work, in place of what
// age thinks right if they are 0.
func MainWith(work int) int {
	if !Serves(os.Args) {
		fmt.Fprintln(os.Stderr, "authsome-age is called by authsome: see authsome backup --help")
		return 2
	}
	return serveWith(work, os.Args[1], os.Stdin, os.Stdout, os.Stderr)
}

// Serve carries out an operation.
func Serve(operation string, in io.Reader, out, failures io.Writer) int {
	return serveWith(0, operation, in, out, failures)
}

func serveWith(work int, operation string, in io.Reader, out, failures io.Writer) int {
	r := bufio.NewReaderSize(in, maxRequest)
	err := serve(work, operation, r, out)
	if err == nil {
		return 0
	}
	f := helper.Failure{Kind: helper.Usage, Message: err.Error()}
	if e, ok := errors.AsType[*failure](err); ok {
		f.Kind = e.kind
	}
	_ = json.NewEncoder(failures).Encode(f) // the exit code says the rest
	return 1
}

// failure is an error with its class.
type failure struct {
	kind helper.Kind
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func serve(work int, operation string, r *bufio.Reader, out io.Writer) error {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	var request helper.Request
	if err := json.Unmarshal(line, &request); err != nil {
		return errors.New("the request is malformed")
	}
	clear(line)
	w := bufio.NewWriterSize(out, 1<<16)
	switch operation {
	case helper.Seal:
		err = seal(work, request, r, w)
	case helper.Open:
		err = open(request, r, w)
	default:
		err = fmt.Errorf("unknown operation %q", operation)
	}
	if err != nil { // what has been put out until then is of no use
		return err
	}
	return w.Flush()
}

func seal(work int, request helper.Request, r io.Reader, w io.Writer) error {
	recipients, err := recipients(work, request)
	if err != nil {
		return err
	}
	encrypted, err := age.Encrypt(w, recipients...)
	if err != nil {
		return fmt.Errorf("encrypt: %w", err)
	}
	if _, err := io.Copy(encrypted, r); err != nil {
		return fmt.Errorf("encrypt: %w", err)
	}
	return encrypted.Close()
}

func open(request helper.Request, r io.Reader, w io.Writer) error {
	identities, err := identities(request)
	if err != nil {
		return err
	}
	decrypted, err := age.Decrypt(r, identities...)
	if _, wrong := errors.AsType[*age.NoIdentityMatchError](err); wrong {
		return &failure{helper.WrongKey, err}
	}
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	if err != nil {
		return &failure{helper.Damaged, err}
	}
	_, err = io.Copy(w, whole{decrypted})
	return err
}

// whole reads what was encrypted, and says in fewer words than age does that it is not what it was.
type whole struct{ r io.Reader }

func (w whole) Read(p []byte) (n int, err error) {
	n, err = w.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &failure{helper.Damaged, errors.New("a part of it is missing, or was changed")}
	}
	return n, err
}
