package oauth

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"authsome"
	"authsome/internal/span"
)

const (
	// assertionLifetime is how long an assertion is good for: the longest that Google takes.
	assertionLifetime = time.Hour
	// GitHub wants at most ten minutes, and forgives a clock that is fast when the beginning is set back.
	appLifetime = 9 * time.Minute
	appSetBack  = time.Minute

	opInstallation = "installation token request"

	// clockTolerance is the difference of two clocks above which a refused assertion may be one with wrong times.
	clockTolerance = time.Minute
)

// ServiceAccount is the key file of a Google service account.
type ServiceAccount struct {
	Email    string
	KeyID    string
	TokenURL string // token_uri; may be empty
	key      crypto.Signer
}

var errNoKeyFile = errors.New("it is not the key file of a service account: a JSON object with client_email and private_key")

// ParseServiceAccount reads a key file. No error holds any of it.
func ParseServiceAccount(file authsome.Secret) (*ServiceAccount, error) {
	var doc struct {
		Type         string          `json:"type"`
		ClientEmail  string          `json:"client_email"`
		PrivateKeyID string          `json:"private_key_id"`
		PrivateKey   json.RawMessage `json:"private_key"`
		TokenURI     string          `json:"token_uri"`
	}
	var pem string
	if json.Unmarshal([]byte(file.Reveal()), &doc) != nil || json.Unmarshal(doc.PrivateKey, &pem) != nil || doc.ClientEmail == "" {
		return nil, errNoKeyFile
	}
	if doc.Type != "" && doc.Type != "service_account" {
		return nil, fmt.Errorf("it is a file of the type %q, not of a service account", printable(doc.Type))
	}
	key, err := ParsePrivateKey(authsome.NewSecret(pem))
	if err != nil {
		return nil, fmt.Errorf("its private_key: %w", err)
	}
	return &ServiceAccount{Email: doc.ClientEmail, KeyID: doc.PrivateKeyID, TokenURL: doc.TokenURI, key: key}, nil
}

// googleTokenURL is where Google issues tokens now. Key files that were made before name one of the other addresses that
// Google had for the same; nothing is sent there.
const googleTokenURL = "https://oauth2.googleapis.com/token"

// NamesOldEndpoint reports whether the key file names a former address of Google's token endpoint, and tokenURL is that of
// today.
func (s *ServiceAccount) NamesOldEndpoint(tokenURL string) bool {
	former := []string{"https://accounts.google.com/o/oauth2/token", "https://www.googleapis.com/oauth2/v4/token"}
	return tokenURL == googleTokenURL && slices.Contains(former, s.TokenURL)
}

// Assertion returns a JWT for the token endpoint, RFC 7523 section 3, with the scopes that Google wants in it and without
// sub, which there names a person to act for.
func (s *ServiceAccount) Assertion(tokenURL string, scopes []string, now time.Time) (authsome.Secret, error) {
	header := map[string]any{"typ": "JWT"}
	if s.KeyID != "" {
		header["kid"] = s.KeyID
	}
	claims := map[string]any{
		"iss": s.Email, "aud": tokenURL, "iat": now.Unix(), "exp": now.Add(assertionLifetime).Unix(), "jti": random(),
	}
	if len(scopes) > 0 {
		claims["scope"] = strings.Join(scopes, " ")
	}
	jwt, err := signJWT(s.key, header, claims)
	return authsome.NewSecret(jwt), err
}

// App is a GitHub App: its identifier and private key.
type App struct {
	ID  string
	Key crypto.Signer
}

// jwt returns what the app shows in place of a token.
func (a App) jwt(now time.Time) (authsome.Secret, error) {
	jwt, err := signJWT(a.Key, map[string]any{"typ": "JWT"}, map[string]any{
		"iss": a.ID, "iat": now.Add(-appSetBack).Unix(), "exp": now.Add(appLifetime).Unix(),
	})
	return authsome.NewSecret(jwt), err
}

// Installation is where a GitHub App is installed.
type Installation struct {
	ID      string
	Account string // the user or organisation
}

// Installations lists where the app is installed, at most a hundred places. The provider's TokenURL is that of the list.
func (c *Client) Installations(ctx context.Context, app App) ([]Installation, error) {
	r, err := c.appRequest(app, http.MethodGet, c.Provider.TokenURL+"?per_page=100")
	if err != nil {
		return nil, err
	}
	a, err := c.send(ctx, r)
	if err != nil {
		return nil, err
	}
	var list []struct {
		ID      int64 `json:"id"`
		Account struct {
			Login string `json:"login"`
		} `json:"account"`
	}
	if !a.ok() {
		m, err := a.decode()
		if err != nil {
			return nil, c.unreadable(r, a, err)
		}
		return nil, c.appRejected(r, a, m)
	}
	if err := json.Unmarshal(a.body, &list); err != nil {
		return nil, a.useless(r.op, "no list of installations in the answer")
	}
	all := make([]Installation, len(list))
	for i, entry := range list {
		all[i] = Installation{strconv.FormatInt(entry.ID, 10), printable(entry.Account.Login)}
	}
	return all, nil
}

