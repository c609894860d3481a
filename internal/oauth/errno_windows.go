package oauth

import (
	"errors"
	"syscall"
)

// Error numbers of Windows sockets that package syscall does not name.
const (
	wsaENetUnreach  syscall.Errno = 10051
	wsaEConnRefused syscall.Errno = 10061
	wsaEHostUnreach syscall.Errno = 10065
)

func isConnRefused(err error) bool { return errors.Is(err, wsaEConnRefused) }

func isConnReset(err error) bool {
	return errors.Is(err, syscall.WSAECONNRESET) || errors.Is(err, syscall.WSAECONNABORTED)
}

func isUnreachable(err error) bool {
	return errors.Is(err, wsaENetUnreach) || errors.Is(err, wsaEHostUnreach)
}
