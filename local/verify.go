package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"authsome"
	"authsome/internal/provider"
)

// Verify asks the provider whether it still accepts the stored credential: its introspection endpoint (RFC 7662), or the URL
// at which the definition says that an account is told. Nothing is refreshed for it.
func (l *Layer) Verify(ctx context.Context, ref authsome.Ref) (authsome.Verdict, error) {
	p, h, c, err := l.lookup(ctx, ref)
	if err != nil {
		return authsome.VerdictUnknown, err
	}
	if !c.alive(l.now()) {
		return authsome.VerdictUnknown, nil // there is nothing to ask about
	}
	if spec, err := l.introspectionOf(p, h, c); err != nil || spec != nil {
		if err != nil {
			return authsome.VerdictUnknown, err
		}
		return l.askIntrospection(ctx, h, c, spec)
	}
	if p.Account == nil || p.Account.From != "" && p.Account.From != authsome.AccountFromURL {
		return authsome.VerdictUnknown, nil
	}
	resp, err := l.callAccount(ctx, p, h, c)
	if err != nil {
		return authsome.VerdictUnknown, unverified(c.ref, err.Error(), err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAccountAnswer)) // so that the connection can be used again
	switch {
	case resp.StatusCode == http.StatusUnauthorized:
		return authsome.VerdictRejected, nil
	case resp.StatusCode >= http.StatusInternalServerError, resp.StatusCode == http.StatusTooManyRequests:
		reason := fmt.Sprintf("%s answered HTTP %d", resp.Request.URL.Host, resp.StatusCode)
		return authsome.VerdictUnknown, unverified(c.ref, reason, nil)
	case resp.StatusCode >= http.StatusMultipleChoices:
		return authsome.VerdictUnknown, nil // 403 may be about a scope, and 404 about the definition
	default:
		return authsome.VerdictAccepted, nil
	}
}

// introspectionOf returns the server that can be asked about the connection's token, or nil.
func (l *Layer) introspectionOf(p *authsome.Provider, h *holding, c *connectionRecord) (*authsome.OAuth, error) {
	if c.AuthType != authsome.AuthTypeOAuth2 || p.OAuth == nil || c.ClientID == "" || h.registration(c) == nil {
		return nil, nil //nolint:nilnil // there is none
	}
	spec, err := serverOf(p, h.settings, c.BaseURL)
	if err != nil || spec.IntrospectionURL == "" || refreshURL(spec) != c.TokenURL || !c.mayBeTold(spec.IntrospectionURL, c.IntrospectionURL) {
		return nil, err
	}
	return spec, nil
}

func (l *Layer) askIntrospection(
	ctx context.Context, h *holding, c *connectionRecord, spec *authsome.OAuth,
) (authsome.Verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	said, err := l.client(spec, h.registration(c)).Introspect(ctx, c.AccessToken.Secret)
	switch {
	case err != nil:
		return authsome.VerdictUnknown, unverified(c.ref, asOAuthError(err).Reason, err)
	case said.Active:
		return authsome.VerdictAccepted, nil
	default:
		return authsome.VerdictRejected, nil
	}
}

func unverified(ref authsome.Ref, reason string, err error) *authsome.Error {
	return &authsome.Error{
		Kind: authsome.KindUnreachable, Ref: ref, Reason: reason, Err: err,
		Message: fmt.Sprintf("%s cannot be verified at the provider: %s", ref, reason),
		Hint:    "authsome check " + Arguments(ref) + " --online tries again",
	}
}

// callAccount asks the URL that tells who has logged in. The credential goes only where it may.
func (l *Layer) callAccount(ctx context.Context, p *authsome.Provider, h *holding, c *connectionRecord) (*http.Response, error) {
	at := p.Account.URL
	for placeholder, value := range map[string]string{"{base_url}": provider.BaseURL(p, c.BaseURL), "{api_host}": c.APIHost} {
		at = strings.ReplaceAll(at, placeholder, strings.TrimRight(value, "/"))
	}
	cred, err := credential(p, h.settings.Server, c, l.now, nil)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "authsome")
	client := http.Client{
		Transport:     &authsome.Transport{Source: onlyOne{cred}, Ref: c.ref, Base: l.http.Transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       min(accountTimeout, l.timeout),
	}
	resp, err := client.Do(req)
	if err != nil && errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("connection timed out: %w", err)
	}
	return resp, err
}
