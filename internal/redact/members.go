package redact

import (
	"slices"
	"strings"
)

// credentialNames are what APIs call a fresh credential in JSON and XML, in lower case without '-' and '_'.
var credentialNames = [...]string{
	"accesstoken", "refreshtoken", "idtoken", "clientsecret", "secret", "secretaccesskey", "sessiontoken", "privatekey",
	"privatekeydata", "apikey", "apitoken", "token", "value", "key", "keystring", "password", "pem", "webhooksecret", "encodedjitconfig",
	"secretkey", "plaintextkey", "clientsecretvalue", "secrettext",
}

// Members covers the values of members, or elements, that hold a fresh credential, in JSON or XML. It keeps its place
// between calls, holds nothing back and never changes a length. The zero Members looks at JSON, at any depth.
type Members struct {
	XML      bool     // it is XML
	Only     []string // only members of these names, in lower case without '-' and '_'; nil: all that are known
	TopLevel bool     // only the members access_token and refresh_token of the outermost object, RFC 6749 section 5.1

	hits    int
	depth   int
	objects []bool // whether what is open at each depth is an object
	name    []byte
	quoted  bool // within a string, or in XML within a tag
	escaped bool
	isName  bool // the string, if it is followed by a colon, is a name
	hide    bool // the next value, or the text now, is covered
	covered bool // something of the value has been
}

// Hits returns how many values have been covered.
func (m *Members) Hits() int { return m.hits }

// Covering reports whether the next part begins within a value that is covered.
func (m *Members) Covering() bool { return m.hide }

// Cover covers what has to be in the next part of a document.
func (m *Members) Cover(p []byte) {
	if m.XML {
		m.coverXML(p)
		return
	}
	for i, c := range p {
		switch {
		case m.quoted:
			m.inString(p, i, c)
		case c == '"':
			m.quoted, m.covered = true, false
			m.isName = m.isObject() && !m.hide && m.name == nil
			if m.isName {
				m.name = make([]byte, 0, 32)
			}
		case c == ':':
			m.hide = m.isCredential()
		case c == '{' || c == '[':
			m.open(c == '{')
		case c == '}' || c == ']':
			m.depth = max(0, m.depth-1)
			m.objects = m.objects[:min(m.depth, len(m.objects))]
			m.next()
		case c == ',':
			m.next()
		case m.hide && c >= '1' && c <= '9':
			p[i] = '1' // a credential that is a number: not 0, with which no number begins
		}
	}
}

// maxDepth bounds what is remembered of a document's structure; what is deeper is taken for lists.
const maxDepth = 1 << 12

func (m *Members) open(object bool) {
	if m.depth < maxDepth {
		m.objects = append(m.objects[:min(m.depth, len(m.objects))], object)
	}
	m.depth++
	m.name, m.hide = nil, m.hide && !object
}

func (m *Members) isObject() bool {
	return m.depth > 0 && m.depth <= len(m.objects) && m.objects[m.depth-1]
}

// next is called before the next member or element.
func (m *Members) next() {
	if m.isObject() || m.depth == 0 {
		m.name, m.hide = nil, false
	}
}

func (m *Members) inString(p []byte, i int, c byte) {
	switch {
	case m.escaped:
		m.escaped = false
	case c == '\\':
		m.escaped = true
	case c == '"':
		m.quoted = false
		if m.covered {
			m.hits++
		}
		return
	}
	switch {
	case m.isName:
		m.keep(c)
	case m.hide:
		p[i], m.covered = '*', true
	}
}

func (m *Members) keep(c byte) {
	if len(m.name) < 64 && c != '_' && c != '-' {
		m.name = append(m.name, c)
	}
}

func (m *Members) isCredential() bool {
	name := strings.ToLower(string(m.name))
	if m.TopLevel {
		return m.depth == 1 && (name == "accesstoken" || name == "refreshtoken")
	}
	if m.Only != nil {
		return slices.Contains(m.Only, name)
	}
	for _, n := range credentialNames {
		if name == n {
			return true
		}
	}
	return false
}

func (m *Members) coverXML(p []byte) {
	for i, c := range p {
		switch {
		case c == '<':
			if m.covered {
				m.hits++
			}
			m.quoted, m.isName, m.hide, m.covered, m.name = true, true, false, false, m.name[:0]
		case m.quoted && c == '>':
			m.quoted, m.hide = false, m.isCredential()
		case m.quoted && (c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			m.isName = false
		case m.quoted && c == ':' && m.isName: // a prefix of namespaces
			m.name = m.name[:0]
		case m.quoted && m.isName:
			m.keep(c)
		case m.hide && c > ' ':
			p[i], m.covered = '*', true
		}
	}
}
