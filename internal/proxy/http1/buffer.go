package http1

import "sync"

const (
	// BufferSize holds four TLS records, which are 16 KiB at most (RFC 8446 section 5.1).
	BufferSize = 64 << 10
	// heldSize is BufferSize and what TLS and the chunked coding add to it.
	heldSize = BufferSize + 4<<10
	// bulk is the length from which a piece of a body belongs to many: it is worth a system call to see whether there
	// is more, and to hold back records until there are several.
	bulk = 12 << 10
)

var bodies, held sync.Pool // of *[]byte of BufferSize and heldSize

// GetBuffer returns a buffer of BufferSize for the copying of bodies.
func GetBuffer() *[]byte { return getBuffer(&bodies, BufferSize) }

// PutBuffer takes a buffer back.
func PutBuffer(b *[]byte) { bodies.Put(b) }

func getBuffer(pool *sync.Pool, size int) *[]byte {
	if b, ok := pool.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, size)
	return &b
}
