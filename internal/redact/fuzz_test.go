package redact

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzInteractive holds what a [Reader] promises that waits for nothing: of a secret no more than its first three bytes leave, and
// everything else passes as it is.
func FuzzInteractive(f *testing.F) {
	f.Add("secret-value-12345", "second!", "a @0 b @1@2#3", []byte{3, 1, 7})
	f.Add("aaaaaaaa", "aaaaaab", "aaaaaaaaaaaaaaaaaaaab aaaaaaaabaaaaaaa", []byte{1})
	f.Add("abcabcab", "bcabcabcab", "@0cabcab@1@0", []byte{5, 2})
	f.Add("abcdefgh", "defghijkl", "abcdefghijkl", []byte{4})
	f.Fuzz(func(t *testing.T, one, two, body string, plan []byte) {
		set := setOf(one, two)
		if len(one)+len(two) > 300 || len(body) > 4000 || set == nil {
			return
		}
		if strings.IndexByte(strings.Join(set.tails, ""), set.filler) >= 0 {
			return
		}
		text := []byte(expand(body, set))
		pieces := &cut{src: bytes.NewReader(text), plan: plan}
		r := NewReader(pieces, liveOf(set))
		r.Interactive()
		got, err := readCut(r, pieces)
		if err != nil || len(got) != len(text) {
			t.Fatalf("%d bytes of %d, %v", len(got), len(text), err)
		}
		strict := slow(set, text)
		for i := range got {
			if got[i] != strict[i] && got[i] != text[i] {
				t.Fatalf("byte %d of %q became %q, %q", i, text, got, strict)
			}
		}
		for i := range text {
			for _, form := range set.tails {
				if bytes.HasPrefix(text[i:], []byte(form)) && bytes.Contains(got[i+promptly:i+len(form)], []byte(form[promptly:])) {
					t.Fatalf("%q came through in %q", form, got)
				}
			}
		}
	})
}

// FuzzFinder: pieces make no difference, and what is found is there.
func FuzzFinder(f *testing.F) {
	f.Add("secret-value-12345", "a secret-value-12345", []byte{3, 1, 7})
	f.Add("aaaaaaab", "aaaaaaaaaaaaaaab", []byte{1})
	f.Add("abcabcabd", "abcabcabcabd", []byte{4, 5})
	f.Fuzz(func(t *testing.T, form, body string, plan []byte) {
		set := New([]string{form})
		if set == nil {
			return
		}
		finder := set.Finder()
		found := 0
		c := &cut{plan: plan}
		for rest := []byte(body); len(rest) > 0; {
			n := min(c.size(), len(rest))
			if finder.Find(rest[:n]) {
				found++
			}
			rest = rest[n:]
		}
		if want := strings.Contains(body, form); found > 1 || (found == 1) != want {
			t.Fatalf("%q was found %d times in %q", form, found, body)
		}
	})
}

func TestNamesAreRecognisedInEveryCase(t *testing.T) {
	t.Parallel()
	set := setOf("ghp_abcdefghij")
	for name, want := range map[string]bool{
		"X-GHP_abcdefGHIJ-X": true, "Ghp_Abcdefghij": true, "X-Ghp_Abcdefghi": false, "Content-Length": false,
	} {
		if got := set.In(name); got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
