package agent

import (
	"bytes"
	"sync"
	"time"
)

// maxKeys is how many keys an agent holds. A vault has one; a second one is there while it is rotated.
const maxKeys = 16

// keyring holds the keys, and how long they stay. It is safe for concurrent use.
type keyring struct {
	timeout  time.Duration // of a key that is not used
	lifetime time.Duration // of a key, used or not; 0 for no end
	now      func() time.Time

	mu      sync.Mutex // guards all below
	memory  *memory    // slot n belongs to held[n]
	held    [maxKeys]entry
	changed chan struct{} // closed when the next expiry may have moved
}

// entry is a key that is held, or the room for one.
type entry struct {
	id   string // empty: there is none
	size int
	put  time.Time
	used time.Time
}

func newKeyring(timeout, lifetime time.Duration, now func() time.Time) (*keyring, error) {
	m, err := newMemory(maxKeys)
	if err != nil {
		return nil, err
	}
	return &keyring{timeout: timeout, lifetime: lifetime, now: now, memory: m, changed: make(chan struct{})}, nil
}

// elapsed is the longer of what the two clocks say. The one that cannot be set stands still while the machine sleeps; the
// other one may have been set back.
func elapsed(from, to time.Time) time.Duration {
	return max(to.Sub(from), to.Round(0).Sub(from.Round(0)))
}

// left is how long an entry stays.
func (k *keyring) left(e *entry, now time.Time) time.Duration {
	left := k.timeout - elapsed(e.used, now)
	if k.lifetime > 0 {
		left = min(left, k.lifetime-elapsed(e.put, now))
	}
	return left
}

// has reports whether there is a key of a name, without counting that as a use.
func (k *keyring) has(id string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.expire()
	return k.find(id) >= 0
}

// get appends a key to what is in a buffer, which has room for it.
func (k *keyring) get(id string, to []byte) ([]byte, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.expire()
	n := k.find(id)
	if n < 0 {
		return to, false
	}
	k.held[n].used = k.now()
	k.notify()
	return append(to, k.memory.slot(n)[:k.held[n].size]...), true
}

// put keeps a copy of a key. It does not exchange a key for another one: that would be the wish of somebody who wants a
// vault to be written with a key of his own.
func (k *keyring) put(id string, key []byte) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.expire()
	n := k.find(id)
	if n >= 0 && !bytes.Equal(k.memory.slot(n)[:k.held[n].size], key) {
		return false
	}
	if n < 0 {
		n = k.find("")
	}
	if n < 0 || len(key) > maxKey {
		return false
	}
	now := k.now()
	k.held[n] = entry{id: id, size: copy(k.memory.slot(n), key), put: now, used: now}
	k.notify()
	return true
}

func (k *keyring) find(id string) int {
	for n := range k.held {
		if k.held[n].id == id {
			return n
		}
	}
	return -1
}

// lock forgets all keys.
func (k *keyring) lock() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.memory.wipe()
	k.held = [maxKeys]entry{}
	k.notify()
}

// keep forgets all keys but one, which it need not have.
func (k *keyring) keep(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for n := range k.held {
		if e := &k.held[n]; e.id != "" && e.id != id {
			clear(k.memory.slot(n))
			*e = entry{}
		}
	}
	k.notify()
}

// close forgets all keys and gives the memory back. The keyring is not used any more.
func (k *keyring) close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.held = [maxKeys]entry{}
	return k.memory.release()
}

// status counts the keys and says how long the last of them stays if none is used, and until what may happen next.
func (k *keyring) status() (keys int, left time.Duration, changed <-chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.expire()
	now := k.now()
	for n := range k.held {
		if e := &k.held[n]; e.id != "" {
			keys++
			left = max(left, k.left(e, now))
		}
	}
	return keys, left, k.changed
}

// expire forgets the keys whose time is over.
func (k *keyring) expire() {
	now := k.now()
	for n := range k.held {
		if e := &k.held[n]; e.id != "" && k.left(e, now) <= 0 {
			clear(k.memory.slot(n))
			*e = entry{}
			k.notify()
		}
	}
}

func (k *keyring) notify() {
	close(k.changed)
	k.changed = make(chan struct{})
}
