package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
)

func TestWhatIsWrongWithACertificateIsSaid(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		why  error
		want string // in the hint; empty: there is none
	}{
		{x509.UnknownAuthorityError{}, "SSL_CERT_FILE"},
		{x509.HostnameError{Certificate: &x509.Certificate{}}, "another host"},
		{x509.CertificateInvalidError{Reason: x509.Expired}, "clock"},
		{x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign}, ""},
		{errors.New("another fault"), ""},
	} {
		r := unreachable(authority{host: "api.test", port: "443"}, &tls.CertificateVerificationError{Err: c.why})
		if (c.want == "") != (r.Hint == "") || !strings.Contains(r.Hint, c.want) {
			t.Errorf("%v: got the hint %q", c.why, r.Hint)
		}
	}
}
