package cli

import "testing"

func TestAddressesOfProxies(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"http://proxy:3128": true, "https://proxy": true, "socks5://[::1]:1080": true, "socks5h://proxy": true, "proxy:3128": true,
		"me:p%40ss%2Fword@proxy:3128": true, "http://me:p@ss@proxy:3128": true, "http://proxy:3128/": true,

		"http://me:p@ss/word@proxy:3128": false, "http://me:p#ss@proxy:3128": false, "http://me:p?ss@proxy:3128": false,
		"http://me:100%@proxy:3128": false, "me:pass/word@proxy": false, "http://": false, "http://:3128": false, "socks4://proxy": false,
		"http://a proxy": false, "http://proxy:port": false,
	} {
		if got := isProxyAddress(address); got != want {
			t.Errorf("%s: got %t", address, got)
		}
	}
}
