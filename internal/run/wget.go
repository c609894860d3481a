package run

import (
	"os"
	"path/filepath"
	"strings"
)

// wgetrc returns the configuration of wget: the person's own, without what would lead around the proxy and without
// passwords, and the bundle to trust. The proxy itself wget takes from https_proxy.
func wgetrc(parent []string, bundle string) []byte {
	var b strings.Builder
	own, err := os.ReadFile(wgetrcPath(parent))
	if err == nil {
		for line := range strings.Lines(string(own)) {
			if !replacedInWgetrc(line) {
				b.WriteString(strings.TrimRight(line, "\r\n") + "\n")
			}
		}
	}
	b.WriteString("use_proxy = on\nca_certificate = " + bundle + "\n")
	return []byte(b.String())
}

func wgetrcPath(parent []string) string {
	if path := valueOf(parent, wgetVariable); path != "" {
		return path
	}
	return filepath.Join(valueOf(parent, "HOME"), ".wgetrc")
}

// replacedInWgetrc reports whether a line sets what must not be carried over. wget ignores case, '-' and '_' in names.
func replacedInWgetrc(line string) bool {
	name, value, _ := strings.Cut(line, "=")
	switch strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(strings.TrimSpace(name))) {
	case "httpproxy", "httpsproxy", "ftpproxy", "noproxy", "useproxy", "proxyuser", "proxypassword", "proxypasswd",
		"cacertificate", "cadirectory", "password", "httppassword", "httppasswd", "ftppassword", "ftppasswd", "passwd":
		return true
	case "header":
		field, _, _ := strings.Cut(value, ":")
		switch strings.ToLower(strings.TrimSpace(field)) {
		case "authorization", "proxy-authorization", "cookie":
			return true
		}
	}
	return false
}
