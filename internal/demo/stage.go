package demo

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"authsome/internal/authserver"
	"authsome/internal/mitm"
)

// shortLife is how long access tokens live that are to expire in the story, longLife the others. Servers count in whole
// seconds.
const (
	shortLife = time.Second
	longLife  = time.Hour
)

// stage is where the story is played: a directory, an authorization server and an API.
type stage struct {
	cfg    Config
	dir    string // everything lies below it; mode 0700
	issuer string // of the authorization server
	secret string // of the OAuth client
	auth   *authserver.Server
	api    *api
	apiAt  string // the API's address and port
	served []*http.Server
	ports  []string // address and port of each server
}

// Files of the stage, below its directory.
const (
	homeDir  = "home"   // AUTHSOME_HOME
	workDir  = "work"   // where the steps are played
	rootFile = "ca.pem" // the authority that the API's certificate comes from
)

// openStage makes everything that the story needs.
func openStage(cfg Config) (*stage, error) {
	dir, err := os.MkdirTemp("", "authsome-demo-")
	if err != nil {
		return nil, err
	}
	s := &stage{cfg: cfg, dir: dir, secret: "acme-secret-" + rand.Text()}
	if err := s.build(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *stage) build() error {
	ca, err := mitm.NewCA(time.Now)
	if err != nil {
		return err
	}
	if err := s.serveProvider(); err != nil {
		return err
	}
	if err := s.serveAPI(ca); err != nil {
		return err
	}
	return errors.Join(
		os.Mkdir(s.path(workDir), 0o700),
		os.WriteFile(s.path(rootFile), ca.CertificatePEM(), 0o600),
		os.WriteFile(filepath.Join(s.path(workDir), definitionFile), definition(s.issuer), 0o600),
	)
}

func (s *stage) path(name string) string { return filepath.Join(s.dir, name) }

func (s *stage) serveProvider() error {
	listener, err := s.listen()
	if err != nil {
		return err
	}
	s.issuer = "http://" + listener.Addr().String()
	s.auth = authserver.New(authserver.Config{
		Issuer: s.issuer,
		Clients: []authserver.Client{{
			ID: clientID, Secret: s.secret, Auth: authserver.ClientAuthBasic,
			RedirectURIs: []string{"http://127.0.0.1/callback"},
		}},
		Scopes:              []string{"profile"},
		AccessTokenLifetime: shortLife,
	})
	s.serve(listener, s.auth)
	return nil
}

func (s *stage) serveAPI(ca *mitm.CA) error {
	leaf, err := ca.Leaf(apiHost)
	if err != nil {
		return err
	}
	listener, err := s.listen()
	if err != nil {
		return err
	}
	s.apiAt = listener.Addr().String()
	s.api = &api{auth: s.auth}
	s.serve(tls.NewListener(listener, &tls.Config{
		Certificates: []tls.Certificate{*leaf}, MinVersion: tls.VersionTLS12,
	}), s.api)
	return nil
}

func (s *stage) listen() (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open a port on this computer: %w", err)
	}
	s.ports = append(s.ports, listener.Addr().String())
	return listener, nil
}

func (s *stage) serve(listener net.Listener, handler http.Handler) {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: requestTimeout, ErrorLog: log.New(io.Discard, "", 0),
	}
	s.served = append(s.served, server)
	go func() { _ = server.Serve(listener) }() // until close
}

// close ends the servers and removes the directory. Closing again does nothing.
func (s *stage) close() error {
	var errs []error
	for _, server := range s.served {
		errs = append(errs, server.Close())
	}
	errs = append(errs, removeAll(s.dir))
	s.served = nil
	return errors.Join(errs...)
}

// removeAll gives processes that have just been ended a moment to leave: some systems keep what is in use.
func removeAll(dir string) error {
	var err error
	for range 10 {
		if err = os.RemoveAll(dir); err == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("remove the demo's files: %w", err)
}
