package run

import (
	"encoding/pem"
	"unsafe"

	"golang.org/x/sys/windows"
)

// platformRoots returns the certificates of the ROOT store, as far as Windows has loaded them yet.
func platformRoots() []byte {
	name, err := windows.UTF16PtrFromString("ROOT")
	if err != nil {
		return nil
	}
	store, err := windows.CertOpenSystemStore(0, name)
	if err != nil {
		return nil
	}
	defer windows.CertCloseStore(store, 0) //nolint:errcheck // it was only read
	var roots []byte
	var cert *windows.CertContext
	for {
		if cert, err = windows.CertEnumCertificatesInStore(store, cert); err != nil {
			return roots // the end of the store is an error too
		}
		der := unsafe.Slice(cert.EncodedCert, cert.Length)
		roots = append(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
}
