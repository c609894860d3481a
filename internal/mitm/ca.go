package mitm

import (
	"container/list"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"sync"
	"time"
)

const (
	// authorityLife bounds how long a run can last: its child is given the authority once, when it starts.
	authorityLife = 30 * 24 * time.Hour
	// backdate allows for clients whose clock is behind.
	backdate = time.Hour
	// maxHosts bounds the cache of certificates.
	maxHosts = 1000
)

// CA is a certificate authority that lives in memory. It is safe for concurrent use.
type CA struct {
	now     func() time.Time
	cert    *x509.Certificate
	key     *ecdsa.PrivateKey
	leafKey *ecdsa.PrivateKey // all leaves share it: it is as private as key, and generating one takes time

	mu     sync.Mutex               // guards hosts and recent; never held while a certificate is made
	hosts  map[string]*list.Element // of *host
	recent *list.List               // of *host, the most recently used first
}

// NewCA makes an authority with keys of its own (ECDSA P-256). now is the clock; nil means time.Now.
func NewCA(now func() time.Time) (*CA, error) {
	if now == nil {
		now = time.Now
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate the key of the certificate authority: %w", err)
	}
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate the key of the certificates: %w", err)
	}
	ca := &CA{now: now, key: key, leafKey: leafKey, hosts: make(map[string]*list.Element), recent: list.New()}
	ca.cert, err = ca.selfSign()
	if err != nil {
		return nil, err
	}
	return ca, nil
}

// CertificatePEM returns the authority's certificate for a trust store. It holds no key.
func (ca *CA) CertificatePEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw})
}

// Certificate returns the authority's certificate.
func (ca *CA) Certificate() *x509.Certificate { return ca.cert }

func (ca *CA) selfSign() (*x509.Certificate, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	now := ca.now()
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{Organization: []string{"authsome"}, CommonName: "authsome run (in memory only)"},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(authorityLife),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	return sign(template, template, ca.key, ca.key)
}

// sign makes the certificate that template describes, for the public half of subject, signed by issuer.
func sign(template, parent *x509.Certificate, subject, issuer *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &subject.PublicKey, issuer)
	if err != nil {
		return nil, fmt.Errorf("sign a certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("parse a certificate just signed: %w", err)
	}
	return cert, nil
}

// newSerial returns a random serial number of 127 bits: positive, and within the 20 octets of RFC 5280 section 4.1.2.2.
func newSerial() (*big.Int, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("choose a serial number: %w", err)
	}
	return serial.Add(serial, big.NewInt(1)), nil
}
