package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"authsome"
)

const (
	opDiscover = "discovery"

	// maxMetadata bounds a metadata document, in bytes.
	maxMetadata = 256 << 10
	// maxMetadataRedirects bounds the redirects within one origin that a metadata document may be behind.
	maxMetadataRedirects = 3
	// metadataTimeout bounds one request of a discovery.
	metadataTimeout = 10 * time.Second
)

// Discoverer reads the metadata that servers publish about themselves. Its methods send no credential. What they fail
// with is an [Error]; nothing that was found is believed in part.
type Discoverer struct {
	HTTP   *http.Client // http.DefaultClient if nil
	Logger *slog.Logger // nobody if nil
}

// serverMetadata is a document of RFC 8414 section 2 or of OpenID Connect Discovery section 3.
type serverMetadata struct {
	Issuer                string   `json:"issuer"`
	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	TokenEndpoint         string   `json:"token_endpoint"`
	RegistrationEndpoint  string   `json:"registration_endpoint"`
	RevocationEndpoint    string   `json:"revocation_endpoint"`
	IntrospectionEndpoint string   `json:"introspection_endpoint"`
	DeviceEndpoint        string   `json:"device_authorization_endpoint"`
	PushedEndpoint        string   `json:"pushed_authorization_request_endpoint"`
	UserinfoEndpoint      string   `json:"userinfo_endpoint"`
	RequirePushed         bool     `json:"require_pushed_authorization_requests"`
	IssParameter          bool     `json:"authorization_response_iss_parameter_supported"`
	ClientIDMetadata      bool     `json:"client_id_metadata_document_supported"`
	ScopesSupported       []string `json:"scopes_supported"`
	GrantTypes            []string `json:"grant_types_supported"`
	TokenAuthMethods      []string `json:"token_endpoint_auth_methods_supported"`
	CodeChallengeMethods  []string `json:"code_challenge_methods_supported"`
}

// serverMetadataURLs returns where the metadata of an issuer may lie, in the order in which to look: RFC 8414 section
// 3.1, then OpenID Connect Discovery with the path inserted, as newer servers have it, then appended, as its section 4
// says.
func serverMetadataURLs(issuer *url.URL) []string {
	path := strings.TrimSuffix(issuer.Path, "/")
	urls := []string{
		wellKnown(issuer, "oauth-authorization-server", path),
		wellKnown(issuer, "openid-configuration", path),
	}
	if path != "" {
		appended := *issuer
		appended.Path, appended.RawPath = path+"/.well-known/openid-configuration", ""
		urls = append(urls, appended.String())
	}
	return urls
}

// wellKnown inserts a well-known name between host and path, RFC 8615 section 3.
func wellKnown(at *url.URL, name, path string) string {
	u := url.URL{Scheme: at.Scheme, Host: at.Host, Path: "/.well-known/" + name + path, RawQuery: at.RawQuery}
	return u.String()
}

// server reads the metadata of an issuer.
func (d *Discoverer) server(ctx context.Context, issuer string) (*serverMetadata, error) {
	u, err := secureURL(opDiscover, issuer)
	if err != nil || u.RawQuery != "" || u.Fragment != "" || u.User != nil { // RFC 8414 section 2
		return nil, refused(opDiscover, "the issuer "+shown(issuer)+" is no https URL without query and fragment")
	}
	var failures []error
	for _, at := range serverMetadataURLs(u) {
		m := &serverMetadata{}
		if err := d.document(ctx, at, m); err != nil {
			failures = append(failures, err)
			continue
		}
		if m.Issuer != issuer { // RFC 8414 section 3.3: byte for byte
			failures = append(failures, fmt.Errorf("%s names the issuer %s", at, shown(m.Issuer)))
			continue
		}
		if err := m.check(u); err != nil {
			return nil, err
		}
		return m, nil
	}
	return nil, &Error{
		Class: ClassRequest, Reason: "there is no metadata of the authorization server " + shown(issuer), op: opDiscover,
		Err: errors.Join(failures...),
	}
}

// serverOf is server for an issuer that a resource names.
func (d *Discoverer) serverOf(ctx context.Context, resource *url.URL, issuer string) (*serverMetadata, error) {
	if bared(resource, issuer) {
		return nil, refused(opDiscover, "the resource names the authorization server "+shown(issuer)+", which is not https")
	}
	return d.server(ctx, issuer)
}

// bared reports whether a URL that a server names is less well protected than its own. Plain http is for loopback, and only a
// server that is itself reached that way has any business there.
func bared(from *url.URL, to string) bool {
	u, err := url.Parse(to)
	return err == nil && from.Scheme == "https" && u.Scheme != "https"
}

