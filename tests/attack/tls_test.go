package attack_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"os"
	"testing"
)

// handshakeAs does TLS as a client that names a host, whatever the certificate, and returns the organization that the
// certificate is of: "" if there was none.
func handshakeAs(s *session, sni string) string {
	cfg := &tls.Config{ServerName: sni, InsecureSkipVerify: true} //nolint:gosec // it looks at what it is shown
	secure := tls.Client(s.Conn, cfg)
	if secure.Handshake() != nil && len(secure.ConnectionState().PeerCertificates) == 0 {
		return ""
	}
	return issuerOf(&session{Conn: secure})
}

// issuerOf identifies the authority of the certificate that a session was shown.
func issuerOf(s *session) string {
	certs := s.Conn.(*tls.Conn).ConnectionState().PeerCertificates
	if len(certs) == 0 {
		return ""
	}
	return hex.EncodeToString(certs[0].AuthorityKeyId)
}

// serverIssuer identifies the authority of the servers.
func serverIssuer(w *world) string {
	return hex.EncodeToString(w.ca.Certificate().SubjectKeyId)
}

// issuer identifies the authority of the run.
func (r *running) issuer(t *testing.T) string {
	t.Helper()
	return hex.EncodeToString(r.authority(t).SubjectKeyId)
}

// authority returns the certificate of the run's authority, as the child is told of it.
func (r *running) authority(t *testing.T) *x509.Certificate {
	t.Helper()
	file, err := os.ReadFile(r.env["NODE_EXTRA_CA_CERTS"])
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(file)
	if block == nil {
		t.Fatal("the run has no certificate authority")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}
