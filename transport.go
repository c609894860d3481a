package authsome

import (
	"fmt"
	"io"
	"net/http"
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
	newer, err := t.Source.Credential(req.Context(), t.Ref, CredentialOptions{Rejected: cred.Generation})
	if err != nil || newer.Generation == cred.Generation {
		return resp, nil //nolint:nilerr // the caller gets the API's own answer, which says more
	}
	body := req.Body
	if req.GetBody != nil {
		if body, err = req.GetBody(); err != nil {
			return resp, nil //nolint:nilerr // as above
		}
	}
	_ = resp.Body.Close()
	return t.send(req, newer, body)
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
	if err := cred.Apply(out.Header); err != nil {
		closeBody(out)
		return nil, err
	}
	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	return base.RoundTrip(out)
}

func replayable(req *http.Request) bool {
	return req.Body == nil || req.Body == http.NoBody || req.GetBody != nil
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}
