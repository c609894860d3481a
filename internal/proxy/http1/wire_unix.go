//go:build unix

package http1

import (
	"io"
	"syscall"
)

const canReadNow = true

// mostAtOnce bounds what is written without telling Go's scheduler, in bytes: it takes some ten microseconds.
const mostAtOnce = BufferSize + overhead

// readNow reads what has arrived. Go's sockets do not block.
func readNow(fd uintptr, p []byte) (int, error) {
	for {
		n, errno := sysRead(fd, p)
		switch errno {
		case 0:
			if n == 0 {
				return 0, io.EOF
			}
			return n, nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, errNotYet
		default:
			return 0, errno
		}
	}
}

// writeNow writes as much of p as there is room for.
func writeNow(fd uintptr, p []byte) (done int, err error) {
	for done < len(p) {
		n, errno := sysWrite(fd, p[done:])
		switch errno {
		case 0:
			if n == 0 {
				return done, io.ErrUnexpectedEOF
			}
			done += n
		case syscall.EINTR:
		case syscall.EAGAIN:
			return done, errNotYet
		default:
			return done, errno
		}
	}
	return done, nil
}
