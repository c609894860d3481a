package proxy

import "sync"

// bufferSize holds two TLS records, which are 16 KiB at most (RFC 8446 section 5.1).
const bufferSize = 32 << 10

var buffers sync.Pool // of *[]byte of bufferSize

func getBuffer() *[]byte {
	if b, ok := buffers.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, bufferSize)
	return &b
}

func putBuffer(b *[]byte) { buffers.Put(b) }
