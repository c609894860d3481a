package provider

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"authsome"
	"authsome/internal/atomicfile"
)

// Register validates a definition and stores it byte for byte, comments and unknown members included, among the user's
// own. Without replace it fails with [authsome.KindUsage] when there is a definition of that name, bundled or custom:
// what hides a bundled one decides where its credentials go. A definition that is not valid fails with a
// [*ValidationError].
func (c *Catalogue) Register(doc []byte, replace bool) (*authsome.Provider, error) {
	p, err := Parse(doc)
	if err != nil {
		return nil, err
	}
	if !replace {
		if err := c.mustBeNew(p.Name); err != nil {
			return nil, err
		}
	}
	if err := atomicfile.WriteFile(c.path(p.Name), doc); err != nil {
		return nil, fmt.Errorf("store the definition of %s: %w", p.Name, err)
	}
	p.Source = authsome.SourceCustom
	return p, nil
}

// Unregister deletes one of the user's definitions, broken or not, and reports whether there was one. A bundled one
// that it had hidden shows again.
func (c *Catalogue) Unregister(name authsome.ProviderName) (bool, error) {
	if err := name.Validate(); err != nil {
		return false, err
	}
	err := os.Remove(c.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("delete the definition of %s: %w", name, err)
	}
	return true, nil
}

func (c *Catalogue) mustBeNew(name authsome.ProviderName) error {
	what := ""
	if _, err := os.Lstat(c.path(name)); err == nil {
		what = "registered"
	} else if slices.Contains(bundledNames(), name) {
		what = "bundled"
	}
	if what == "" {
		return nil
	}
	return &authsome.Error{
		Kind:    authsome.KindUsage,
		Ref:     authsome.Ref{Provider: name},
		Message: fmt.Sprintf("a provider %s is %s already", name, what),
		Hint:    "repeat the command with --force to use the new definition in its place",
	}
}
