//go:build !linux

package peer

import (
	"net/netip"

	"authsome"
)

func proxyLogin(_, _ netip.AddrPort) (user string, password authsome.Secret, ok bool) {
	return "", authsome.Secret{}, false
}
