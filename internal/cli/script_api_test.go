package cli

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"authsome/internal/mitm"
)

// startAPI starts the API. It answers below any name, with what it saw.
func (w *scriptWorld) startAPI() (address, roots string, err error) {
	ca, err := mitm.NewCA(time.Now)
	if err != nil {
		return "", "", err
	}
	roots = filepath.Join(w.work, "api-ca.pem")
	if err := os.WriteFile(roots, ca.CertificatePEM(), 0o600); err != nil {
		return "", "", err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	w.serve("api", tls.NewListener(l, &tls.Config{
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return ca.Leaf(hello.ServerName) },
	}), http.HandlerFunc(w.serveAPI))
	return l.Addr().String(), roots, nil
}

// serveAPI says what a request looked like when it arrived, but no secret. Below /private it wants a credential.
func (w *scriptWorld) serveAPI(rw http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v1/me" {
		rw.Header().Set("Content-Type", "application/json")
		_, _ = rw.Write([]byte(`{"id": 42, "user": {"name": "jo"}}`))
		return
	}
	if r.URL.Path == "/echo" { // as a careless API does
		rw.Header().Set("Set-Cookie", "session=of-the-credential")
		_, _ = fmt.Fprintf(rw, "you sent %s\n", r.Header.Get("Authorization")+r.Header.Get("X-Api-Key"))
		return
	}
	if strings.HasSuffix(r.URL.Path, "/info/refs") {
		w.serveRefs(rw, r)
		return
	}
	seen := w.credentialOf(r)
	status := http.StatusOK
	if strings.HasPrefix(r.URL.Path, "/private") && seen != "valid" {
		status = http.StatusUnauthorized
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(map[string]string{
		"host": r.Host, "method": r.Method, "path": r.URL.Path, "credential": seen,
	})
}

func (w *scriptWorld) credentialOf(r *http.Request) string {
	if seen := w.credentialOfKind(r); seen != "" {
		return seen
	}
	sent := r.Header.Get("Authorization") + r.Header.Get("X-Api-Key")
	_, bearer := w.auth.Authenticate(r)
	switch {
	case sent == "":
		return "none"
	case bearer || r.Header.Get("X-Api-Key") == w.apiKey:
		return "valid"
	case strings.Contains(sent, "authsome-proxy-managed"):
		return "placeholder"
	default:
		return "unknown"
	}
}

func (w *scriptWorld) apiEnvironment(address, roots string) map[string]string {
	return map[string]string{
		"SSL_CERT_FILE": roots, "API_ADDRESS": address,
		"RESOLVE":        fmt.Sprintf("api.acme.test:443:%s", address),
		"RESOLVE_KEYS":   fmt.Sprintf("keys.acme.test:443:%s", address),
		"RESOLVE_MIXED":  fmt.Sprintf("api.mixed.test:443:%s", address),
		"RESOLVE_DOOR":   "door.acme.test:443:" + address,
		"RESOLVE_PAIR":   "pair.acme.test:443:" + address,
		"RESOLVE_ASK":    "ask.acme.test:443:" + address,
		"RESOLVE_OWN":    "own.acme.test:443:" + address,
		"RESOLVE_CLOUD":  "eu-west-1.cloud.acme.test:443:" + address,
		"RESOLVE_TENANT": "one.tenants.acme.test:443:" + address,
		"RESOLVE_FORGE":  "forge.acme.test:443:" + address,
		"RESOLVE_OTHER":  fmt.Sprintf("other.test:443:%s", address),
	}
}
