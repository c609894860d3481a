package provider

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"authsome"
	"authsome/internal/atomicfile"
)

//go:embed definitions/*.json
var definitions embed.FS

// Catalogue is the set of provider definitions: the bundled ones and the user's own, which hide bundled ones of the same
// name. It keeps nothing in memory and is safe for concurrent use.
type Catalogue struct {
	dir string
}

// Open returns the catalogue whose custom definitions lie in dir as NAME.json. Nothing is read until it is asked for;
// dir need not exist.
func Open(dir string) *Catalogue { return &Catalogue{dir: dir} }

// Lookup reads one definition. It fails with [authsome.KindProviderNotFound] when there is none of that name, or when it
// is the user's own and cannot be used; a bundled definition never stands in for a broken one that hides it.
func (c *Catalogue) Lookup(name authsome.ProviderName) (*authsome.Provider, error) {
	if !validName(string(name)) {
		return nil, c.notFound(name)
	}
	p, err := c.custom(name)
	if errors.Is(err, fs.ErrNotExist) {
		p, err = bundled(name)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, c.notFound(name)
	case err != nil:
		return nil, &authsome.Error{
			Kind:    authsome.KindProviderNotFound,
			Ref:     authsome.Ref{Provider: name},
			Message: fmt.Sprintf("the definition of %s in %s cannot be used: %v", name, c.path(name), err),
			Hint:    "correct the file, or delete it with: authsome remove " + string(name),
			Reason:  "broken_definition",
			Err:     err,
		}
	}
	return p, nil
}

// All reads every definition, ordered by name, and lists the user's own that cannot be used. It fails when the directory
// of custom definitions is there and cannot be read.
func (c *Catalogue) All() ([]authsome.Provider, []authsome.BrokenDefinition, error) {
	all, broken, hidden, err := c.allCustom()
	if err != nil {
		return nil, nil, err
	}
	for _, name := range bundledNames() {
		if slices.Contains(hidden, name) {
			continue
		}
		p, err := bundled(name)
		if err != nil {
			return nil, nil, fmt.Errorf("read bundled definition %s: %w", name, err)
		}
		all = append(all, *p)
	}
	sortByName(all)
	return all, broken, nil
}

// Summaries is All for those who only want to know what there is: of a bundled definition it returns Name, DisplayName,
// Category, AuthType, Flow and Source, which it knows without reading the definition. They come as the states of a
// profile that has nothing, so that a list need not copy them.
func (c *Catalogue) Summaries() ([]authsome.ProviderState, []authsome.BrokenDefinition, error) {
	own, broken, hidden, err := c.allCustom()
	if err != nil {
		return nil, nil, err
	}
	all := readIndex(index)
	if len(hidden) == 0 {
		return all, broken, nil
	}
	all = slices.DeleteFunc(all, func(p authsome.ProviderState) bool { return slices.Contains(hidden, p.Name) })
	for _, p := range own {
		all = append(all, authsome.ProviderState{Provider: p})
	}
	slices.SortFunc(all, func(a, b authsome.ProviderState) int { return strings.Compare(string(a.Name), string(b.Name)) })
	return all, broken, nil
}

// allCustom reads the user's own definitions, and returns the names of all of them, broken ones included.
func (c *Catalogue) allCustom() (
	all []authsome.Provider, broken []authsome.BrokenDefinition, names []authsome.ProviderName, err error,
) {
	names, err = c.customNames()
	if err != nil {
		return nil, nil, nil, err
	}
	for _, name := range names {
		p, err := c.custom(name)
		if err != nil {
			broken = append(broken, authsome.BrokenDefinition{Name: name, Path: c.path(name), Err: err})
			continue
		}
		all = append(all, *p)
	}
	return all, broken, names, nil
}

func sortByName(all []authsome.Provider) {
	slices.SortFunc(all, func(a, b authsome.Provider) int { return strings.Compare(string(a.Name), string(b.Name)) })
}

// custom reads and validates one of the user's definitions; its error is fs.ErrNotExist when there is none.
func (c *Catalogue) custom(name authsome.ProviderName) (*authsome.Provider, error) {
	if c.dir == "" {
		return nil, fs.ErrNotExist
	}
	doc, err := atomicfile.ReadFile(c.path(name))
	if err != nil {
		return nil, fmt.Errorf("read provider definition: %w", err)
	}
	p, err := Parse(doc)
	if err != nil {
		return nil, err
	}
	if p.Name != name {
		return nil, &ValidationError{Problems: []Problem{{
			Path:    "name",
			Message: fmt.Sprintf("must be that of the file, %q, got %q", name, p.Name),
		}}}
	}
	p.Source = authsome.SourceCustom
	return p, nil
}

// bundled reads an embedded definition. A test has validated it.
func bundled(name authsome.ProviderName) (*authsome.Provider, error) {
	doc, err := definitions.ReadFile("definitions/" + string(name) + ".json")
	if err != nil {
		return nil, err
	}
	p, err := decode(doc)
	if err != nil {
		return nil, err
	}
	p.Source = authsome.SourceBundled
	return p, nil
}

func bundledNames() []authsome.ProviderName {
	entries, err := definitions.ReadDir("definitions")
	if err != nil {
		return nil
	}
	return namesOf(entries)
}

func (c *Catalogue) customNames() ([]authsome.ProviderName, error) {
	if c.dir == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(c.dir)
	if errors.Is(err, fs.ErrNotExist) && isMissing(c.dir) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list custom provider definitions: %w", err)
	}
	return namesOf(entries), nil
}

// isMissing reports whether nothing has a name. Windows says of a file that is read as a directory that it does not exist.
func isMissing(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// namesOf returns the names of the definitions in a directory; hidden files are not definitions.
func namesOf(entries []fs.DirEntry) []authsome.ProviderName {
	var names []authsome.ProviderName
	for _, e := range entries {
		name, isJSON := strings.CutSuffix(e.Name(), ".json")
		if isJSON && !e.IsDir() && !strings.HasPrefix(name, ".") {
			names = append(names, authsome.ProviderName(name))
		}
	}
	return names
}

func (c *Catalogue) path(name authsome.ProviderName) string {
	return filepath.Join(c.dir, string(name)+".json")
}

func (c *Catalogue) notFound(name authsome.ProviderName) error {
	message := fmt.Sprintf("there is no provider %q", name)
	own, _ := c.customNames() // a directory that cannot be read only costs suggestions
	var quoted []string
	for _, s := range suggestions(string(name), append(own, bundledNames()...)) {
		quoted = append(quoted, string(s))
	}
	if len(quoted) > 0 {
		message += "; did you mean " + orList(quoted) + "?"
	}
	return &authsome.Error{
		Kind:    authsome.KindProviderNotFound,
		Ref:     authsome.Ref{Provider: name},
		Message: message,
		Hint:    "authsome list",
	}
}

// Stamp returns a value that differs from those before when one of the user's own definitions has been written. It is cheap.
func (c *Catalogue) Stamp() string {
	if c.dir == "" {
		return ""
	}
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return ""
	}
	var b strings.Builder
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			fmt.Fprintf(&b, "%s %d %d\n", e.Name(), info.Size(), info.ModTime().UnixNano())
		}
	}
	return b.String()
}
