package vault

import (
	"errors"
	"testing"
)

// An envelope lies in the clear, and is read before anything can be authenticated.
func FuzzEnvelope(f *testing.F) {
	for _, seed := range []string{
		`{"format":1,"key_source":"file","wrapped":"AAAA"}`,
		`{"format":2,"key_source":"passphrase","parameters":{"kdf":"argon2id","passes":3},"wrapped":"AAAA","seal":"AAAA"}`,
		`{"format":2,"key_source":"passphrase","parameters":[[[[{}]]]],"wrapped":"AAAA","since":"2030-01-01T00:00:00Z"}`,
		`{"format":1,"parameters":{},"wrapped":"AAAA"}`, `{"format":3}`, `{"format":3,"wrapped":"AA=="}`, `{"format":0,"wrapped":"AA=="}`, `{"format":2}`,
		`{"format":-1,"wrapped":"AA=="}`, `{}`, `null`, `[]`, ``,
	} {
		f.Add([]byte(seed))
	}
	s, err := newSealer(make([]byte, dataKeySize))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, stored []byte) {
		e, err := parseEnvelope(stored)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrNewer) {
				t.Errorf("%q: %v", stored, err)
			}
			return
		}
		if e.Format < envelopeV1 || e.Format > envelopeV2 || len(e.Wrapped) == 0 || e.Format == envelopeV1 && len(e.Parameters) > 0 {
			t.Errorf("%q is taken for an envelope: %+v", stored, e)
		}
		if s.vouches(e, firstVersion) {
			t.Errorf("%q is vouched for by a key that it was not sealed with", stored)
		}
		if err := s.vouch(&e, firstVersion); err != nil || !s.vouches(e, firstVersion) || s.vouches(e, firstVersion+1) {
			t.Errorf("%q: sealed anew it is not what was sealed, error %v", stored, err)
		}
	})
}
