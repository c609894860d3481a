package http1

import (
	"sync"
	"sync/atomic"
)

const (
	// BufferSize holds four TLS records, which are 16 KiB at most (RFC 8446 section 5.1).
	BufferSize = 64 << 10
	// largeSize is what a body is copied by that fills a buffer of BufferSize: each write wakes the other end, which costs
	// more than it does to move the bytes.
	largeSize = 256 << 10
	// mostLarge bounds how many bodies are copied by largeSize at a time, and so the memory of that to some 33 MB.
	mostLarge = 64
	// overhead is what TLS and the chunked coding add to a buffer.
	overhead = 4 << 10
	// bulk is the length from which a piece of a body belongs to many: it is worth a system call to see whether there
	// is more, and to hold back records until there are several.
	bulk = 12 << 10
)

// The pools are of *[]byte: of BufferSize and largeSize for bodies, and of both and the overhead for what is held back.
var bodies, largeBodies, held, largeHeld sync.Pool

// large counts the bodies that are copied by largeSize.
var large atomic.Int32

// GetBuffer returns a buffer of BufferSize for the copying of bodies.
func GetBuffer() *[]byte { return getBuffer(&bodies, BufferSize) }

// PutBuffer takes a buffer back.
func PutBuffer(b *[]byte) {
	if len(*b) == BufferSize {
		bodies.Put(b)
		return
	}
	large.Add(-1)
	largeBodies.Put(b)
}

// FitBuffer returns the buffer for the next piece of a body whose last one had n bytes: b, a larger one when b was full,
// or one of BufferSize when the body comes slowly again. It takes b back if it returns another.
func FitBuffer(b *[]byte, n int) *[]byte {
	switch isLarge := len(*b) > BufferSize; {
	case isLarge && n < bulk:
		PutBuffer(b)
		return GetBuffer()
	case isLarge || n < len(*b):
		return b
	}
	if large.Add(1) > mostLarge {
		large.Add(-1)
		return b
	}
	PutBuffer(b)
	return getBuffer(&largeBodies, largeSize)
}

// getHeld returns an empty buffer that holds n bytes of a body on their way through TLS; putHeld takes it back.
func getHeld(n int) *[]byte {
	pool, size := &held, BufferSize
	if n > BufferSize {
		pool, size = &largeHeld, largeSize
	}
	b := getBuffer(pool, size+overhead)
	*b = (*b)[:0]
	return b
}

func putHeld(b *[]byte) {
	if cap(*b) > BufferSize+overhead {
		largeHeld.Put(b)
		return
	}
	held.Put(b)
}

func getBuffer(pool *sync.Pool, size int) *[]byte {
	if b, ok := pool.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, size)
	return &b
}