// InstallationToken asks for a token that acts for the app at one installation. It lives an hour.
func (c *Client) InstallationToken(ctx context.Context, app App, installation string) (*Token, error) {
	r, err := c.appRequest(app, http.MethodPost, c.Provider.TokenURL+"/"+url.PathEscape(installation)+"/access_tokens")
	if err != nil {
		return nil, err
	}
	a, err := c.send(ctx, r)
	if err != nil {
		return nil, err
	}
	m, err := a.decode()
	if err != nil {
		return nil, c.unreadable(r, a, err)
	}
	if !a.ok() {
		err := c.appRejected(r, a, m)
		c.logFailure(ctx, r, a, err)
		return nil, err
	}
	if m.text("token") == "" || hasControl(m.text("token")) {
		return nil, a.useless(r.op, "no token in the answer")
	}
	t := &Token{
		AccessToken: authsome.NewSecret(m.text("token")), TokenType: "Bearer", Scopes: permissions(m), SentAt: a.sentAt,
		ClockSkew: a.clockSkew(),
	}
	t.ExpiresAt, t.Lifetime = c.accessExpiry(m, a.sentAt)
	return t, nil
}

func (c *Client) appRequest(app App, method, at string) (*request, error) {
	jwt, err := app.jwt(c.now())
	if err != nil {
		return nil, refused(opInstallation, "the key of the app cannot sign")
	}
	return &request{
		op: opInstallation, method: method, url: at, authorization: "Bearer " + jwt.Reveal(), redact: c.redactor(jwt),
	}, nil
}

// appRejected classifies by status, as this API has no error codes: 401, the app or its key is not known; 404, the
// installation is not. 403 has many reasons, a limit of requests and a list of allowed addresses among them, and so is no
// verdict.
func (c *Client) appRejected(r *request, a *answer, m members) error {
	e := c.rejected(r, a, m)
	switch {
	case a.status == http.StatusUnauthorized:
		e.Class, e.Code, e.Reason = ClassGrant, "invalid_app", "the app or its key is not accepted (HTTP 401)"
		return blameClock(e)
	case a.status == http.StatusNotFound:
		e.Class, e.Code = ClassGrant, "invalid_installation"
		e.Reason = "the app is not installed there, or no more (HTTP 404)"
	case a.status == http.StatusForbidden && a.rateLimited():
		e.Class, e.Code, e.Reason = ClassTransient, "rate_limited", "rate limited (HTTP 403)"
		if e.RetryAfter == 0 {
			e.RetryAfter = a.limitReset(c.now())
		}
	case a.status == http.StatusForbidden:
		e.Class, e.Code, e.Reason = ClassRequest, "forbidden", "GitHub refuses it for now (HTTP 403)"
	}
	return e
}

// rateLimited reports whether GitHub has had too many requests: it says so with 403 as well as with 429.
func (a *answer) rateLimited() bool {
	return a.header.Get("Retry-After") != "" || a.header.Get("X-RateLimit-Remaining") == "0"
}

// limitReset returns how long GitHub's limit lasts, by the header field that has the time of its end; 0: unknown.
func (a *answer) limitReset(now time.Time) time.Duration {
	at, known := instant(a.header.Get("X-RateLimit-Reset"))
	if !known {
		return 0
	}
	return max(0, min(at.Sub(now), maxRetryAfter))
}

// blameClock takes the verdict back where an assertion was refused and the clocks differ: its times were wrong, and
// nothing is known about the key.
func blameClock(err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Class != ClassGrant || e.clockSkew.Abs() <= clockTolerance {
		return err
	}
	blamed := *e
	blamed.Class = ClassRequest
	blamed.Reason = fmt.Sprintf("%s, and the clock of this machine is off by %s",
		e.Reason, span.Words(e.clockSkew.Abs()))
	return &blamed
}

// permissions writes what a token may do like scopes: contents:read.
func permissions(m members) []string {
	granted, _ := m["permissions"].(map[string]any)
	scopes := []string{}
	for name, level := range granted {
		if s, ok := level.(string); ok {
			scopes = append(scopes, name+":"+s)
		}
	}
	slices.Sort(scopes)
	return scopes
}
