package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// exitsCommand runs a command and compares its exit code.
func exitsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARGUMENT]...")
	}
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// jsonCommand checks that stdout is one JSON document, and the value at a path.
func jsonCommand(ts *testscript.TestScript, neg bool, args []string) {
	value := document(ts)
	if len(args) == 0 {
		return
	}
	value, found := at(value, args[0])
	switch {
	case len(args) == 1 && found == neg:
		ts.Fatalf("%s: found is %v", args[0], found)
	case len(args) == 2 && !found:
		ts.Fatalf("%s is missing", args[0])
	case len(args) == 2 && (plain(value) == args[1]) == neg:
		ts.Fatalf("%s is %s", args[0], plain(value))
	}
}

func document(ts *testscript.TestScript) (value any) {
	d := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		ts.Fatalf("stdout is no JSON: %v", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		ts.Fatalf("stdout is more than one JSON document")
	}
	return value
}

// at follows names, indices and name=value, which picks the element of a list that has such a member.
func at(value any, path string) (any, bool) {
	for step := range strings.SplitSeq(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			next, ok := v[step]
			if !ok {
				return nil, false
			}
			value = next
		case []any:
			i := slices.IndexFunc(v, func(e any) bool { return has(e, step) })
			if n, err := strconv.Atoi(step); err == nil {
				i = n
			}
			if i < 0 || i >= len(v) {
				return nil, false
			}
			value = v[i]
		default:
			return nil, step == "" && path == ""
		}
	}
	return value, true
}

func has(element any, pair string) bool {
	name, want, _ := strings.Cut(pair, "=")
	object, _ := element.(map[string]any)
	value, ok := object[name]
	return ok && plain(value) == want
}

// plain is a string without quotes, and anything else as JSON.
func plain(value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	b, _ := json.Marshal(value)
	return string(b)
}

func jsonKeysCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: jsonkeys PATH NAME...; the path . is the document")
	}
	value := document(ts)
	if args[0] != "." {
		value, _ = at(value, args[0])
	}
	object, ok := value.(map[string]any)
	if !ok {
		ts.Fatalf("%s is no object", args[0])
	}
	for _, name := range args[1:] {
		if _, found := object[name]; found == neg {
			ts.Fatalf("%s.%s: found is %v", args[0], name, found)
		}
	}
}

// entryCommand looks for a line of NDJSON on stdout.
func entryCommand(ts *testscript.TestScript, neg bool, args []string) {
	found := false
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		var entry any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			ts.Fatalf("not a JSON object: %s", line)
		}
		found = found || !slices.ContainsFunc(args, func(pair string) bool { return !has(entry, pair) })
	}
	if found == neg {
		ts.Fatalf("an entry with %s: found is %v", strings.Join(args, " "), found)
	}
}

func modesCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: modes DIR")
	}
	err := filepath.WalkDir(ts.MkAbs(args[0]), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if entry.IsDir() {
			want = 0o700
		}
		if info.Mode().Perm() != want {
			ts.Fatalf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
	ts.Check(err)
}

// scriptCondition knows tool:PROGRAM: it is installed, and sandbox: this machine can have one; and mounts: file systems can be
// mounted.
func scriptCondition(condition string) (bool, error) {
	if condition == "mounts" {
		return mayMount(), nil
	}
	if condition == "sandbox" {
		err := exec.Command("unshare", "--user", "--map-root-user", "--mount", "--pid", "--net", "--fork", "--mount-proc", "true").Run()
		if err != nil && os.Getenv("CI") != "" && runtime.GOOS == "linux" {
			return false, err
		}
		return err == nil, nil
	}
	program, ok := strings.CutPrefix(condition, "tool:")
	if !ok {
		return false, fmt.Errorf("unknown condition %q", condition)
	}
	_, err := exec.LookPath(program)
	if err != nil && os.Getenv("CI") != "" {
		return false, err
	}
	return err == nil, nil
}
