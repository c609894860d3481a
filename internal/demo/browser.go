package demo

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"
)

const (
	requestTimeout = 15 * time.Second
	pageLimit      = 1 << 20 // bytes
)

var (
	errNotLoopback = errors.New("the demo's browser visits this computer only")
	errNoForm      = errors.New("the page has no form to approve")
)

// Browse does what a person does in a browser: it opens the authorization request, presses Approve and follows the
// redirects until a page comes. It visits loopback addresses only, so that it can approve nothing real.
func Browse(ctx context.Context, address string) error {
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true}, // and no proxy
		CheckRedirect: func(r *http.Request, _ []*http.Request) error { return checkLoopback(r.URL) },
		Timeout:       requestTimeout,
	}
	page, err := visit(ctx, client, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	action, fields, err := approval(address, page)
	if err != nil {
		return err
	}
	_, err = visit(ctx, client, http.MethodPost, action, fields)
	return err
}

// visit returns the page at an address.
func visit(ctx context.Context, client *http.Client, method, address string, form url.Values) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	if err := checkLoopback(req.URL); err != nil {
		return "", err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return fetch(client, req)
}

func fetch(client *http.Client, req *http.Request) (string, error) {
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, pageLimit))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s answered %s", req.Method, req.URL.Redacted(), resp.Status)
	}
	return string(body), err
}

func checkLoopback(u *url.URL) error {
	if ip, err := netip.ParseAddr(u.Hostname()); err != nil || !ip.IsLoopback() {
		return fmt.Errorf("%w, not %s", errNotLoopback, u.Host)
	}
	return nil
}

// approval finds the form of a consent page and fills it in.
func approval(address, page string) (action string, fields url.Values, err error) {
	base, err := url.Parse(address)
	if err != nil {
		return "", nil, err
	}
	target, ok1 := between(page, `action="`, `"`)
	consent, ok2 := between(page, `name="consent" value="`, `"`)
	if !ok1 || !ok2 {
		return "", nil, errNoForm
	}
	u, err := base.Parse(target)
	if err != nil {
		return "", nil, err
	}
	return u.String(), url.Values{"consent": {consent}, "decision": {"approve"}}, nil
}

func between(s, before, after string) (string, bool) {
	_, rest, ok1 := strings.Cut(s, before)
	value, _, ok2 := strings.Cut(rest, after)
	return html.UnescapeString(value), ok1 && ok2
}

// Fetch writes what an address answers, like curl: through the proxy and with the certificate authorities that the
// environment names. It fails when the answer is not 200.
func Fetch(ctx context.Context, w io.Writer, address string) error {
	roots := x509.NewCertPool()
	// Read here because Go ignores the variable where the system has a certificate store of its own.
	pem, err := os.ReadFile(os.Getenv("SSL_CERT_FILE"))
	if err != nil {
		return fmt.Errorf("read the certificate authorities of $SSL_CERT_FILE: %w", err)
	}
	roots.AppendCertsFromPEM(pem)
	client := &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true,
			TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		},
		Timeout: requestTimeout,
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return err
	}
	body, err := fetch(client, req)
	_, writeErr := io.WriteString(w, body)
	return errors.Join(err, writeErr)
}
