package mitm

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"
)

func newCA(t *testing.T, now func() time.Time) *CA {
	t.Helper()
	ca, err := NewCA(now)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func trusting(t *testing.T, ca *CA) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca.CertificatePEM()) {
		t.Fatal("the authority's PEM does not parse")
	}
	return pool
}

func TestLeafIsForExactlyTheHost(t *testing.T) {
	t.Parallel()
	ca := newCA(t, nil)
	for name, others := range map[string][]string{
		"api.github.com": {"github.com", "x.api.github.com", "evil-api.github.com"},
		"127.0.0.1":      {"127.0.0.2", "localhost"},
		"::1":            {"::2"},
	} {
		leaf, err := ca.Leaf(name)
		if err != nil {
			t.Fatal(err)
		}
		opts := x509.VerifyOptions{Roots: trusting(t, ca), DNSName: name}
		if _, err := leaf.Leaf.Verify(opts); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, other := range others {
			if leaf.Leaf.VerifyHostname(other) == nil {
				t.Errorf("the certificate of %s is good for %s", name, other)
			}
		}
	}
}

func TestLeafCannotSign(t *testing.T) {
	t.Parallel()
	ca := newCA(t, nil)
	leaf, err := ca.Leaf("a.example")
	if err != nil {
		t.Fatal(err)
	}
	if leaf.Leaf.IsCA || leaf.Leaf.KeyUsage&x509.KeyUsageCertSign != 0 {
		t.Error("a leaf may sign certificates")
	}
	if !ca.Certificate().MaxPathLenZero {
		t.Error("the authority may have authorities below it")
	}
}

func TestLeafIsMadeOnceAndRenewedBeforeItLapses(t *testing.T) {
	t.Parallel()
	now := time.Now()
	ca := newCA(t, func() time.Time { return now })
	get := func() *tls.Certificate {
		leaf, err := ca.Leaf("a.example")
		if err != nil {
			t.Fatal(err)
		}
		return leaf
	}
	first := get()
	now = now.Add(leafLife - renewBefore - time.Minute)
	if get() != first {
		t.Error("a good certificate was made anew")
	}
	now = now.Add(2 * time.Minute)
	if get() == first {
		t.Error("a certificate about to lapse was handed out")
	}
}

func TestConcurrentFirstContactsShareOneLeaf(t *testing.T) {
	t.Parallel()
	ca := newCA(t, nil)
	leaves := make([]*tls.Certificate, 16)
	var wg sync.WaitGroup
	for i := range leaves {
		wg.Go(func() { leaves[i], _ = ca.Leaf("a.example") })
	}
	wg.Wait()
	for _, leaf := range leaves {
		if leaf == nil || leaf != leaves[0] {
			t.Fatal("more than one certificate was made for one host")
		}
	}
}

func TestCacheForgetsTheLeastRecentlyUsedHost(t *testing.T) {
	t.Parallel()
	ca := newCA(t, nil)
	kept := ca.ServerConfig("kept.example")
	dropped := ca.ServerConfig("dropped.example")
	for i := range maxHosts - 1 {
		ca.ServerConfig(fmt.Sprintf("h%d.example", i))
		ca.ServerConfig("kept.example")
	}
	if n := len(ca.hosts); n != maxHosts {
		t.Errorf("the cache holds %d hosts, want %d", n, maxHosts)
	}
	if ca.ServerConfig("kept.example") != kept {
		t.Error("a host in use was forgotten")
	}
	if ca.ServerConfig("dropped.example") == dropped {
		t.Error("the least recently used host was not forgotten")
	}
}

// handshake runs both sides of TLS over a pipe and returns what each of them says.
func handshake(server, client *tls.Config) (state tls.ConnectionState, serverErr, clientErr error) {
	a, b := net.Pipe()
	s, c := tls.Server(a, server), tls.Client(b, client)
	done := make(chan error, 1)
	go func() {
		err := s.Handshake()
		if err == nil {
			_, err = s.Write([]byte{1})
		}
		_ = a.Close()
		done <- err
	}()
	clientErr = c.Handshake()
	if clientErr == nil {
		_, _ = c.Read(make([]byte, 1)) // takes the session ticket in
	}
	state = c.ConnectionState()
	_ = b.Close()
	return state, <-done, clientErr
}

func TestHandshakeRefusesAnotherServerNameBeforeMinting(t *testing.T) { // attack 2
	t.Parallel()
	for _, tc := range []struct {
		name, sni string
		ok        bool
	}{
		{"api.example", "api.example", true},
		{"api.example", "API.example", true},
		{"api.example", "other.example", false},
		{"api.example", "", false},
		{"127.0.0.1", "", true},
		{"127.0.0.1", "api.example", false},
	} {
		ca := newCA(t, nil)
		client := &tls.Config{ServerName: tc.sni, InsecureSkipVerify: true} //nolint:gosec // the server is on trial
		_, serverErr, _ := handshake(ca.ServerConfig(tc.name), client)
		if ok := serverErr == nil; ok != tc.ok {
			t.Errorf("connect to %s, name %q: %v", tc.name, tc.sni, serverErr)
		}
		if minted := ca.host(tc.name).leaf != nil; minted != tc.ok {
			t.Errorf("connect to %s, name %q: a certificate was made: %t", tc.name, tc.sni, minted)
		}
	}
}

func TestSessionsAreResumedWithTheSameHostOnly(t *testing.T) {
	t.Parallel()
	ca := newCA(t, nil)
	client := &tls.Config{
		ServerName: "a.example", RootCAs: trusting(t, ca), NextProtos: []string{"h2"},
		ClientSessionCache: tls.NewLRUClientSessionCache(4),
	}
	state, _, err := handshake(ca.ServerConfig("a.example"), client)
	if err != nil || state.DidResume || state.NegotiatedProtocol != "h2" {
		t.Fatalf("first handshake: %v, resumed %t, protocol %q", err, state.DidResume, state.NegotiatedProtocol)
	}
	if state, _, err = handshake(ca.ServerConfig("a.example"), client); err != nil || !state.DidResume {
		t.Errorf("second handshake: %v, resumed %t", err, state.DidResume)
	}
	if _, serverErr, _ := handshake(ca.ServerConfig("b.example"), client); serverErr == nil {
		t.Error("a session of a.example opened b.example")
	}
}
