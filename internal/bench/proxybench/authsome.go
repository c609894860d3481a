package main

import (
	"context"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"time"

	"authsome"
	"authsome/internal/audit"
	"authsome/internal/mitm"
	"authsome/internal/proxy"
)

// serveAuthsome is the proxy of `authsome run`, with a credential that is fresh for an hour, whose answers are not looked
// through for it; serveRedacting looks through them, as it is the default.
func serveAuthsome(origin endpoint) error { return serveProxy(origin, authsome.Guard{Off: true}) }

func serveRedacting(origin endpoint) error { return serveProxy(origin, authsome.Guard{}) }

func serveProxy(origin endpoint, guard authsome.Guard) error {
	ca, err := mitm.NewCA(nil)
	if err != nil {
		return err
	}
	hosts, err := patterns(hostMatched, "*"+hostsFirst)
	if err != nil {
		return err
	}
	excluded, err := patterns("https://" + hostMatched + "/oauth/token")
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(origin.CA)
	ref := authsome.Ref{Profile: "default", Provider: "bench", Connection: "default"}
	route := proxy.Route{Ref: ref, Hosts: hosts, Excluded: excluded, Guard: guard}
	dir, err := os.MkdirTemp("", "proxybench")
	if err != nil {
		return err
	}
	log := audit.Open(filepath.Join(dir, "audit.log")).Buffered()
	atEnd = func() {
		_ = log.Close()
		_ = os.RemoveAll(dir)
	}
	p, err := proxy.New(proxy.Config{
		Routes: []proxy.Route{route},
		Source: source{&authsome.Credential{
			Ref: ref, Value: authsome.NewSecret(token[len("Bearer "):]), Generation: 1,
			FreshUntil: time.Now().Add(time.Hour), ExpiresAt: time.Now().Add(2 * time.Hour),
			Inject: authsome.Injection{Prefix: "Bearer "}, Hosts: route.Hosts, Excluded: route.Excluded,
		}},
		CA:       ca,
		User:     benchUser,
		Password: authsome.NewSecret(benchPassword),
		RootCAs:  roots,
		Resolve:  map[string]string{hostMatched + ":443": origin.Address, hostOther + ":443": origin.Address},
		Recorder: log, OwnProcess: true,
		// Ten thousand tunnels, and the client that asks meanwhile.
		MaxConnections: 12_000,
	})
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := announce(endpoint{Address: ln.Addr().String(), CA: ca.CertificatePEM()}); err != nil {
		return err
	}
	return p.Serve(ln)
}

type source struct{ credential *authsome.Credential }

// Credential returns the one credential there is.
func (s source) Credential(context.Context, authsome.Ref, authsome.CredentialOptions) (*authsome.Credential, error) {
	return s.credential, nil
}

func patterns(list ...string) ([]authsome.HostPattern, error) {
	var out []authsome.HostPattern
	for _, s := range list {
		p, err := authsome.ParseHostPattern(s)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}
