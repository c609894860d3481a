package http1

import (
	"net/textproto"
	"strings"
	"testing"
)

func TestHasControl(t *testing.T) {
	t.Parallel()
	const around = "0123456789abcdefä"
	for c := range 256 {
		want := c < ' ' && c != '\t' || c == 0x7f
		for at := range len(around) {
			s := around[:at] + string([]byte{byte(c)}) + around[at:]
			if hasControl(s) != want {
				t.Fatalf("hasControl(%q) = %t", s, !want)
			}
		}
	}
	if tabs := "\t\t\t\t\t\t\t\t\t\t\t\t\x01"; !hasControl(tabs) || hasControl(tabs[:12]) {
		t.Error("tabs are allowed, and hide nothing")
	}
}

// Attack 40: a head of a megabyte has room for more fields than a head has any use for, each of which takes its own memory.
func TestFieldsAreBoundedInNumber(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]bool{1: true, maxFields: true, maxFields + 1: false, 100_000: false} {
		var f fields
		if _, err := parseFields(strings.Repeat("A:\r\n", n)+"\r\n", &f); (err == nil) != want {
			t.Errorf("%d fields: %v", n, err)
		}
	}
}

// FuzzCutName compares with a search for the colon and the rules of net/textproto.
func FuzzCutName(f *testing.F) {
	for _, line := range []string{
		"Host: a", "accept-encoding: b", "X-API-Key:c", "A", "", ":", ": x", "A b: c", "A : b", "x--y-: z", "Ä: ü", "a_1-B: c", "!#$%&'*+-.^_`|~: v",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		wantName, wantValue, wantOK := strings.Cut(line, ":")
		if wantOK = wantOK && isToken(wantName); wantOK {
			wantName = textproto.CanonicalMIMEHeaderKey(wantName)
		} else {
			wantName, wantValue = "", ""
		}
		name, value, ok := cutName(line)
		if name != wantName || value != wantValue || ok != wantOK {
			t.Errorf("cutName(%q) = %q, %q, %t; want %q, %q, %t", line, name, value, ok, wantName, wantValue, wantOK)
		}
	})
}
