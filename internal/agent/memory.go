package agent

import "fmt"

// slotSize is the room for a key, or for a message and its answer, which lie in halves of it.
const (
	slotSize = 512
	half     = slotSize / 2
)

var _ [half - maxMessage - headerSize]struct{} // a message fits into a half

// memory is what secrets are kept in: pages of their own, outside of what the garbage collector moves and copies, that are
// never written to swap and, where the system can say so, never to a core file.
type memory struct {
	pages []byte
}

// newMemory makes memory of so many slots. It fails where the system does not let it be locked: a key that may be swapped
// to a disk is not what was promised.
func newMemory(slots int) (*memory, error) {
	pages, err := lockedPages(slots * slotSize)
	if err != nil {
		return nil, fmt.Errorf("lock %d bytes of memory, which \"ulimit -l\" must allow: %w", slots*slotSize, err)
	}
	return &memory{pages: pages}, nil
}

// slot returns the n-th slot. It cannot be made longer by appending.
func (m *memory) slot(n int) []byte {
	return m.pages[n*slotSize : (n+1)*slotSize : (n+1)*slotSize]
}

// wipe overwrites everything.
func (m *memory) wipe() { clear(m.pages) }

// release overwrites the memory and gives it back. Nobody may use a slot any more.
func (m *memory) release() error {
	m.wipe()
	pages := m.pages
	m.pages = nil
	return releasePages(pages)
}
