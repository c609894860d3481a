package oauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/url"
	"strconv"
	"strings"
)

// members are the members of a JSON object, or the parameters of a form.
type members map[string]any

// text returns a member that is a string, and nothing for any other.
func (m members) text(name string) string {
	s, _ := m[name].(string)
	return s
}

// firstText returns the first of the named members that is a string and not empty.
func (m members) firstText(names ...string) string {
	for _, name := range names {
		if s := m.text(name); s != "" {
			return s
		}
	}
	return ""
}

// texts returns a member that is an array of strings.
func (m members) texts(name string) []string {
	array, _ := m[name].([]any)
	var all []string
	for _, v := range array {
		if s, ok := v.(string); ok {
			all = append(all, s)
		}
	}
	return all
}

// at returns the object at a path, see follow.
func (m members) at(path string) (members, bool) {
	object, ok := m.follow(path).(map[string]any)
	return object, ok
}

// follow returns what is at a path of member names separated by dots, where a number stands for an element of an array; nil
// if there is nothing.
func (m members) follow(path string) any {
	var v any = map[string]any(m)
	for name := range strings.SplitSeq(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

// mediaType returns the type the answer claims to have. It is not what decides how it is read.
func (a *answer) mediaType() string {
	t, _, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return t
}

// decode reads an answer by what it looks like: servers send JSON as text/html and forms as text/plain.
func (a *answer) decode() (members, error) {
	if a.readErr != nil {
		return nil, fmt.Errorf("read answer: %w", a.readErr)
	}
	body := bytes.TrimSpace(bytes.TrimPrefix(a.body, []byte("\ufeff")))
	if len(body) > 0 && body[0] == '{' {
		return decodeJSON(body)
	}
	return decodeForm(string(body))
}

func decodeJSON(body []byte) (members, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var m members
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("decode answer: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("decode answer: something follows the object")
	}
	return m, nil
}

// decodeForm takes nothing for a form but what holds a token, a device code or an error.
func decodeForm(body string) (members, error) {
	v, err := url.ParseQuery(body)
	if err != nil || !v.Has("access_token") && !v.Has("device_code") && !v.Has("error") {
		return nil, errors.New("decode answer: neither JSON nor a form")
	}
	m := make(members, len(v))
	for name, values := range v {
		m[name] = values[0]
	}
	return m, nil
}
