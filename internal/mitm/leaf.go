package mitm

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

const (
	leafLife = 48 * time.Hour
	// renewBefore is how much of its life a certificate must have left to be handed out: connections outlast handshakes.
	renewBefore = 24 * time.Hour
)

// host is what the cache keeps of one host.
type host struct {
	name   string
	config *tls.Config // one per host, so that a session ticket of one host does not open another

	mu   sync.Mutex // guards leaf; held while it is made, so that it is made once
	leaf *tls.Certificate
}

// Leaf returns a certificate for exactly this host, a DNS name or an IP address in canonical form. It comes from the
// cache when it has been made before.
func (ca *CA) Leaf(name string) (*tls.Certificate, error) { return ca.leafOf(ca.host(name)) }

// ServerConfig returns the server side of TLS for exactly this host. It offers HTTP/2 and HTTP/1.1, resumes sessions,
// and fails the handshake of a client that names another host, before anything is made for it. A client that reaches an
// IP address names none (RFC 6066 section 3).
func (ca *CA) ServerConfig(name string) *tls.Config { return ca.host(name).config }

// host finds or adds the cache's entry and forgets the least recently used one when there are too many.
func (ca *CA) host(name string) *host {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	if e, ok := ca.hosts[name]; ok {
		ca.recent.MoveToFront(e)
		return e.Value.(*host)
	}
	for ca.recent.Len() >= maxHosts {
		last := ca.recent.Back()
		delete(ca.hosts, ca.recent.Remove(last).(*host).name)
	}
	h := &host{name: name}
	h.config = ca.configFor(h)
	ca.hosts[name] = ca.recent.PushFront(h)
	return h
}

func (ca *CA) configFor(h *host) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		// Called first, also when a session is resumed.
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			return nil, checkServerName(h.name, hello.ServerName)
		},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return ca.leafOf(h) },
		// The client is on this machine: nobody records what passes between the two to decrypt it in years to come, and
		// the post-quantum exchange would be a good part of the cost of a connection.
		CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521},
		// Records of one packet's size help on a slow network; the client is on this machine.
		DynamicRecordSizingDisabled: true,
	}
}

func checkServerName(name, sni string) error {
	switch {
	case strings.EqualFold(sni, name):
		return nil
	case sni == "" && net.ParseIP(name) != nil:
		return nil
	case sni == "":
		return fmt.Errorf("the client connects to %s and names no host in its handshake", name)
	}
	return fmt.Errorf("the client connects to %s and names %q in its handshake", name, sni)
}

func (ca *CA) leafOf(h *host) (*tls.Certificate, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.leaf != nil && ca.now().Before(h.leaf.Leaf.NotAfter.Add(-renewBefore)) {
		return h.leaf, nil
	}
	leaf, err := ca.mint(h.name)
	if err != nil {
		return nil, fmt.Errorf("make a certificate for %s: %w", h.name, err)
	}
	h.leaf = leaf
	return leaf, nil
}

func (ca *CA) mint(name string) (*tls.Certificate, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	now := ca.now()
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{Organization: []string{"authsome"}},
		NotBefore:    now.Add(-backdate),
		NotAfter:     now.Add(leafLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	cert, err := sign(template, ca.cert, ca.leafKey, ca.key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: ca.leafKey, Leaf: cert}, nil
}
