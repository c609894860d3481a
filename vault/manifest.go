package vault

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A sealed record cannot be changed, but whoever can write the storage could put an earlier one back, or remove one. So
// a vault keeps a list of its records, the manifest, in a record of its own which is written along with every change. Its
// version counts the changes of the whole vault: that number is the vault's generation.

// manifestRow holds the manifest.
const manifestRow = reserved + "manifest"

const (
	digestSize   = 16
	identitySize = 32
)

// manifestV1 is the first byte of an encoded manifest.
const manifestV1 byte = 1

// manifest is what a vault should hold.
type manifest struct {
	generation uint64 // 0 if there is none yet
	// identity is the secret of the vault that its mark is authenticated with. It outlives every other key.
	identity [identitySize]byte
	entries  []entry // ordered by key
}

// entry is one record of a manifest.
type entry struct {
	key     Key
	version uint64
	digest  [digestSize]byte
}

func entryOf(row Row) entry {
	sum := sha256.Sum256(row.Sealed)
	return entry{key: row.Key, version: row.Version, digest: [digestSize]byte(sum[:])}
}

// newManifest lists rows, which a vault held before it kept a manifest.
func newManifest(rows []Row) *manifest {
	m := &manifest{}
	_, _ = rand.Read(m.identity[:]) // never fails
	for _, row := range rows {
		if !isReserved(row.Key) {
			m.entries = append(m.entries, entryOf(row))
		}
	}
	return m
}

// set notes that a row was written.
func (m *manifest) set(row Row) {
	at, found := m.find(row.Key)
	if found {
		m.entries[at] = entryOf(row)
		return
	}
	m.entries = slices.Insert(m.entries, at, entryOf(row))
}

// remove notes that a row was deleted.
func (m *manifest) remove(key Key) {
	if at, found := m.find(key); found {
		m.entries = slices.Delete(m.entries, at, at+1)
	}
}

// version returns the version of a record; 0 if there is none.
func (m *manifest) version(key Key) uint64 {
	if at, found := m.find(key); found {
		return m.entries[at].version
	}
	return 0
}

func (m *manifest) find(key Key) (at int, found bool) {
	return slices.BinarySearchFunc(m.entries, key, func(e entry, key Key) int {
		return strings.Compare(string(e.key), string(key))
	})
}

// below returns the entries whose keys begin with prefix.
func (m *manifest) below(prefix Key) []entry {
	from, _ := m.find(prefix)
	to := from
	for to < len(m.entries) && strings.HasPrefix(string(m.entries[to].key), string(prefix)) {
		to++
	}
	return m.entries[from:to]
}

// compare fails when rows, which are ordered by key, are not what entries say, with the first difference.
func compare(entries []entry, rows []Row) error {
	for _, row := range rows {
		if isReserved(row.Key) {
			continue
		}
		if len(entries) == 0 || entries[0].key > row.Key {
			return fmt.Errorf("record %s: %w: it was removed from the vault and has come back", row.Key, ErrCorrupt)
		}
		if entries[0].key < row.Key {
			break
		}
		if found := entryOf(row); found != entries[0] {
			return fmt.Errorf("record %s: %w: it is not the one that was written last (version %d, found version %d)",
				row.Key, ErrCorrupt, entries[0].version, found.version)
		}
		entries = entries[1:]
	}
	if len(entries) > 0 {
		return fmt.Errorf("record %s: %w: it is missing", entries[0].key, ErrCorrupt)
	}
	return nil
}

// encode writes the manifest without its generation: format, identity, and of each entry how many bytes its key shares
// with the one before, the rest of the key, version and digest.
func (m *manifest) encode() []byte {
	b := append(make([]byte, 0, 1+identitySize+48*len(m.entries)), manifestV1)
	b = append(b, m.identity[:]...)
	last := Key("")
	for _, e := range m.entries {
		shared := 0
		for shared < min(len(last), len(e.key)) && last[shared] == e.key[shared] {
			shared++
		}
		b = binary.AppendUvarint(b, uint64(shared))
		b = binary.AppendUvarint(b, uint64(len(e.key)-shared))
		b = append(b, e.key[shared:]...)
		b = binary.AppendUvarint(b, e.version)
		b = append(b, e.digest[:]...)
		last = e.key
	}
	return b
}

var errManifest = errors.New("the list of records is malformed")

// decodeManifest is the inverse of encode.
func decodeManifest(b []byte) (*manifest, error) {
	if len(b) > 0 && b[0] > manifestV1 {
		return nil, fmt.Errorf("%w: the list of records has format %d", ErrNewer, b[0])
	}
	if len(b) < 1+identitySize || b[0] != manifestV1 {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, errManifest)
	}
	m := &manifest{entries: make([]entry, 0, len(b)/(digestSize*3))}
	r := bytes.NewReader(b[1+copy(m.identity[:], b[1:]):])
	last := ""
	for r.Len() > 0 {
		e, err := decodeEntry(r, last)
		if err != nil || len(m.entries) > 0 && string(e.key) <= last {
			return nil, fmt.Errorf("%w: %w", ErrCorrupt, errManifest)
		}
		last = string(e.key)
		m.entries = append(m.entries, e)
	}
	return m, nil
}

func decodeEntry(r *bytes.Reader, last string) (entry, error) {
	shared, err := binary.ReadUvarint(r)
	rest, restErr := binary.ReadUvarint(r)
	if err != nil || restErr != nil || shared > uint64(len(last)) || rest > uint64(r.Len()) {
		return entry{}, errManifest
	}
	key := make([]byte, int(shared)+int(rest))
	copy(key, last[:shared])
	_, _ = r.Read(key[shared:]) // there are that many
	e := entry{key: Key(key)}
	if e.version, err = binary.ReadUvarint(r); err != nil {
		return entry{}, errManifest
	}
	if n, _ := r.Read(e.digest[:]); n != digestSize {
		return entry{}, errManifest
	}
	return e, nil
}
