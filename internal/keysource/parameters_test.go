package keysource

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"testing"

	"golang.org/x/crypto/argon2"

	"authsome"
	"authsome/vault"
)

// What an envelope says can be forged by whoever can write the file. Whatever it asks for, no more than a gibibyte is ever
// allocated for a key derivation, nor more work done than for a hundred passes over what calibrate takes at most.
func FuzzPassphraseParameters(f *testing.F) {
	for _, seed := range []string{
		`{"kdf":"argon2id","salt":"AAAAAAAAAAAAAAAAAAAAAA==","passes":3,"memory_kib":65536,"lanes":4}`,
		`{"kdf":"argon2id","salt":"AAAAAAAAAAAAAAAAAAAAAA==","passes":1,"memory_kib":4194304,"lanes":4}`,
		`{"kdf":"argon2id","salt":"AAAAAAAAAAAAAAAAAAAAAA==","passes":1000,"memory_kib":262144,"lanes":4}`,
		`{"kdf":"argon2id","salt":"AAAAAAAAAAAAAAAAAAAAAA==","passes":33,"memory_kib":1048576,"lanes":4}`,
		`{"kdf":"argon2id","salt":"` + base64.StdEncoding.EncodeToString(make([]byte, 65)) + `","passes":3,"memory_kib":65536,"lanes":4}`,
		`{"kdf":"argon2id","salt":"AAAAAAAAAAAAAAAAAAAAAA==","passes":4294967295,"memory_kib":4294967295,"lanes":255}`,
		`{"kdf":"argon2id","salt":"AAAAAAAAAAAAAAAAAAAAAA==","passes":-1,"memory_kib":1e99,"lanes":0}`,
		`{"kdf":"scrypt"}`, `{}`, `null`, `[]`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, params []byte) {
		derived := false
		set, err := New(Options{Passphrase: authsome.NewSecret("a passphrase"), derive: func(_ []byte, p passphraseParameters) []byte {
			derived = true
			if p.KDF != "argon2id" || p.Memory > 1<<20 || uint64(p.Passes)*uint64(p.Memory) > 32<<20 || p.Passes == 0 ||
				p.Lanes == 0 || p.Memory < 8*uint32(p.Lanes) || len(p.Salt) < 8 || len(p.Salt) > 64 {
				t.Errorf("%s is derived with", params)
			}
			return make([]byte, KeySize)
		}})
		if err != nil {
			t.Fatal(err)
		}
		source, err := set.Choose(vault.Envelope{Format: 2, KeySource: string(Passphrase), Parameters: params, Wrapped: []byte("no key")})
		if err == nil {
			_, err = source.Unwrap(t.Context(), []byte("no key"))
		}
		if err == nil || !derived && !errors.Is(err, vault.ErrCorrupt) && !errors.Is(err, vault.ErrNewer) {
			t.Errorf("%s: derived %t, error %v", params, derived, err)
		}
	})
}

// The parameters of the other sources name programs, files and services. Choosing one starts and reads nothing, and what
// cannot be understood is refused as damaged.
func FuzzSourceParameters(f *testing.F) {
	kinds := []Kind{FileKind, EnvKind, Keyring, Passphrase, Command, Age, Credential, KMS, "unknown"}
	for i, seed := range []string{
		``, `{}`, `{"service":"a","user":"b"}`, `{"salt":7}`, `{"command":[]}`, `{"identity":"/dev/zero"}`, `null`, `{"key":"x"}`, `[]`,
	} {
		f.Add(byte(i), []byte(seed))
	}
	f.Fuzz(func(t *testing.T, kind byte, params []byte) {
		set, err := New(Options{KeyFile: "no-such-directory/master.key"})
		if err != nil {
			t.Fatal(err)
		}
		e := vault.Envelope{Format: 2, KeySource: string(kinds[int(kind)%len(kinds)]), Parameters: json.RawMessage(params)}
		source, err := set.Choose(e)
		switch {
		case err == nil && source == nil:
			t.Errorf("%s %s: no source and no error", e.KeySource, params)
		case err != nil && !errors.Is(err, vault.ErrCorrupt) && !errors.Is(err, vault.ErrNewer):
			t.Errorf("%s %s: %v", e.KeySource, params, err)
		}
	})
}

// Every envelope that calibrate can write is opened: one of the fastest machine, on which a pass over the least memory counts
// as a millisecond, and one of the slowest.
func TestCalibratedCostsAreWithinTheBounds(t *testing.T) {
	t.Parallel()
	fastest := uint32(pleasant.Milliseconds()) / (maxMemory / minMemory)
	for memory, passes := range map[uint32]uint32{maxMemory: fastest, minMemory: minPasses} {
		p := passphraseParameters{KDF: argon2id, Salt: make([]byte, saltSize), Passes: passes, Memory: memory, Lanes: lanes}
		if err := p.check(); err != nil {
			t.Errorf("%d passes over %d KiB: %v", passes, memory, err)
		}
	}
}

// Each bound holds by itself, and exactly: what is one beyond it is refused though all else is as modest as can be.
func TestEachBoundOfTheCostsHolds(t *testing.T) {
	t.Parallel()
	modest := passphraseParameters{KDF: argon2id, Salt: make([]byte, 8), Passes: 1, Memory: 8, Lanes: 1}
	for name, bound := range map[string]struct {
		change      func(p *passphraseParameters, n uint32)
		least, most uint32
	}{
		"memory": {func(p *passphraseParameters, n uint32) { p.Memory = n }, 8, mostMemory},
		"memory of many lanes": {
			func(p *passphraseParameters, n uint32) { p.Memory, p.Lanes = n, 255 }, 8 * 255, mostMemory,
		},
		"passes":                      {func(p *passphraseParameters, n uint32) { p.Passes = n }, 1, mostPasses},
		"passes over much memory":     {func(p *passphraseParameters, n uint32) { p.Passes, p.Memory = n, mostMemory }, 1, 32},
		"memory, with as many passes": {func(p *passphraseParameters, n uint32) { p.Memory, p.Passes = n, mostPasses }, 8, minMemory},
		"salt":                        {func(p *passphraseParameters, n uint32) { p.Salt = make([]byte, n) }, 8, mostSalt},
	} {
		for n, want := range map[uint32]error{
			bound.least - 1: vault.ErrCorrupt, bound.least: nil, bound.most: nil, bound.most + 1: vault.ErrCorrupt,
		} {
			p := modest
			bound.change(&p, n)
			if err := p.check(); !errors.Is(err, want) {
				t.Errorf("%s %d: got %v, want %v", name, n, err, want)
			}
		}
	}
}

// The other tests derive keys cheaply; without being told so, it is Argon2id.
func TestKeysAreDerivedByArgon2id(t *testing.T) {
	t.Parallel()
	set, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := passphraseParameters{KDF: argon2id, Salt: make([]byte, saltSize), Passes: 2, Memory: 256, Lanes: 2}
	got := set.derive(authsome.NewSecret("correct horse"), p)
	if want := argon2.IDKey([]byte("correct horse"), p.Salt, 2, 256, 2, KeySize); !bytes.Equal(got.secret[:], want) {
		t.Error("the key is another one")
	}
}
