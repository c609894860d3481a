package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"syscall"

	"authsome"
	"authsome/internal/policy"
)

// refusal is the answer to a request that is not forwarded. Its JSON form is the one that the commands print.
type refusal struct {
	status     int
	Kind       authsome.Kind           `json:"error"`
	Message    string                  `json:"message"`
	Hint       string                  `json:"hint,omitempty"`
	Reason     string                  `json:"reason,omitempty"`
	Provider   authsome.ProviderName   `json:"provider,omitempty"`
	Connection authsome.ConnectionName `json:"connection,omitempty"`
	Rule       string                  `json:"rule,omitempty"`    // of the policy
	RuleAt     string                  `json:"rule_at,omitempty"` // where it stands
	RetryAfter int64                   `json:"retry_after,omitempty"`

	ref   authsome.Ref
	cause error // of an upstream that cannot be reached
}

// refuse makes a refusal of the client's own fault or of the rules.
func refuse(status int, reason, format string, args ...any) *refusal {
	kind := authsome.KindDenied
	if status == http.StatusBadRequest || status == http.StatusMisdirectedRequest {
		kind = authsome.KindUsage
	}
	return &refusal{status: status, Kind: kind, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// noCredential makes the refusal for a connection whose credential cannot be had.
func noCredential(ref authsome.Ref, err error) *refusal {
	r := &refusal{
		status: http.StatusBadGateway, Kind: authsome.KindOf(err),
		Message: fmt.Sprintf("no credential for %s", ref), Provider: ref.Provider, Connection: ref.Connection, ref: ref,
	}
	if e, ok := errors.AsType[*authsome.Error](err); ok {
		r.Message, r.Hint, r.Reason = e.Message, e.Hint, e.Reason
		if r.Connection == "" {
			r.Connection = e.Ref.Connection
		}
	}
	switch {
	case r.Reason == authsome.ReasonAuditUnavailable: // which passes
		r.status = http.StatusServiceUnavailable
	case r.Kind == authsome.KindDenied:
		r.status = http.StatusForbidden
	case errors.Is(err, authsome.ErrBodyTooLarge):
		r.status, r.Reason, r.Hint = http.StatusRequestEntityTooLarge, "body_too_large", "" // a login mends nothing
	}
	if r.Connection == "" {
		r.Connection = authsome.DefaultConnection
	}
	return r
}

// unreachable makes the refusal for an upstream that could not be reached or did not answer. The cause is not shown
// beyond its class: it may quote what was sent.
func unreachable(a authority, err error) *refusal {
	if errors.Is(err, errForbiddenAddress) {
		return refuse(http.StatusForbidden, "forbidden_address", "connections to the address of %s are not allowed", a)
	}
	if errors.Is(err, errUnseen) {
		r := refuse(http.StatusForbidden, "unseen_address", "the sandbox does not allow %s: %v", a, errUnseen)
		r.Hint = "tell the person who started this run; if that proxy refuses to connect to this machine, they can say so with " +
			"--sandbox-trust-proxy"
		return r
	}
	r := &refusal{status: http.StatusBadGateway, Kind: authsome.KindUnreachable, Reason: classify(err), cause: err}
	r.Message = fmt.Sprintf("no answer from %s: %s", a, r.Reason)
	if via, ok := errors.AsType[*proxyError](err); ok {
		r.Message = fmt.Sprintf("no way to %s through the proxy %s of the environment: %s", a, via.proxy, r.Reason)
	}
	r.Hint = aboutCertificate(err)
	return r
}

// aboutCertificate says what is wrong with the certificate of a server, if that is known.
func aboutCertificate(err error) string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "if this network decrypts traffic, let SSL_CERT_FILE name its certificate authority where authsome is started"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "the certificate is for another host"
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return "the certificate is not valid now: it has expired, or the clock of this machine is wrong"
	}
	return ""
}

func classify(err error) string {
	if via, ok := errors.AsType[*proxyError](err); ok && via.answer != "" {
		return "the proxy answered " + via.answer
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return "connection timed out"
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "host not found"
	}
	switch {
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case isConnRefused(err):
		return "connection refused"
	case isCertificateError(err):
		return "certificate not trusted"
	}
	return "connection failed"
}

// wsaConnRefused is what Windows says in place of ECONNREFUSED, which package syscall has made up there.
const wsaConnRefused = syscall.Errno(10061)

// isConnRefused reports whether the other computer has answered that nobody listens.
func isConnRefused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, wsaConnRefused)
}

// isCertificateError reports whether TLS failed on the certificate of the server.
func isCertificateError(err error) bool {
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok
}

// phrase is the refusal in a line, for programs that show no more of it.
func (r *refusal) phrase() string {
	text := "authsome: " + r.Message
	if r.Hint == policy.Advice {
		text += "; do not work around this"
	}
	return text
}

// write sends the refusal. The connection stays usable.
func (r *refusal) write(w http.ResponseWriter) {
	body, err := json.Marshal(r)
	if err != nil {
		body = []byte(`{"error":"internal"}`)
	}
	body = append(body, '\n')
	h := w.Header()
	clear(h)
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	if r.status == http.StatusProxyAuthRequired {
		h.Set("Proxy-Authenticate", `Basic realm="authsome run"`)
	}
	if r.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(r.RetryAfter, 10))
	}
	w.WriteHeader(r.status)
	_, _ = w.Write(body)
}
