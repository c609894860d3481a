// Package leanjson decodes the JSON that this program has written itself: the records of the vault and the bundled
// definitions; and that of others as far as it is spelled as ours. Use [Decode].
//
// It exists for a command that decodes two documents and ends. Before it reads the first byte, encoding/json works out
// how to decode, and to encode, every type within the type that it is given; for a definition this takes ten times as
// long as to read one. This package looks at a field when it meets its member. What it decodes, it decodes as
// encoding/json does. A name that differs from a field's by case only, which encoding/json takes for it, is refused.
package leanjson

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// Decode decodes an object into the struct that out points to, and returns the members that the struct has no field for,
// nil if there are none. Unknown members further inside are dropped.
func Decode(doc []byte, out any) (unknown map[string]json.RawMessage, err error) {
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	if err := expect(d, json.Delim('{')); err != nil {
		return nil, err
	}
	unknown, err = decodeStruct(d, reflect.ValueOf(out).Elem())
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is something behind the document")
	}
	return unknown, nil
}

func expect(d *json.Decoder, want json.Delim) error {
	t, err := d.Token()
	if err == nil && t != want {
		err = fmt.Errorf("there is %v in place of %v", t, want)
	}
	return noEOF(err)
}

// noEOF makes an error of the end of a document in its middle.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// decodeStruct reads the members of an object that has been opened.
func decodeStruct(d *json.Decoder, into reflect.Value) (unknown map[string]json.RawMessage, err error) {
	fields := fieldsOf(into.Type())
	for d.More() {
		name, err := memberName(d)
		if err != nil {
			return nil, err
		}
		field, err := fields.find(name)
		if err != nil {
			return nil, err
		}
		if field >= 0 {
			if err := decodeValue(d, into.Field(field)); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			continue
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, noEOF(err)
		}
		if unknown == nil {
			unknown = make(map[string]json.RawMessage)
		}
		unknown[name] = raw
	}
	return unknown, expect(d, json.Delim('}'))
}

func memberName(d *json.Decoder) (string, error) {
	t, err := d.Token()
	if err != nil {
		return "", noEOF(err)
	}
	name, _ := t.(string) // a name, or the decoder would have refused it
	return name, nil
}

// fields are the fields of a struct, in its order.
type fields []field

type field struct {
	member string // whose value it takes; the field's own name without a tag, "-" for none
	tagged bool
}

func fieldsOf(t reflect.Type) fields {
	all := make(fields, t.NumField())
	for i := range all {
		f := t.Field(i)
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		all[i] = field{member: cmp.Or(tag, f.Name), tagged: tag != ""}
	}
	return all
}

// find returns the index of a member's field, -1 where there is none. A field without a tag is none.
func (all fields) find(name string) (int, error) {
	for i, f := range all {
		if f.member == name && f.tagged && name != "-" {
			return i, nil
		}
	}
	for _, f := range all {
		if strings.EqualFold(f.member, name) && f.member != "-" {
			return 0, fmt.Errorf("the name %q is spelled otherwise, %q", name, f.member)
		}
	}
	return -1, nil
}

// decodeValue reads the value that comes next. Types that decode themselves do so, and null changes nothing.
func decodeValue(d *json.Decoder, into reflect.Value) error {
	if decodesItself(into.Interface()) || decodesItself(into.Addr().Interface()) {
		return noEOF(d.Decode(into.Addr().Interface()))
	}
	t, err := d.Token()
	if err != nil {
		return noEOF(err)
	}
	if t != nil && into.Kind() == reflect.Pointer {
		if into.IsNil() {
			into.Set(reflect.New(into.Type().Elem()))
		}
		into = into.Elem()
	}
	switch t := t.(type) {
	case json.Delim:
		return decodeComposite(d, t, into)
	case string:
		if into.Kind() == reflect.String {
			into.SetString(t)
			return nil
		}
	case bool:
		if into.Kind() == reflect.Bool {
			into.SetBool(t)
			return nil
		}
	case json.Number:
		return decodeNumber(t, into)
	case nil:
		return nil
	}
	return fmt.Errorf("there is a %T in place of a %s", t, into.Type())
}

func decodesItself(v any) bool {
	_, ok := v.(json.Unmarshaler)
	return ok
}

func decodeNumber(n json.Number, into reflect.Value) error {
	// An integer of any kind, and nothing that it has no room for.
	if !into.CanInt() && !into.CanUint() {
		return fmt.Errorf("there is a number in place of a %s", into.Type())
	}
	return json.Unmarshal([]byte(n), into.Addr().Interface())
}

func decodeComposite(d *json.Decoder, opened json.Delim, into reflect.Value) error {
	switch {
	case opened == '{' && into.Kind() == reflect.Struct:
		_, err := decodeStruct(d, into)
		return err
	case opened == '{' && into.Kind() == reflect.Map && into.Type().Key().Kind() == reflect.String:
		return decodeMap(d, into)
	case opened == '[' && into.Kind() == reflect.Slice:
		return decodeSlice(d, into)
	}
	return fmt.Errorf("there is %v in place of a %s", opened, into.Type())
}

func decodeMap(d *json.Decoder, into reflect.Value) error {
	if into.IsNil() {
		into.Set(reflect.MakeMap(into.Type()))
	}
	for d.More() {
		name, err := memberName(d)
		if err != nil {
			return err
		}
		value := reflect.New(into.Type().Elem()).Elem()
		if err := decodeValue(d, value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		into.SetMapIndex(reflect.ValueOf(name).Convert(into.Type().Key()), value)
	}
	return expect(d, json.Delim('}'))
}

func decodeSlice(d *json.Decoder, into reflect.Value) error {
	all := reflect.MakeSlice(into.Type(), 0, 0)
	for d.More() {
		value := reflect.New(into.Type().Elem()).Elem()
		if err := decodeValue(d, value); err != nil {
			return err
		}
		all = reflect.Append(all, value)
	}
	into.Set(all)
	return expect(d, json.Delim(']'))
}
