package run

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

var errNoRoots = errors.New("the system's certificate authorities cannot be found; set SSL_CERT_FILE")

// systemRoots returns the certificate authorities that the parent trusts, PEM: those that its SSL_CERT_FILE and
// SSL_CERT_DIR name, as OpenSSL and Go understand them, otherwise the system's; and those that it trusts besides.
func systemRoots(parent []string) ([]byte, error) {
	roots := newCertificates()
	if file := valueOf(parent, "SSL_CERT_FILE"); file != "" {
		roots.addFile(file)
	}
	for _, dir := range filepath.SplitList(valueOf(parent, "SSL_CERT_DIR")) {
		roots.addDir(dir)
	}
	if len(roots.pem) == 0 {
		roots.add(platformRoots())
	}
	if len(roots.pem) == 0 {
		return nil, errNoRoots
	}
	return namedRoots(roots, parent, privateVariables()).pem, nil
}

// certificates gathers certificates, each once: stores hold links and copies of the same ones.
type certificates struct {
	pem  []byte
	seen map[string]bool // by their text
}

func newCertificates() *certificates { return &certificates{seen: make(map[string]bool)} }

const (
	beginCertificate = "-----BEGIN CERTIFICATE-----\n"
	endCertificate   = "-----END CERTIFICATE-----"
)

// add takes the certificates of a PEM file (RFC 7468 section 5) and nothing else that is in it, such as a key. The text
// is copied and not decoded, which takes a tenth of the time; whoever reads it decodes it.
func (c *certificates) add(file []byte) {
	text := strings.ReplaceAll(string(file), "\r\n", "\n")
	for {
		_, after, ok := strings.Cut(text, beginCertificate)
		if !ok {
			return
		}
		body, rest, ok := strings.Cut(after, endCertificate)
		if !ok {
			return
		}
		if strings.ContainsFunc(body, isNotBase64) {
			text = after // a block that is torn or is something else
			continue
		}
		text = rest
		if !c.seen[body] {
			c.seen[body] = true
			c.pem = append(c.pem, beginCertificate+body+endCertificate+"\n"...)
		}
	}
}

func isNotBase64(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
		r == '+' || r == '/' || r == '=' || r == '\n')
}

// addFile passes over a file that cannot be read.
func (c *certificates) addFile(path string) {
	if file, err := os.ReadFile(path); err == nil {
		c.add(file)
	}
}

func (c *certificates) addDir(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	read := make(map[string]bool)
	for _, e := range entries {
		path, err := filepath.EvalSymlinks(filepath.Join(dir, e.Name()))
		if err == nil && !read[path] {
			read[path] = true
			c.addFile(path)
		}
	}
}
