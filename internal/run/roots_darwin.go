package run

import (
	"context"
	"os/exec"
	"time"
)

// platformRoots returns the bundle that comes with the system, otherwise what the keychains of the system hold.
func platformRoots() []byte {
	roots := newCertificates()
	if roots.addFile("/etc/ssl/cert.pem"); len(roots.pem) > 0 {
		return roots.pem
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "/usr/bin/security", "find-certificate", "-a", "-p",
		"/System/Library/Keychains/SystemRootCertificates.keychain").Output()
	if err != nil {
		return nil
	}
	roots.add(out)
	return roots.pem
}
