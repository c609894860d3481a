package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/tidwall/jsonc"

	"authsome/internal/jsonfault"
)

// ParseFile reads what a project's file says: a JSON object, comments allowed, with the members connections, only, allow,
// deny, read_only, unmatched and rate. A member of another name is an error: it could be a restriction that somebody relies on.
// name stands for the file in errors and in the places of the entries.
func ParseFile(name string, data []byte) (Options, error) {
	p := &fileParser{name: name, data: jsonc.ToJSON(data)} // of the same length, so that lines stay where they are
	p.dec = json.NewDecoder(bytes.NewReader(p.data))
	o, err := p.document()
	if err != nil {
		return Options{}, fmt.Errorf("%s: %w", p.place(), err)
	}
	return o, nil
}

type fileParser struct {
	name string
	data []byte
	dec  *json.Decoder
}

// place says where the parser is: after the last token, which has no line break in it.
func (p *fileParser) place() string {
	return fmt.Sprintf("%s:%d", p.name, 1+bytes.Count(p.data[:p.dec.InputOffset()], []byte("\n")))
}

func (p *fileParser) token() (json.Token, error) {
	t, err := p.dec.Token()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errors.New("the file ends too early")
	}
	if malformed, ok := errors.AsType[*json.SyntaxError](err); ok {
		return nil, errors.New(jsonfault.Syntax(malformed))
	}
	return t, err
}

func (p *fileParser) document() (Options, error) {
	var o Options
	switch t, err := p.token(); {
	case err != nil:
		return o, fmt.Errorf("it is to be a JSON object: %w", err)
	case t != json.Delim('{'):
		return o, errors.New("it is to be a JSON object")
	}
	seen := make(map[string]bool)
	for p.dec.More() {
		t, err := p.token()
		if err != nil {
			return o, err
		}
		name, _ := t.(string)
		if seen[name] {
			return o, fmt.Errorf("%q occurs twice", name)
		}
		seen[name] = true
		if err := p.member(&o, name); err != nil {
			return o, err
		}
	}
	if _, err := p.token(); err != nil {
		return o, err
	}
	if _, err := p.dec.Token(); !errors.Is(err, io.EOF) {
		return o, errors.New("something follows the object")
	}
	return o, nil
}

// member reads the value of one member.
func (p *fileParser) member(o *Options, name string) error {
	var err error
	switch name {
	case "$schema":
		_, err = p.entry(name)
	case "connections":
		o.Connections, err = p.entries(name)
	case "only":
		o.Only, err = p.entries(name)
	case "allow":
		o.Allow, err = p.entries(name)
	case "deny":
		o.Deny, err = p.entries(name)
	case "rate":
		o.Rates, err = p.entries(name)
	case "unmatched":
		o.Unmatched, err = p.entry(name)
	case "read_only":
		var t json.Token
		if t, err = p.token(); err != nil {
			return err
		}
		on, ok := t.(bool)
		if !ok {
			return fmt.Errorf("%s is true or false", name)
		}
		if on {
			o.ReadOnly = p.place()
		}
	default:
		return fmt.Errorf("%q is not known; there are connections, only, allow, deny, read_only, unmatched and rate", name)
	}
	return err
}

func (p *fileParser) entry(name string) (Entry, error) {
	t, err := p.token()
	if err != nil {
		return Entry{}, err
	}
	s, ok := t.(string)
	if !ok || s == "" {
		return Entry{}, fmt.Errorf("%s is a string", name)
	}
	return Entry{s, p.place()}, nil
}

// entries reads a string, or an array of strings. An empty array would look like a restriction, or like none.
func (p *fileParser) entries(name string) ([]Entry, error) {
	t, err := p.token()
	if err != nil {
		return nil, err
	}
	if s, ok := t.(string); ok && s != "" {
		return []Entry{{s, p.place()}}, nil
	}
	if t != json.Delim('[') {
		return nil, fmt.Errorf("%s is a string, or an array of strings", name)
	}
	var all []Entry
	for p.dec.More() {
		e, err := p.entry(name)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s is empty: leave it out, or name something", name)
	}
	_, err = p.token()
	return all, err
}
