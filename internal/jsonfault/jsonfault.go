// Package jsonfault tells the person who has written a JSON document what is wrong with it. Use [Explain].
//
// What encoding/json says is about the program: the name of a type of Go, or what a scanner was looking for. What this package
// says is about the document: the line, the member, what belongs there, and what is there.
package jsonfault

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// Explain says what an error of [json.Unmarshal] means for the document that it was given. What else went wrong it says as the
// error does.
func Explain(doc []byte, err error) string {
	if mistyped, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		at := Locate(doc, mistyped)
		return fmt.Sprintf("line %d: %s must be %s, not %s", at.Line, at, Wanted(mistyped), Found(mistyped))
	}
	if malformed, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("line %d: %s", lineAt(doc, malformed.Offset-1), Syntax(malformed))
	}
	return err.Error()
}

// Syntax says what a document would have to be like to be JSON, without the place.
func Syntax(err *json.SyntaxError) string {
	text := err.Error()
	if text == "unexpected end of JSON input" {
		return "it ends too early"
	}
	rest, ok := strings.CutPrefix(text, "invalid character ")
	if !ok {
		return text
	}
	found, looking := rest, "looking for beginning of object key string" // the only place that a Decoder has no words for
	if end := strings.LastIndex(rest, "' "); end >= 0 {
		found, looking = rest[:end+1], rest[end+2:]
	}
	for _, e := range expectations() {
		if strings.HasPrefix(looking, e.looking) {
			return e.words + ", and there is " + found
		}
	}
	return text
}

// expectation is what the scanner was looking for where it met something else, in its words and in a person's.
type expectation struct{ looking, words string }

func expectations() []expectation {
	return []expectation{
		{"looking for beginning of object key string", "a name in double quotes belongs here"},
		{"looking for beginning of value", "a value belongs here"},
		{"after object key:value pair", "a comma or } belongs here"},
		{"after object key", "a colon belongs here"},
		{"after array element", "a comma or ] belongs here"},
		{"after top-level value", "nothing belongs behind the document"},
		{"in string literal", "a string ends on the line that it begins on, without control characters"},
		{"in string escape code", `a backslash in a string is written \\`},
		{`in \u hexadecimal character escape`, `four hexadecimal digits belong behind \u`},
		{"in literal", "a value is true, false, null, a number, or in double quotes"},
		{"in numeric literal", "the number is not complete"},
		{"after decimal point in numeric literal", "the number is not complete"},
		{"in exponent of numeric literal", "the number is not complete"},
	}
}

// Wanted says what belongs where a value has the wrong type.
func Wanted(err *json.UnmarshalTypeError) string {
	switch err.Type.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Map, reflect.Struct:
		return "an object"
	default:
		return "a whole number"
	}
}

// Found says what there is where a value has the wrong type. Of a string it does not say which.
func Found(err *json.UnmarshalTypeError) string {
	if number, ok := strings.CutPrefix(err.Value, "number "); ok {
		return number
	}
	switch err.Value {
	case "bool":
		return "true or false"
	case "array", "object":
		return "an " + err.Value
	default:
		return "a " + err.Value
	}
}
