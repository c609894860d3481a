package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"authsome"
)

// Discovered is what servers say about themselves.
type Discovered struct {
	Server   authsome.OAuth // the authorization server, with Resource and Scopes of what it was found for
	Name     string         // of the resource, for people; may be empty
	Docs     string         // https URL of the resource's documentation; may be empty
	Userinfo string         // the endpoint of OpenID Connect Core section 5.3; may be empty
}

// resourceMetadata is a document of RFC 9728 section 2.
type resourceMetadata struct {
	Resource             string   `json:"resource"`
	AuthorizationServers []string `json:"authorization_servers"`
	ScopesSupported      []string `json:"scopes_supported"`
	Name                 string   `json:"resource_name"`
	Documentation        string   `json:"resource_documentation"`
	DPoPRequired         bool     `json:"dpop_bound_access_tokens_required"`
}

// Issuer describes the authorization server or OpenID provider with this issuer identifier: RFC 8414, OpenID Connect
// Discovery.
func (d *Discoverer) Issuer(ctx context.Context, issuer string) (*Discovered, error) {
	m, err := d.server(ctx, issuer)
	if err != nil {
		return nil, err
	}
	found := &Discovered{Server: m.describe(), Userinfo: m.UserinfoEndpoint}
	for _, scope := range []string{"openid", "profile", "email", "offline_access"} {
		if slices.Contains(m.ScopesSupported, scope) {
			found.Server.Scopes = append(found.Server.Scopes, scope)
		}
	}
	return found, nil
}

// Resource describes the authorization server that protects a resource, such as an MCP server: by the challenge that the
// resource answers with, its metadata (RFC 9728) and that of the server it names. A server that does not say that it
// supports PKCE with S256 is refused, as the MCP specification demands.
func (d *Discoverer) Resource(ctx context.Context, resource string) (*Discovered, error) {
	u, err := secureURL(opDiscover, resource)
	if err != nil || u.Fragment != "" || u.User != nil {
		return nil, refused(opDiscover, shown(resource)+" is no https URL without fragment and user")
	}
	challenge, challenged, err := d.challenge(ctx, resource)
	if err != nil {
		return nil, &Error{Class: ClassTransient, Reason: err.Error(), Err: err, op: opDiscover}
	}
	meta, missing := d.resource(ctx, u, challenge["resource_metadata"])
	if meta == nil && !challenged {
		return nil, &Error{
			Class: ClassRequest, Reason: "nothing at " + shown(resource) + " asks for authorization", Err: missing, op: opDiscover,
		}
	}
	found, err := d.protector(ctx, u, meta)
	if err != nil {
		return nil, err
	}
	found.describe(meta, resource)
	found.Server.Scopes = scopesFor(found.Server.Scopes, meta, challenge)
	return found, nil
}

// challenge asks the resource without a credential.
func (d *Discoverer) challenge(ctx context.Context, resource string) (params map[string]string, challenged bool, err error) {
	resp, err := d.get(ctx, resource)
	if err != nil {
		return nil, false, err
	}
	defer resp.Body.Close()
	params, found := BearerChallenge(resp.Header.Values("WWW-Authenticate"))
	return params, found || resp.StatusCode == http.StatusUnauthorized, nil
}

// resource reads the metadata of a resource: where the challenge says (RFC 9728 section 5.1), else at the well-known
// places. It returns nil when there is none that may be believed, and why.
func (d *Discoverer) resource(ctx context.Context, u *url.URL, announced string) (*resourceMetadata, error) {
	var candidates []string
	if announced != "" {
		candidates = append(candidates, announced)
	}
	path := strings.TrimSuffix(u.Path, "/")
	candidates = append(candidates, wellKnown(u, "oauth-protected-resource", path))
	if path != "" {
		candidates = append(candidates, wellKnown(&url.URL{Scheme: u.Scheme, Host: u.Host}, "oauth-protected-resource", ""))
	}
	var failures []error
	for _, at := range candidates {
		if bared(u, at) {
			failures = append(failures, errors.New("the challenge names metadata that are not https"))
			continue
		}
		m := &resourceMetadata{}
		if err := d.document(ctx, at, m); err != nil {
			failures = append(failures, err)
			continue
		}
		if !describes(at, m.Resource, u) {
			failures = append(failures, fmt.Errorf("%s describes the resource %s", at, shown(m.Resource)))
			continue
		}
		return m, nil
	}
	return nil, errors.Join(failures...)
}