// check refuses a document that would have secrets sent in the clear, or that leaves out what a login needs.
func (m *serverMetadata) check(issuer *url.URL) error {
	for _, e := range []struct {
		name, url string
		required  bool
	}{
		{"token_endpoint", m.TokenEndpoint, true},
		{"authorization_endpoint", m.AuthorizationEndpoint, false},
		{"registration_endpoint", m.RegistrationEndpoint, false},
		{"revocation_endpoint", m.RevocationEndpoint, false},
		{"introspection_endpoint", m.IntrospectionEndpoint, false},
		{"device_authorization_endpoint", m.DeviceEndpoint, false},
		{"pushed_authorization_request_endpoint", m.PushedEndpoint, false},
		{"userinfo_endpoint", m.UserinfoEndpoint, false},
	} {
		if e.url == "" && !e.required {
			continue
		}
		if u, err := secureURL(opDiscover, e.url); err != nil || u.User != nil || u.Fragment != "" || bared(issuer, e.url) {
			return refused(opDiscover, "the metadata of "+shown(m.Issuer)+" has no usable "+e.name)
		}
	}
	return nil
}

// describe turns a document into a description of the server. What the document leaves out has the defaults of RFC 8414
// section 2.
func (m *serverMetadata) describe() authsome.OAuth {
	o := authsome.OAuth{
		Issuer: m.Issuer, AuthorizationURL: m.AuthorizationEndpoint, TokenURL: m.TokenEndpoint,
		RegistrationEndpoint: m.RegistrationEndpoint, RevocationURL: m.RevocationEndpoint,
		IntrospectionURL: m.IntrospectionEndpoint, DeviceAuthorizationURL: m.DeviceEndpoint,
		PushedAuthorizationURL: m.PushedEndpoint, RequirePAR: m.RequirePushed, IssRequired: m.IssParameter,
		ClientIDMetadata: m.ClientIDMetadata, SupportsDCR: m.RegistrationEndpoint != "",
		SupportsDeviceFlow: m.DeviceEndpoint != "", PKCE: m.pkce(),
	}
	o.ClientAuth, o.SecretOptional = m.clientAuth()
	return o
}

// pkce: without the member, nobody knows; a code challenge does no harm then (RFC 7636 section 5).
func (m *serverMetadata) pkce() authsome.PKCE {
	switch {
	case slices.Contains(m.CodeChallengeMethods, "S256"):
		return authsome.PKCERequired
	case len(m.CodeChallengeMethods) == 0:
		return authsome.PKCEYes
	default:
		return authsome.PKCEIgnored
	}
}

// clientAuth chooses the method of a client that has a secret, and tells whether one without may come.
func (m *serverMetadata) clientAuth() (method authsome.ClientAuth, public bool) {
	methods := m.TokenAuthMethods
	if methods == nil {
		methods = []string{"client_secret_basic"}
	}
	public = slices.Contains(methods, "none")
	switch {
	case slices.Contains(methods, "client_secret_basic"):
		return authsome.ClientAuthBasic, public
	case slices.Contains(methods, "client_secret_post"):
		return authsome.ClientAuthPost, public
	default:
		return authsome.ClientAuthNone, public
	}
}

// document reads one JSON document.
func (d *Discoverer) document(ctx context.Context, at string, into any) error {
	resp, err := d.get(ctx, at)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered HTTP %d", at, resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxMetadata+1))
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", at, err)
	case len(body) > maxMetadata:
		return fmt.Errorf("%s is longer than %d bytes", at, maxMetadata)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%s is no such document: %w", at, err)
	}
	return nil
}

// get sends a request without any credential. Redirects are followed within one origin only: elsewhere somebody else
// speaks.
func (d *Discoverer) get(ctx context.Context, at string) (*http.Response, error) {
	if _, err := secureURL(opDiscover, at); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, http.NoBody)
	if err != nil {
		return nil, refused(opDiscover, "the URL is malformed")
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "authsome")
	resp, err := d.client().Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at, &cause{networkReason(err), err})
	}
	if d.Logger != nil {
		d.Logger.DebugContext(ctx, opDiscover, "url", at, "status", resp.StatusCode)
	}
	return resp, nil
}

func (d *Discoverer) client() *http.Client {
	base := d.HTTP
	if base == nil {
		base = http.DefaultClient
	}
	return &http.Client{Transport: base.Transport, Timeout: metadataTimeout, CheckRedirect: withinOrigin}
}

func withinOrigin(req *http.Request, via []*http.Request) error {
	if len(via) > maxMetadataRedirects || !SameOrigin(req.URL, via[0].URL) {
		return http.ErrUseLastResponse
	}
	return nil
}

// shown is text of a server's as it can stand in an error.
func shown(s string) string {
	const longest = 200
	if len(s) > longest {
		s = s[:longest] + "…"
	}
	return fmt.Sprintf("%q", s)
}
