package peer

import (
	"net/netip"
	"net/url"
	"strings"

	"authsome"
)

// ProxyLogin returns the user and password that the environment of the client names for the proxy: those in the URL of
// HTTPS_PROXY, if that is the address at which the client has connected. ok is false when there are none, or when the
// client is of another user, of another machine, or cannot be found.
func ProxyLogin(client, proxy netip.AddrPort) (user string, password authsome.Secret, ok bool) {
	if !client.Addr().Unmap().IsLoopback() || !proxy.Addr().Unmap().IsLoopback() {
		return "", authsome.Secret{}, false
	}
	return proxyLogin(client, proxy)
}

// loginIn looks for the proxy in an environment as the kernel shows it, with NUL between the entries.
func loginIn(environ string, proxy netip.AddrPort) (user string, password authsome.Secret, ok bool) {
	for entry := range strings.SplitSeq(environ, "\x00") {
		name, value, _ := strings.Cut(entry, "=")
		if name != "HTTPS_PROXY" && name != "https_proxy" {
			continue
		}
		u, err := url.Parse(value)
		if err != nil || u.User == nil || u.Host != proxy.String() {
			continue
		}
		secret, _ := u.User.Password()
		return u.User.Username(), authsome.NewSecret(secret), true
	}
	return "", authsome.Secret{}, false
}