// describes reports whether a document may speak for a resource, RFC 9728 section 3.3: its resource is identical to the
// one that was asked for. At a well-known place of the resource's own origin that is the one from whose URL the place was
// made, which may be the origin or a path above.
func describes(at, described string, asked *url.URL) bool {
	if sameResource(described, asked.String()) {
		return true
	}
	place, err := url.Parse(at)
	if err != nil || !SameOrigin(place, asked) {
		return false
	}
	path, isWellKnown := strings.CutPrefix(place.Path, "/.well-known/oauth-protected-resource")
	if !isWellKnown || path != "" && path[0] != '/' {
		return false
	}
	path = strings.TrimSuffix(path, "/")
	if path != "" && asked.Path != path && !strings.HasPrefix(asked.Path, path+"/") {
		return false
	}
	above := url.URL{Scheme: asked.Scheme, Host: asked.Host, Path: path}
	return sameResource(described, above.String())
}

// sameResource compares plainly, but for the slash of an empty path, which changes nothing (RFC 3986 section 6.2.3).
func sameResource(a, b string) bool {
	return a == b || strings.TrimSuffix(a, "/") == b && isOrigin(b) || strings.TrimSuffix(b, "/") == a && isOrigin(a)
}

func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && u.Path == "" && u.RawQuery == ""
}

// maxIssuers is how many of the authorization servers that a resource names are asked, so that a resource cannot have thousands
// of requests sent to others.
const maxIssuers = 5

// protector returns the first authorization server of a resource that can be used. Where the resource names none, its own origin
// is taken for one, as it is with servers that are older than RFC 9728.
func (d *Discoverer) protector(ctx context.Context, u *url.URL, meta *resourceMetadata) (*Discovered, error) {
	origin := (&url.URL{Scheme: u.Scheme, Host: u.Host}).String()
	issuers := []string{origin, origin + "/"}
	if meta != nil && len(meta.AuthorizationServers) > 0 {
		issuers = meta.AuthorizationServers[:min(len(meta.AuthorizationServers), maxIssuers)]
	}
	var failures []error
	for _, issuer := range issuers {
		m, err := d.serverOf(ctx, u, issuer)
		if err == nil && !slices.Contains(m.CodeChallengeMethods, "S256") {
			err = refused(opDiscover, "the authorization server "+shown(issuer)+" does not say that it supports PKCE with S256")
		}
		if err != nil {
			failures = append(failures, err)
			continue
		}
		found := &Discovered{Server: m.describe(), Userinfo: m.UserinfoEndpoint}
		if slices.Contains(m.ScopesSupported, "offline_access") {
			found.Server.Scopes = []string{"offline_access"}
		}
		return found, nil
	}
	if e, ok := errors.AsType[*Error](failures[0]); ok {
		return nil, e
	}
	return nil, &Error{Class: ClassRequest, Reason: "no authorization server can be used", Err: errors.Join(failures...), op: opDiscover}
}

// describe adds what the resource says.
func (f *Discovered) describe(meta *resourceMetadata, asked string) {
	f.Server.Resource = asked
	if meta == nil {
		return
	}
	f.Server.Resource = meta.Resource
	f.Server.DPoP = meta.DPoPRequired
	f.Name = printable(meta.Name)
	if u, err := url.Parse(meta.Documentation); err == nil && u.Scheme == "https" {
		f.Docs = printable(meta.Documentation)
	}
}

// scopesFor chooses what to ask for: what the challenge names (RFC 6750 section 3) before what the resource knows. A
// refresh token is asked for only where the authorization server lists the scope for it, in further.
func scopesFor(further []string, meta *resourceMetadata, challenge map[string]string) []string {
	scopes := strings.Fields(challenge["scope"])
	if len(scopes) == 0 && meta != nil {
		scopes = slices.Clone(meta.ScopesSupported)
	}
	for _, s := range further {
		if !slices.Contains(scopes, s) {
			scopes = append(scopes, s)
		}
	}
	return slices.DeleteFunc(scopes, steers)
}

// printable cuts what a server says about itself to what can be shown.
func printable(s string) string {
	const longest = 200
	if steers(s) || len(s) > longest {
		return ""
	}
	return s
}

// steers reports whether a terminal that shows s would act upon it. No scope (RFC 6749 section 3.3) and no name is like that.
func steers(s string) bool { return strings.ContainsFunc(s, unicode.IsControl) }
