package http1

import "errors"

// Await waits until something has arrived and returns it in a buffer that PutBuffer takes back. While it waits it holds
// no buffer, which matters to thousands of connections that are silent.
func (w *Wire) Await() (buf *[]byte, n int, err error) {
	if w.raw == nil {
		buf = GetBuffer()
		n, err = w.Conn.Read(*buf)
		return buf, n, err
	}
	failed := w.raw.Read(func(fd uintptr) bool {
		buf = GetBuffer()
		n, err = readNow(fd, *buf)
		if errors.Is(err, errNotYet) {
			PutBuffer(buf)
			return false
		}
		return true
	})
	if failed != nil {
		return GetBuffer(), 0, failed
	}
	return buf, n, err
}
