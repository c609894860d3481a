package proxy

import (
	"net"
	"net/netip"
)

// isThisMachine reports whether an address is one of this machine's own: a service that listens there trusts whoever can
// reach it, often. If the addresses cannot be listed, it is.
func isThisMachine(ip netip.Addr) bool {
	ip = embedded(ip.Unmap().WithZone(""))
	if ip.IsLoopback() {
		return true
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return true
	}
	for _, a := range own {
		prefix, err := netip.ParsePrefix(a.String())
		if err == nil && prefix.Addr().Unmap() == ip {
			return true
		}
	}
	return false
}
