package mcp_test

import (
	"crypto/tls"
	"net/http"
)

// insecure is the transport of the test's own browser: the certificates are made for each test.
func insecure() *http.Transport {
	return &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // loopback only
}
