package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"authsome"
)

const (
	opRegister   = "client registration request"
	opManage     = "client configuration request"
	opUnregister = "client deletion request"
)

// Registration is a client that a server has registered, as it says: RFC 7591 section 3.2.1, RFC 7592 section 3.
type Registration struct {
	ClientID        string
	ClientSecret    authsome.Secret
	SecretExpiresAt time.Time // zero: never
	AuthMethod      authsome.ClientAuth
	// URL and AccessToken manage the registration; empty where the server does not let it be managed.
	URL         string
	AccessToken authsome.Secret
	// Metadata is what the server returned, without secrets. An update repeats it (RFC 7592 section 2.2).
	Metadata json.RawMessage
}

// clientMetadata is what is asked for, RFC 7591 section 2, with application_type of OpenID Connect Registration.
type clientMetadata struct {
	ApplicationType string   `json:"application_type"`
	ClientName      string   `json:"client_name"`
	SoftwareID      string   `json:"software_id"`
	RedirectURIs    []string `json:"redirect_uris"`
	GrantTypes      []string `json:"grant_types"`
	ResponseTypes   []string `json:"response_types"`
	AuthMethod      string   `json:"token_endpoint_auth_method"`
	Scope           string   `json:"scope,omitempty"`
	DPoPBound       bool     `json:"dpop_bound_access_tokens,omitempty"`
}

// softwareID names this program among all clients of a server (RFC 7591 section 2); it is the same for everybody.
const softwareID = "authsome"

// Register registers a client for a redirect URI, RFC 7591. Where that is on a loopback address it is registered for
// both of them, unless the server objects to the other one.
func (c *Client) Register(ctx context.Context, redirectURI string, scopes []string) (*Registration, error) {
	asked := clientMetadata{
		ApplicationType: "native", ClientName: "authsome", SoftwareID: softwareID, RedirectURIs: bothLoopbacks(redirectURI),
		GrantTypes: []string{"authorization_code", "refresh_token"}, ResponseTypes: []string{"code"},
		AuthMethod: registeredMethod(c.Provider), Scope: strings.Join(scopes, " "), DPoPBound: c.Provider.DPoP,
	}
	r, err := c.register(ctx, asked)
	e, ok := errors.AsType[*Error](err)
	objects := ok && (e.Code == "invalid_redirect_uri" || e.Code == "invalid_client_metadata")
	if objects && len(asked.RedirectURIs) > 1 {
		asked.RedirectURIs = []string{redirectURI}
		return c.register(ctx, asked)
	}
	return r, err
}

// registeredMethod is none wherever the server takes public clients: a secret that many programs share is none.
func registeredMethod(server authsome.OAuth) string {
	switch {
	case server.SecretOptional || server.ClientAuth == authsome.ClientAuthNone || server.ClientAuth == "":
		return string(authsome.ClientAuthNone)
	case server.ClientAuth == authsome.ClientAuthPost:
		return "client_secret_post"
	default:
		return "client_secret_basic"
	}
}

// bothLoopbacks returns a redirect URI and its twin on the other loopback address (RFC 8252 section 7.3).
func bothLoopbacks(redirectURI string) []string {
	u, err := url.Parse(redirectURI)
	if err != nil {
		return []string{redirectURI}
	}
	twin := *u
	port := ""
	if p := u.Port(); p != "" {
		port = ":" + p
	}
	switch u.Hostname() {
	case "127.0.0.1":
		twin.Host = "[::1]" + port
	case "::1":
		twin.Host = "127.0.0.1" + port
	default:
		return []string{redirectURI}
	}
	return []string{redirectURI, twin.String()}
}

func (c *Client) register(ctx context.Context, asked clientMetadata) (*Registration, error) {
	body, err := json.Marshal(asked)
	if err != nil {
		return nil, refused(opRegister, "the request cannot be encoded")
	}
	r := &request{
		op: opRegister, method: http.MethodPost, url: c.Provider.RegistrationEndpoint, document: body, redact: c.redactor(),
	}
	return c.sendForRegistration(ctx, r, nil)
}

// UpdateRegistration asks for the registration to be renewed as it is, with all its metadata, RFC 7592 section 2.2. A
// server may answer with another secret and another access token; what it leaves out stays.
func (c *Client) UpdateRegistration(ctx context.Context, old *Registration) (*Registration, error) {
	members := make(map[string]json.RawMessage)
	if err := json.Unmarshal(old.Metadata, &members); err != nil {
		return nil, refused(opManage, "the registration's metadata is not known")
	}
	// RFC 7592 section 2.2: these must not be sent back, the identifier must.
	for _, name := range []string{
		"registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at",
	} {
		delete(members, name)
	}
	for name, value := range map[string]string{"client_id": old.ClientID, "client_secret": old.ClientSecret.Reveal()} {
		if value != "" {
			members[name], _ = json.Marshal(value) //nolint:errchkjson // a string
		}
	}
	body, err := json.Marshal(members)
	if err != nil {
		return nil, refused(opManage, "the request cannot be encoded")
	}
	return c.sendForRegistration(ctx, c.management(http.MethodPut, opManage, old, body), old)
}

