// Command licences writes what the authors of the libraries in a program ask to have passed on with it: their licences and
// notices, and those of Go itself. The same sources give the same bytes on every system.
//
//	licences FILE PACKAGE...
//
// writes FILE for programs of the module in the current directory, as they are built for Linux, macOS and Windows. A library
// without a licence is an error: it could not be passed on.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// systems are those that programs are released for.
var systems = []string{"linux", "darwin", "windows"}

// legal matches the names of files that have to be passed on.
var legal = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents|copyright)([-._].*)?$`)

// listed is what "go list" says of a package.
type listed struct {
	Dir    string
	Module *struct {
		Path    string
		Version string
		Dir     string
		Main    bool
	}
}

// library is a module, and where its linked packages lie in it.
type library struct {
	name, dir string
	packages  map[string]bool
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: licences FILE PACKAGE...")
		os.Exit(2)
	}
	if err := write(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func write(file string, packages []string) error {
	libraries, err := linked(packages)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	out.WriteString("The programs of this package contain the following libraries, under the terms that follow each name.\n")
	for _, name := range slices.Sorted(maps.Keys(libraries)) {
		if err := libraries[name].write(&out); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, out.Bytes(), 0o644)
}

// linked returns the libraries in the programs, by name.
func linked(packages []string) (map[string]*library, error) {
	root, err := output(nil, "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	goRoot := strings.TrimSpace(string(root))
	standard := &library{name: "Go", dir: goRoot, packages: map[string]bool{goRoot: true}}
	libraries := map[string]*library{standard.name: standard}
	for _, system := range systems {
		env := []string{"CGO_ENABLED=0", "GOOS=" + system, "GOARCH=amd64"} // amd64 and arm64 contain the same libraries
		out, err := output(env, append([]string{"list", "-deps", "-json=Dir,Module"}, packages...)...)
		if err != nil {
			return nil, err
		}
		if err := collect(json.NewDecoder(bytes.NewReader(out)), libraries); err != nil {
			return nil, err
		}
	}
	return libraries, nil
}

// collect adds the libraries that "go list" names.
func collect(list *json.Decoder, libraries map[string]*library) error {
	for {
		var p listed
		if err := list.Decode(&p); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read the list of packages: %w", err)
		}
		if p.Module == nil || p.Module.Main { // of Go, or ours
			continue
		}
		name := p.Module.Path + " " + p.Module.Version
		if libraries[name] == nil {
			libraries[name] = &library{name: name, dir: p.Module.Dir, packages: make(map[string]bool)}
		}
		libraries[name].packages[p.Dir] = true
	}
}

// write writes the files of a library: those at its top, and those of what it has taken over from others, which lie where
// the packages do.
func (l *library) write(out *bytes.Buffer) error {
	dirs := make(map[string]bool)
	for dir := range l.packages {
		for ; len(dir) >= len(l.dir); dir = filepath.Dir(dir) {
			dirs[dir] = true
		}
	}
	found := 0
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return fmt.Errorf("look for the licence of %s: %w", l.name, err)
		}
		for _, entry := range entries {
			if !entry.Type().IsRegular() || !legal.MatchString(entry.Name()) || filepath.Ext(entry.Name()) == ".go" {
				continue
			}
			text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
			if err != nil {
				return err
			}
			where, err := filepath.Rel(l.dir, filepath.Join(dir, entry.Name()))
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "\n%s\n%s: %s\n\n%s\n", strings.Repeat("=", 80), l.name, filepath.ToSlash(where), bytes.TrimSpace(text))
			found++
		}
	}
	if found == 0 {
		return fmt.Errorf("%s has no licence", l.name)
	}
	return nil
}

// output runs the go command.
func output(env []string, args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	cmd.Env, cmd.Stderr = append(os.Environ(), env...), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}
