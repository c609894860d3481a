package vault

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
)

// The mark says, in a second place, how far the vault had got. It is written after each change, so it may lag behind the
// vault, after a crash for instance, but never leads: a mark that leads means that the vault was put back to an earlier
// state, and a mark of another vault that it was exchanged. The refresh tokens of such a vault may have been used since,
// and to use one again makes some servers end the login for good: so it is not used before a person has said so.

// mark is what is kept in the second place. The zero mark is none.
type mark struct {
	generation uint64
	vault      string // tells vaults apart
	code       string // over all of it
}

const (
	markPrefix = "authsome-mark-v1 "
	// markSize is what a mark is padded to, so that one is written over another in one piece.
	markSize = 160
	// malformed is the code of a mark that cannot be read.
	malformed = "malformed"
)

// markOf returns the mark of a vault at a generation.
func (m *manifest) markOf(generation uint64) mark {
	sum := sha256.Sum256(m.identity[:])
	id := base64.RawURLEncoding.EncodeToString(sum[:12])
	h := hmac.New(sha256.New, m.identity[:])
	fmt.Fprintf(h, "authsome vault mark\n%d\n%s", generation, id)
	return mark{generation: generation, vault: id, code: base64.RawURLEncoding.EncodeToString(h.Sum(nil))}
}

func (k mark) exists() bool { return k.code != "" }

func (k mark) encode() []byte {
	line := fmt.Sprintf("%s%d %s %s", markPrefix, k.generation, k.vault, k.code)
	return append(append([]byte(line), bytes.Repeat([]byte{' '}, markSize-1-len(line))...), '\n')
}

// parseMark reads a mark. There is none if b is nil.
func parseMark(b []byte) mark {
	if b == nil {
		return mark{}
	}
	rest, ok := bytes.CutPrefix(b, []byte(markPrefix))
	fields := bytes.Fields(rest)
	if !ok || len(fields) != 3 {
		return mark{code: malformed}
	}
	generation, err := strconv.ParseUint(string(fields[0]), 10, 64)
	if err != nil {
		return mark{code: malformed}
	}
	return mark{generation: generation, vault: string(fields[1]), code: string(fields[2])}
}

// readMarks returns what is kept besides the vault, if its store is one that can keep any.
func (v *Vault) readMarks(ctx context.Context) (k marks, err error) {
	marker, ok := v.store.(Marker)
	if !ok {
		return marks{}, nil
	}
	b, err := marker.Mark(ctx)
	return marks{beside: parseMark(b), kept: true, apart: v.witnessed(ctx)}, err
}

// check holds what was found in the second place, before the manifest was read, against the manifest, which is nil where
// there is none.
func (m *manifest) check(k mark) error {
	if k.code == malformed {
		return fmt.Errorf("%w: the mark of how far it had got is damaged", ErrRolledBack)
	}
	if m == nil && k.generation == 0 { // a vault of an earlier version, or one whose first change did not come about
		return nil
	}
	if m == nil {
		return fmt.Errorf("%w: it holds no list of its records, but had got to generation %d", ErrRolledBack, k.generation)
	}
	switch genuine := m.markOf(k.generation); {
	case !k.exists():
		return fmt.Errorf("%w: the mark of how far it had got is missing", ErrRolledBack)
	case k.vault != genuine.vault:
		return fmt.Errorf("%w: the mark beside it belongs to another vault", ErrRolledBack)
	case !hmac.Equal([]byte(k.code), []byte(genuine.code)):
		return fmt.Errorf("%w: the mark of how far it had got was changed", ErrRolledBack)
	case k.generation > m.generation:
		return fmt.Errorf("%w: it is at generation %d, but had got to %d", ErrRolledBack, m.generation, k.generation)
	}
	return nil
}

// setMark notes that the vault has got to its manifest's generation. A mark that cannot be written lags behind, which
// does no harm.
func (v *Vault) setMark(ctx context.Context, m *manifest) {
	defer v.testify(ctx, m, false)
	marker, ok := v.store.(Marker)
	if !ok {
		return
	}
	before, err := marker.Mark(ctx)
	if k := parseMark(before); err == nil && k.generation > m.generation && k == m.markOf(k.generation) {
		return // another process has got further
	}
	_ = marker.SetMark(ctx, m.markOf(m.generation).encode(), false)
}

// beginMark makes the first mark of a vault, before there is anything that it could lead. Without it a vault whose mark
// was removed could not be told from one that never had any.
func (v *Vault) beginMark(ctx context.Context, m *manifest) error {
	v.testify(ctx, m, true)
	if marker, ok := v.store.(Marker); ok {
		return marker.SetMark(ctx, m.markOf(m.generation).encode(), true)
	}
	return nil
}
