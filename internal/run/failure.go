package run

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"authsome"
	"authsome/internal/shell"
)

// Exit codes of a command that could not be started, as shells use them.
const (
	ExitNotExecutable = 126
	ExitNotFound      = 127
)

// startFailure turns the reason why a program was not started into an exit code and an error. path is where it was found; empty:
// nowhere.
func startFailure(name, path string, err error) (int, error) {
	e := &authsome.Error{Kind: authsome.KindUsage, Err: err}
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, exec.ErrDot) {
		e.Message, e.Reason = fmt.Sprintf("command not found: %s", name), "not found"
		e.Hint = notLoaded(path)
		return ExitNotFound, e
	}
	e.Message, e.Reason = fmt.Sprintf("command cannot be executed: %s", name), "not executable"
	e.Hint = toExecute(name, path, err)
	return ExitNotExecutable, e
}

// notShown turns the reason why a program was not started in a box into an exit code and an error: there may be less in it than
// was found outside.
func notShown(name, path string, err error) (int, error) {
	code, err := startFailure(name, path, err)
	e, ok := errors.AsType[*authsome.Error](err)
	if ok && code == ExitNotFound && !lacksInterpreter(path) {
		e.Hint = "the sandbox does not show it: --sandbox-write " + shell.Word(filepath.Dir(path))
	}
	return code, err
}

// notLoaded says what the kernel has not found of a file that is there: what it is to be run with. Of a script that is in its
// first line, where a carriage return at the end is part of the name; of a program, it is the loader.
func notLoaded(path string) string {
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	if lacksInterpreter(path) {
		return fmt.Sprintf("the file is there, but not what its first line runs it with: %q", firstLine(path))
	}
	return "the file is there, but not what runs it; it may be a program for another system"
}

// lacksInterpreter reports whether a file is a script whose first line names a file that does not exist.
func lacksInterpreter(path string) bool {
	interpreter, _, _ := strings.Cut(firstLine(path), " ")
	if interpreter == "" {
		return false
	}
	_, err := os.Stat(interpreter)
	return err != nil
}

// firstLine returns what follows #! in a script; empty if it is none.
func firstLine(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, 256)) // the kernel reads no more
	if err != nil {
		return ""
	}
	line, _, _ := bytes.Cut(head, []byte("\n"))
	rest, ok := bytes.CutPrefix(line, []byte("#!"))
	if !ok {
		return ""
	}
	return strings.Trim(string(rest), " \t")
}

// toExecute says what to do about a file that cannot be executed, if that is known.
func toExecute(name, path string, err error) string {
	if found, ok := errors.AsType[*fs.PathError](err); ok && path == "" {
		path = found.Path
	}
	if path == "" {
		path = name
	}
	info, statErr := os.Stat(path)
	switch {
	case statErr != nil:
		return ""
	case info.IsDir():
		return "it is a directory"
	case errors.Is(err, syscall.ENOEXEC):
		return "it does not begin with #!, and is no program for this machine; a script: authsome run -- sh " + shell.Word(path)
	case runtime.GOOS != "windows" && errors.Is(err, fs.ErrPermission) && info.Mode().Perm()&0o111 == 0:
		return "chmod +x " + shell.Word(path)
	}
	return ""
}
