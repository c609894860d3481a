package vault

import (
	"bytes"
	"errors"
	"testing"
)

func FuzzDecodeManifest(f *testing.F) {
	m := newManifest([]Row{{Key: "a", Version: 1, Sealed: []byte("1")}, {Key: "a/b", Version: 300, Sealed: []byte("2")}, {Key: "b", Version: 2}})
	f.Add(m.encode())
	f.Add((&manifest{}).encode())
	f.Add(m.encode()[:50])
	f.Add([]byte{2})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decodeManifest(b)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrNewer) {
				t.Fatalf("got %v", err)
			}
			return
		}
		again, err := decodeManifest(m.encode())
		if err != nil || !bytes.Equal(again.encode(), m.encode()) || len(again.entries) != len(m.entries) {
			t.Fatalf("what was read cannot be written and read again: %v", err)
		}
	})
}

func FuzzParseMark(f *testing.F) {
	f.Add((&manifest{}).markOf(7).encode())
	f.Add([]byte("authsome-mark-v1 7 x y"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		k := parseMark(append([]byte{}, b...))
		if !k.exists() {
			t.Fatal("what is there counts as missing")
		}
		m := &manifest{identity: [identitySize]byte{1}, generation: 1 << 62}
		if m.check(k) == nil {
			t.Fatal("somebody without the vault's secret has made its mark")
		}
		m.generation = 0
		if m.outran(k) != nil {
			t.Fatal("somebody without the vault's secret has raised an alarm")
		}
	})
}
