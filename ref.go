package authsome

import (
	"fmt"
	"strings"
)

// ProviderName is the short name of a provider definition, such as "github". It is the definition's file name too, so
// definitions may use lowercase letters, digits, '-', '_' and '.' only.
type ProviderName string

// ConnectionName names one of the logins a profile has at a provider.
type ConnectionName string

// ProfileName names a namespace of connections and registrations.
type ProfileName string

// What an unnamed profile and an unnamed connection are called.
const (
	DefaultProfile    ProfileName    = "default"
	DefaultConnection ConnectionName = "default"
)

// maxNameLength bounds every name, in bytes, so that a name can be part of a file name on every system.
const maxNameLength = 64

// Validate reports whether the name can be used; its error says which rule it breaks.
func (n ProviderName) Validate() error { return validateName("provider name", string(n)) }

// Validate reports whether the name can be used; its error says which rule it breaks.
func (n ConnectionName) Validate() error { return validateName("connection name", string(n)) }

// Validate reports whether the name can be used; its error says which rule it breaks.
func (n ProfileName) Validate() error { return validateName("profile name", string(n)) }

// Ref names one connection. An empty Profile means [DefaultProfile]; an empty Connection means the connection that the
// profile has chosen as its default for the provider, which is [DefaultConnection] unless set otherwise.
type Ref struct {
	Profile    ProfileName    `json:"profile"`
	Provider   ProviderName   `json:"provider"`
	Connection ConnectionName `json:"connection"`
}

// String returns the form people read: the provider with the connection in parentheses, as in "github (default)".
func (r Ref) String() string {
	c := r.Connection
	if c == "" {
		c = DefaultConnection
	}
	return fmt.Sprintf("%s (%s)", r.Provider, c)
}

// Validate checks the names of a Ref. Profile and Connection may be empty, Provider may not.
func (r Ref) Validate() error {
	if err := r.Provider.Validate(); err != nil {
		return err
	}
	if r.Profile != "" {
		if err := r.Profile.Validate(); err != nil {
			return err
		}
	}
	if r.Connection != "" {
		return r.Connection.Validate()
	}
	return nil
}

// validateName allows what can be a file name, a key of the vault and a word of a shell without quoting. Connection
// names are often e-mail addresses, hence '@' and '+' inside.
func validateName(what, s string) error {
	invalid := func(why string) error {
		return &Error{
			Kind:    KindUsage,
			Message: fmt.Sprintf("invalid %s %q: %s", what, s, why),
			Hint:    "use letters, digits, '-', '_', '.', '@' or '+', starting with a letter or digit",
		}
	}
	switch {
	case s == "":
		return invalid("it is empty")
	case len(s) > maxNameLength:
		return invalid(fmt.Sprintf("it is longer than %d bytes", maxNameLength))
	case !isAlphanumeric(rune(s[0])):
		return invalid("it does not start with a letter or digit")
	}
	for _, r := range s {
		if !isAlphanumeric(r) && !strings.ContainsRune("-_.@+", r) {
			return invalid(fmt.Sprintf("%q is not allowed in it", r))
		}
	}
	return nil
}

func isAlphanumeric(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}
