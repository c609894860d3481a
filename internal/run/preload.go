package run

import (
	_ "embed" // of the files that interpreters load
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// What interpreters load at their start, because their libraries do not all look for a proxy in the environment.
var (
	//go:embed preload/node.cjs
	nodePreload string
	//go:embed preload/sitecustomize.py
	pythonPreload string
)

const (
	nodeVariable   = "NODE_OPTIONS"
	pythonVariable = "PYTHONPATH"
	javaVariable   = "JAVA_TOOL_OPTIONS"
)

// writePreloads writes what interpreters load. Python and PHP find theirs by their names in directories, which therefore hold
// nothing else.
func (f *Files) writePreloads() error {
	return errors.Join(
		os.WriteFile(f.Node, []byte(nodePreload), 0o600),
		os.MkdirAll(f.Python, 0o700),
		os.WriteFile(filepath.Join(f.Python, "sitecustomize.py"), []byte(pythonPreload), 0o600),
		os.MkdirAll(f.PHP, 0o700),
		os.WriteFile(filepath.Join(f.PHP, "authsome.ini"), phpSettings(f.Bundle), 0o600),
	)
}

// nodeOptions appends the file to the options there are. All versions of Node.js have --require, for ECMAScript modules and
// worker threads, too.
func nodeOptions(before, file string) string {
	if file == "" {
		return before
	}
	return appended(before, " ", "--require="+quoteNode(file))
}

// quoteNode quotes what Node.js would take apart, as its options are: by spaces, with double quotes, and backslashes
// within them. The rest stays as it is for other programs that read them.
func quoteNode(path string) string {
	if !strings.ContainsAny(path, " \\\"") {
		return path
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(path) + `"`
}

// pythonPath puts the directory first, where a module of its name is found before any other.
func pythonPath(before, dir string) string {
	if dir == "" {
		return before
	}
	separator := string(os.PathListSeparator)
	if before == dir || strings.HasPrefix(before, dir+separator) {
		return before
	}
	return join(dir, separator, before)
}

// appended puts something to the end of a list, unless it is there: the shell of an agent may become another agent.
func appended(before, separator, last string) string {
	if before == last || strings.HasSuffix(before, separator+last) {
		return before
	}
	return join(before, separator, last)
}

// join leaves the separator out where there is nothing to separate.
func join(a, separator, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + separator + b
}
