package authsome

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Transport is an [http.RoundTripper] that authenticates requests with one connection. It is bound to the provider's
// hosts: a request for any other place fails with [KindDenied] and is not sent. The credential is asked for at each
// request, so a long-lived client keeps working across expiries.
type Transport struct {
	Source CredentialSource
	Ref    Ref
	Base   http.RoundTripper // http.DefaultTransport if nil
}

var _ http.RoundTripper = (*Transport)(nil)

// RoundTrip sends a copy of req with the credential set. When the API answers 401 to a credential that has been
// replaced meanwhile, or that a refresh replaces, and the body can be sent again, it is sent once more.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	cred, err := t.Source.Credential(req.Context(), t.Ref, CredentialOptions{})
	if err != nil {
		closeBody(req)
		return nil, err
	}
	resp, err := t.send(req, cred, req.Body)
	if err != nil || resp.StatusCode != http.StatusUnauthorized || !replayable(req) {
		return resp, err
	}
	newer := t.newer(req, resp, cred)
	if newer == nil {
		return resp, nil
	}
	body := req.Body
	if req.GetBody != nil {
		if body, err = req.GetBody(); err != nil {
			return resp, nil //nolint:nilerr // the caller gets the API's own answer
		}
	}
	_ = resp.Body.Close()
	return t.send(req, newer, body)
}

// newer returns the credential with which a request that was answered 401 may succeed, or nil: the same one, when its
// signer has learned something, or its successor. A scope that is missing no refresh can add (RFC 6750 section 3.1).
func (t *Transport) newer(req *http.Request, resp *http.Response, cred *Credential) *Credential {
	if cred.Signer != nil && cred.Signer.Retry(resp) {
		return cred
	}
	if ScopeMissing(resp.Header) {
		return nil
	}
	newer, err := t.Source.Credential(req.Context(), t.Ref, CredentialOptions{Rejected: cred.Generation})
	if err != nil || newer.Generation == cred.Generation {
		return nil // the caller gets the API's own answer, which says more
	}
	return newer
}

func (t *Transport) send(req *http.Request, cred *Credential, body io.ReadCloser) (*http.Response, error) {
	out := req.Clone(req.Context())
	out.Body = body
	if otherHost := req.Host != "" && req.Host != req.URL.Host; otherHost || !cred.Allows(req.URL) {
		closeBody(out)
		return nil, &Error{
			Kind: KindDenied, Ref: cred.Ref,
			Message: fmt.Sprintf("the credential of %s may not be sent to %s", cred.Ref, req.URL.Host),
			Hint:    fmt.Sprintf("authsome inspect %s shows the hosts it is for", cred.Ref.Provider),
		}
	}
	if err := cred.Authenticate(out); err != nil {
		closeBody(out)
		return nil, err
	}
	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	return base.RoundTrip(out)
}

// ScopeMissing reports whether an answer says that the token is good and its scope too narrow: insufficient_scope of RFC
// 6750 section 3.1.
func ScopeMissing(h http.Header) bool {
	for _, field := range h["Www-Authenticate"] {
		_, after, found := strings.Cut(field, "error=")
		if found && strings.HasPrefix(strings.TrimLeft(after, `" `), "insufficient_scope") {
			return true
		}
	}
	return false
}

func replayable(req *http.Request) bool {
	return req.Body == nil || req.Body == http.NoBody || req.GetBody != nil
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}
