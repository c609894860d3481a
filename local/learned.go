package local

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"authsome"
	"authsome/internal/oauth"
)

// accountTimeout bounds the question who has logged in; the login does not depend on the answer.
const accountTimeout = 5 * time.Second

// learnHost takes over where the API is, when the answer of the token endpoint says so and the definition allows it.
func (l *Layer) learnHost(spec *authsome.OAuth, c *connectionRecord, token *oauth.Token) {
	if spec.APIHost == nil {
		return
	}
	said := token.Member(spec.APIHost.Member)
	if said == "" {
		return
	}
	host, err := apiHost(said, spec.APIHost.Within)
	if err != nil {
		l.log.Warn("the API's host that the server named is not used", "connection", c.ref.String(), "err", err)
		return
	}
	c.APIHost = host
}

// apiHost checks what a server calls its API's host: an https URL, or a host, below one of the given patterns.
func apiHost(said string, within []string) (string, error) {
	if !strings.Contains(said, "://") {
		said = "https://" + said
	}
	u, err := url.Parse(said)
	if err != nil || u.Host == "" || u.User != nil {
		return "", fmt.Errorf("it is no URL")
	}
	origin := url.URL{Scheme: u.Scheme, Host: u.Host}
	for _, s := range within {
		p, err := authsome.ParseHostPattern(s)
		if err == nil && p.MatchHost(origin.Scheme, origin.Hostname(), origin.Port()) {
			return origin.String(), nil
		}
	}
	return "", fmt.Errorf("%s is not below %s", origin.Host, strings.Join(within, " or "))
}

// learnAccount finds out who has logged in, as far as the provider tells, and keeps it with the connection that has just
// been stored. That nobody knows does no harm.
func (l *Layer) learnAccount(
	ctx context.Context, p *authsome.Provider, h *holding, c *connectionRecord, read func() (oauth.Answer, error),
) {
	if p.Account == nil {
		return
	}
	if p.Account.From == "" || p.Account.From == authsome.AccountFromURL {
		read = func() (oauth.Answer, error) { return l.askAPI(ctx, p, h, c) }
	}
	if read == nil {
		return
	}
	said, err := read()
	if err != nil {
		l.log.Debug("who has logged in cannot be found out", "connection", c.ref.String(), "err", err)
		return
	}
	account := authsome.Account{ID: said.Member(p.Account.ID), Label: said.Member(p.Account.Label)}
	if account == (authsome.Account{}) {
		return
	}
	if err := l.noteAccount(ctx, c, account); err != nil {
		l.log.Debug("who has logged in cannot be stored", "connection", c.ref.String(), "err", err)
		return
	}
	c.Account = account
}

// noteAccount writes the account into the record, unless another login has replaced it meanwhile.
func (l *Layer) noteAccount(ctx context.Context, c *connectionRecord, account authsome.Account) error {
	unlock, err := l.lockOne(ctx, c.ref)
	if err != nil {
		return err
	}
	defer unlock()
	stored, err := l.reread(ctx, c.ref)
	if err != nil || !stored.ObtainedAt.Equal(c.ObtainedAt) {
		return err
	}
	stored.Account = account
	return l.store(ctx, stored)
}

// maxAccountAnswer bounds the answer that says who has logged in, in bytes.
const maxAccountAnswer = 1 << 20

// askAPI asks the provider's API who the credential is for.
func (l *Layer) askAPI(ctx context.Context, p *authsome.Provider, h *holding, c *connectionRecord) (oauth.Answer, error) {
	resp, err := l.callAccount(ctx, p, h, c)
	if err != nil {
		return oauth.Answer{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return oauth.Answer{}, fmt.Errorf("%s answered HTTP %d", resp.Request.URL.Host, resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAccountAnswer))
	if err != nil {
		return oauth.Answer{}, err
	}
	return oauth.ParseAnswer(body)
}

// onlyOne is a source with one credential, for a request about it.
type onlyOne struct{ cred *authsome.Credential }

// Credential returns it.
func (o onlyOne) Credential(context.Context, authsome.Ref, authsome.CredentialOptions) (*authsome.Credential, error) {
	return o.cred, nil
}

// accountIn returns how a login's own answer tells who has logged in, or nil where the definition looks elsewhere.
func (l *Layer) accountIn(b *begunLogin, token *oauth.Token) func() (oauth.Answer, error) {
	if b.provider.Account == nil {
		return nil
	}
	switch b.provider.Account.From {
	case authsome.AccountFromIDToken:
		return func() (oauth.Answer, error) { return token.IDToken(b.spec.Issuer, b.client.ClientID, b.nonce, l.now()) }
	case authsome.AccountFromToken:
		return func() (oauth.Answer, error) { return token.Answer(), nil }
	default:
		return nil
	}
}