// Unregister deletes the client at the server, RFC 7592 section 2.3. One that the server does not know, or no longer, is
// deleted (section 2.3: 401).
func (c *Client) Unregister(ctx context.Context, old *Registration) error {
	if old.URL == "" {
		return refused(opUnregister, "the server does not let registrations be deleted")
	}
	r := c.management(http.MethodDelete, opUnregister, old, nil)
	a, err := c.send(ctx, r)
	switch {
	case err != nil:
		return err
	case a.ok(), a.status == http.StatusUnauthorized, a.status == http.StatusNotFound:
		return nil
	}
	m, err := a.decode()
	if err != nil {
		err = c.unreadable(r, a, err)
	} else {
		err = c.rejected(r, a, m)
	}
	c.logFailure(ctx, r, a, err)
	return err
}

func (c *Client) management(method, op string, old *Registration, body []byte) *request {
	return &request{
		op: op, method: method, url: old.URL, document: body, authorization: "Bearer " + old.AccessToken.Reveal(),
		redact: c.redactor(old.AccessToken, old.ClientSecret),
	}
}

// sendForRegistration sends a request whose answer describes a client.
func (c *Client) sendForRegistration(ctx context.Context, r *request, old *Registration) (*Registration, error) {
	a, err := c.send(ctx, r)
	if err != nil {
		return nil, err
	}
	reg, err := c.readRegistration(r, a, old)
	if err != nil {
		c.logFailure(ctx, r, a, err)
		return nil, err
	}
	return reg, nil
}

// readRegistration takes what the server returned, whatever was asked for (RFC 7591 section 3.2.1).
func (c *Client) readRegistration(r *request, a *answer, old *Registration) (*Registration, error) {
	m, err := c.granted(r, a)
	if err != nil {
		return nil, err
	}
	reg := &Registration{
		ClientID: m.text("client_id"), ClientSecret: authsome.NewSecret(m.text("client_secret")),
		URL: m.text("registration_client_uri"), AccessToken: authsome.NewSecret(m.text("registration_access_token")),
	}
	if reg.ClientID == "" || hasControl(reg.ClientID) || hasControl(m.text("client_secret")) {
		return nil, a.useless(r.op, "no usable client_id in the answer")
	}
	if old != nil {
		reg.keep(old)
	}
	if !managedThere(r.url, reg.URL) || reg.AccessToken.IsZero() {
		reg.URL, reg.AccessToken = "", authsome.Secret{}
	}
	if at, known := instant(m["client_secret_expires_at"]); known && !reg.ClientSecret.IsZero() {
		reg.SecretExpiresAt = earlier(at, a.sentAt.Add(maxLifetime).UTC())
	}
	if reg.AuthMethod, err = authMethod(m.text("token_endpoint_auth_method"), reg.ClientSecret); err != nil {
		return nil, &Error{Class: ClassRequest, Status: a.status, Reason: err.Error(), op: r.op}
	}
	for _, secret := range []string{"client_secret", "registration_access_token"} {
		delete(m, secret)
	}
	reg.Metadata, err = json.Marshal(m)
	return reg, err
}

// managedThere reports whether a server may name an address to manage a client at: one of its own. What is sent there is a PUT
// or DELETE with a token of the server's choice, and behind another address could be a service of this machine or network.
func managedThere(registeredAt, managedAt string) bool {
	server, err := secureURL(opRegister, registeredAt)
	if err != nil {
		return false
	}
	u, err := secureURL(opManage, managedAt)
	return err == nil && u.User == nil && SameOrigin(server, u)
}

// keep takes over what an answer about a known client leaves out.
func (r *Registration) keep(old *Registration) {
	if r.ClientSecret.IsZero() {
		r.ClientSecret = old.ClientSecret
	}
	if r.AccessToken.IsZero() {
		r.AccessToken = old.AccessToken
	}
	if r.URL == "" {
		r.URL = old.URL
	}
}

// authMethod reads token_endpoint_auth_method; RFC 7591 section 2 says what is meant where it is absent.
func authMethod(name string, secret authsome.Secret) (authsome.ClientAuth, error) {
	switch name {
	case "none":
		return authsome.ClientAuthNone, nil
	case "client_secret_post":
		return authsome.ClientAuthPost, nil
	case "client_secret_basic":
		return authsome.ClientAuthBasic, nil
	case "":
		if secret.IsZero() {
			return authsome.ClientAuthNone, nil
		}
		return authsome.ClientAuthBasic, nil
	default:
		return "", errors.New("the client was registered for an authentication method that is not supported")
	}
}

// earlier returns the earlier of two times.
func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
