package jsonfault

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Place is where something stands in a document.
type Place struct {
	Path string // names joined with dots, elements by their number, such as "hosts[1]"; empty for the document itself
	Line int    // counted from 1
}

// String returns the path.
func (p Place) String() string {
	if p.Path == "" {
		return "the document"
	}
	return p.Path
}

// Locate returns the place of the value that an error is about: the one below its field that is what it says was found, at its offset.
// Where a type decodes itself, which sees a part of the document only, the offset is no help: then it is the first one.
func Locate(doc []byte, err *json.UnmarshalTypeError) Place {
	for _, offset := range []int64{err.Offset, anywhere} {
		s := &search{dec: json.NewDecoder(bytes.NewReader(doc)), field: err.Field, value: err.Value, offset: offset}
		s.dec.UseNumber()
		if path, ok := s.next("", ""); ok {
			return Place{path, lineAt(doc, s.dec.InputOffset()-1)}
		}
	}
	return Place{err.Field, lineAt(doc, err.Offset-1)}
}

// lineAt returns the line of a byte, or of the nearest that there is.
func lineAt(doc []byte, offset int64) int {
	end := min(max(offset, 0), int64(len(doc)))
	return 1 + bytes.Count(doc[:end], []byte("\n"))
}

// search looks for a value in the order of the document.
type search struct {
	dec   *json.Decoder
	field string // as in [json.UnmarshalTypeError]: names joined with dots; elements and the keys of maps are left out
	value string // as there
	// offset is where the value ends, or an object or array has just begun; [anywhere] if that is not known.
	offset int64
	failed bool // what is left cannot be read
}

const anywhere = -1

// next reads the value that comes next, whose place is path, and field without elements. It stops at the one that is sought.
func (s *search) next(path, field string) (found string, ok bool) {
	token, err := s.dec.Token()
	if s.failed = err != nil; s.failed {
		return "", false
	}
	if s.isSought(token, field) {
		return path, true
	}
	switch token {
	case json.Delim('{'):
		for s.more() {
			name, err := s.dec.Token()
			if err != nil {
				return "", false
			}
			if found, ok = s.next(join(path, name), join(field, name)); ok {
				return found, true
			}
		}
	case json.Delim('['):
		for i := 0; s.more(); i++ {
			if found, ok = s.next(fmt.Sprintf("%s[%d]", path, i), field); ok {
				return found, true
			}
		}
	default:
		return "", false
	}
	_, _ = s.dec.Token() // the end of it; without one, what follows fails as well
	return "", false
}

// more reports whether the object or array that was begun has another element.
func (s *search) more() bool { return !s.failed && s.dec.More() }

func join(path string, name json.Token) string {
	if path == "" {
		return fmt.Sprint(name)
	}
	return fmt.Sprint(path, ".", name)
}

// isSought reports whether a value is at the field, or in a map or an array there, and is what was found.
func (s *search) isSought(token json.Token, field string) bool {
	if s.offset != anywhere && s.offset != s.dec.InputOffset() {
		return false
	}
	below := s.field == "" || len(field) > len(s.field) && field[len(s.field)] == '.'
	if !strings.EqualFold(field, s.field) && (!below || !strings.EqualFold(field[:len(s.field)], s.field)) {
		return false
	}
	switch t := token.(type) {
	case json.Delim:
		return t == '{' && s.value == "object" || t == '[' && s.value == "array"
	case string:
		return s.value == "string"
	case bool:
		return s.value == "bool"
	case json.Number:
		return s.value == "number" || s.value == "number "+t.String()
	default:
		return false
	}
}
