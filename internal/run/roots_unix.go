//go:build unix && !darwin

package run

// platformRoots returns the first bundle there is, otherwise the certificates of the first directory.
func platformRoots() []byte {
	roots := newCertificates()
	for _, file := range []string{
		"/etc/ssl/certs/ca-certificates.crt",                // Debian, Alpine, Arch
		"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // CentOS
		"/etc/ssl/ca-bundle.pem",                            // SUSE
		"/etc/ssl/cert.pem",                                 // BSD
		"/usr/local/share/certs/ca-root-nss.crt",            // FreeBSD
	} {
		if roots.addFile(file); len(roots.pem) > 0 {
			return roots.pem
		}
	}
	for _, dir := range []string{"/etc/ssl/certs", "/etc/pki/tls/certs", "/system/etc/security/cacerts"} {
		if roots.addDir(dir); len(roots.pem) > 0 {
			return roots.pem
		}
	}
	return nil
}
