package authsome

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Injection says how a credential is put on a request. In a template, {NAME} stands for the field of that name, such as
// {api_key} or {username}. The main value goes to Header with Prefix before it, unless a template mentions it and Header
// is empty.
type Injection struct {
	Header  string            `json:"header,omitempty"`  // the header field; "Authorization" if empty
	Prefix  string            `json:"prefix,omitempty"`  // what precedes the value, such as "Bearer "
	Headers map[string]string `json:"headers,omitempty"` // further fields the API demands: fixed ones, or templates
	// Defaults are fields for requests that lack them, such as the API's version.
	Defaults map[string]string `json:"defaults,omitempty"`
	Query    map[string]string `json:"query,omitempty"` // parameters of the URL's query: templates
	// User and Password are templates of the halves of HTTP Basic credentials (RFC 7617), where a key travels as those.
	User     string `json:"user,omitempty"`
	Password string `json:"password,omitempty"`
	// Service and Region are what AWS Signature Version 4 signs for where a request does not say.
	Service string `json:"service,omitempty"`
	Region  string `json:"region,omitempty"`
	// Basic is set where the value is one half of HTTP Basic credentials whose other half is empty (RFC 7617).
	Basic BasicPart `json:"basic,omitempty"`
}

// BasicPart is one half of HTTP Basic credentials, RFC 7617 section 2.
type BasicPart string

// The halves of Basic credentials.
const (
	BasicUser     BasicPart = "user"
	BasicPassword BasicPart = "password"
)

// Templates returns every template of the injection.
func (i Injection) Templates() []string {
	all := slices.Concat(slices.Sorted(maps.Values(i.Headers)), slices.Sorted(maps.Values(i.Query)))
	return append(all, i.User, i.Password)
}

// Mentions reports whether a template stands for the field.
func (i Injection) Mentions(name FieldName) bool {
	return slices.ContainsFunc(i.Templates(), func(t string) bool { return strings.Contains(t, "{"+string(name)+"}") })
}

// TemplateFields returns the names that a template has in braces. It fails when a brace has no partner.
func TemplateFields(template string) ([]FieldName, error) {
	var names []FieldName
	rest := template
	for {
		before, after, found := strings.Cut(rest, "{")
		if strings.Contains(before, "}") {
			return nil, errors.New("a brace is closed that was not opened")
		}
		if !found {
			return names, nil
		}
		name, behind, closed := strings.Cut(after, "}")
		if !closed || name == "" || strings.Contains(name, "{") {
			return nil, errors.New("a brace is not closed, or there is no name in it")
		}
		names = append(names, FieldName(name))
		rest = behind
	}
}

// SecretField returns the name of the main value of a kind of credential.
func (t AuthType) SecretField() FieldName {
	switch t {
	case AuthTypeAPIKey:
		return FieldAPIKey
	case AuthTypeBasic:
		return FieldPassword
	case AuthTypeSigV4:
		return FieldSecretAccessKey
	default:
		return FieldAccessToken
	}
}

// fill puts the credential's values into a template.
func (c *Credential) fill(template string) (string, error) {
	names, err := TemplateFields(template)
	if err != nil {
		return "", err
	}
	var pairs []string // replaced in one pass: a value may look like a template
	for _, name := range names {
		value := c.Fields[name]
		if name == c.AuthType.SecretField() {
			value = c.Value
		}
		if value.IsZero() {
			return "", fmt.Errorf("it has no value %s", name)
		}
		pairs = append(pairs, "{"+string(name)+"}", value.Reveal())
	}
	return strings.NewReplacer(pairs...).Replace(template), nil
}

// header returns the fields that the injection sets, by their canonical names.
func (c *Credential) header() (http.Header, error) {
	h := make(http.Header)
	for name, template := range c.Inject.Headers {
		value, err := c.fill(template)
		if err != nil {
			return nil, err
		}
		h.Set(name, value)
	}
	field := c.Inject.Header
	switch {
	case c.Inject.User != "" || c.Inject.Password != "":
		value, err := c.basic()
		if err != nil {
			return nil, err
		}
		h.Set("Authorization", value)
	case field == "" && c.Inject.Mentions(c.AuthType.SecretField()):
	default:
		if field == "" {
			field = "Authorization"
		}
		h.Set(field, c.Inject.Prefix+c.Inject.render(c.Value.Reveal()))
	}
	return h, nil
}

// basic returns Basic credentials of the two templates. RFC 7617 section 2: a user has no colon, or the server would
// take part of it for the password.
func (c *Credential) basic() (string, error) {
	user, err := c.fill(c.Inject.User)
	if err != nil {
		return "", err
	}
	password, err := c.fill(c.Inject.Password)
	if err != nil {
		return "", err
	}
	if strings.Contains(user, ":") {
		return "", errors.New("a user name must not have a colon in it")
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password)), nil
}

// render returns what follows the prefix for a value.
func (i Injection) render(value string) string {
	switch i.Basic {
	case BasicUser:
		return base64.StdEncoding.EncodeToString([]byte(value + ":"))
	case BasicPassword:
		return base64.StdEncoding.EncodeToString([]byte(":" + value))
	default:
		return value
	}
}

// setQuery puts parameters into the query of a URL, in place of any of the same names. What else is there stays byte for
// byte.
func (c *Credential) setQuery(u *url.URL) error {
	var parts []string
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		name, _, _ := strings.Cut(part, "=")
		if decoded, err := url.QueryUnescape(name); err == nil {
			name = decoded
		}
		if part != "" && !c.setsParameter(name) {
			parts = append(parts, part)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Inject.Query)) {
		value, err := c.fill(c.Inject.Query[name])
		if err != nil {
			return err
		}
		parts = append(parts, url.QueryEscape(name)+"="+url.QueryEscape(value))
	}
	u.RawQuery = strings.Join(parts, "&")
	return nil
}

func (c *Credential) setsParameter(name string) bool {
	for own := range c.Inject.Query {
		if strings.EqualFold(own, name) {
			return true
		}
	}
	return false
}
