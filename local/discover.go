package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"authsome"
	"authsome/internal/oauth"
)

// Discover finds out what is at a URL, a protected resource such as an MCP server or else an issuer, and adds a
// definition for it. The definition says only where discovery begins and where the credential may go; what discovery
// found is read again at each login.
func (l *Layer) Discover(ctx context.Context, at string) (*authsome.Provider, error) {
	u, err := canonical(at)
	if err != nil {
		return nil, err
	}
	known, err := l.definitionOf(u.String())
	if err != nil || known != nil {
		return known, err
	}
	found, kind, err := l.probeEither(ctx, u.String())
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return nil, &authsome.Error{Kind: authsome.KindCancelled, Message: "cancelled", Err: err}
	}
	if err != nil {
		return nil, err
	}
	doc, err := l.definitionFor(u, kind, found)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	l.discovered[u.String()] = discovery{server: &found.Server, at: l.now()} // the login begins where this ends
	l.mu.Unlock()
	return l.Register(ctx, doc, false)
}

// canonical checks a URL and writes it as RFC 3986 section 6.2.2 has it, so that one server has one definition.
func canonical(at string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(at))
	secure := err == nil && (u.Scheme == "https" || u.Scheme == "http" && authsome.IsLoopbackHost(u.Hostname()))
	if !secure || u.Host == "" || u.User != nil || u.Opaque != "" {
		return nil, &authsome.Error{
			Kind: authsome.KindUsage, Message: fmt.Sprintf("%q is not the URL of a server: it must begin with https://", at),
			Hint: "authsome login https://mcp.example.com/mcp",
		}
	}
	u.Host = strings.ToLower(u.Host)
	if port := u.Port(); u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		u.Host = strings.TrimSuffix(u.Host, ":"+port)
	}
	u.Fragment, u.RawFragment = "", ""
	if u.Path == "/" {
		u.Path, u.RawPath = "", ""
	}
	return u, nil
}

// definitionOf returns the definition whose resource or issuer is at a URL, or nil.
func (l *Layer) definitionOf(at string) (*authsome.Provider, error) {
	all, _, err := l.catalogue.All()
	if err != nil {
		return nil, err
	}
	for i := range all {
		o := all[i].OAuth
		if o == nil || o.Discovery == "" {
			continue
		}
		for _, own := range []string{o.Resource, o.Issuer} {
			if own != "" && strings.TrimSuffix(own, "/") == strings.TrimSuffix(at, "/") {
				return &all[i], nil
			}
		}
	}
	return nil, nil //nolint:nilnil // none, and that is no failure
}

// probeEither asks for a resource first: an issuer's URL never challenges.
func (l *Layer) probeEither(ctx context.Context, at string) (*oauth.Discovered, authsome.Discovery, error) {
	found, err := l.probe(ctx, authsome.DiscoverResource, at)
	if err == nil {
		return found, authsome.DiscoverResource, nil
	}
	asResource := err
	for _, issuer := range []string{at, at + "/"} { // an issuer is compared byte for byte
		if found, err = l.probe(ctx, authsome.DiscoverIssuer, issuer); err == nil {
			return found, authsome.DiscoverIssuer, nil
		}
	}
	e, ok := errors.AsType[*oauth.Error](asResource)
	if ok && e.Class == oauth.ClassTransient {
		return nil, "", discoveryError(authsome.Ref{}, at, asResource)
	}
	return nil, "", &authsome.Error{
		Kind: authsome.KindLoginFailed, Reason: "discovery",
		Message: fmt.Sprintf("there is nothing to log in to at %s: %s; %s", at, explained(asResource), explained(err)),
		Hint:    "authsome list shows the providers that are known by name; authsome --verbose, every address that was tried",
		Err:     errors.Join(asResource, err),
	}
}

// definitionFor writes the definition of what was found.
func (l *Layer) definitionFor(u *url.URL, kind authsome.Discovery, found *oauth.Discovered) ([]byte, error) {
	server := map[string]any{"discovery": kind}
	category, host := "mcp", u.String()
	if kind == authsome.DiscoverResource {
		server["resource"] = u.String()
	} else {
		server["issuer"] = found.Server.Issuer
		category = "identity"
		var err error
		if host, err = l.apiOf(u, found); err != nil {
			return nil, err
		}
	}
	flow := authsome.FlowPKCE
	if found.Server.RegistrationEndpoint != "" {
		flow = authsome.FlowDCRPKCE
	}
	name, err := l.nameFor(u)
	if err != nil {
		return nil, err
	}
	display := found.Name
	if display == "" {
		display = u.Host + strings.TrimSuffix(u.Path, "/")
	}
	doc := map[string]any{
		"schema_version": 1, "name": name, "display_name": display, "auth_type": authsome.AuthTypeOAuth2, "flow": flow,
		"hosts": []string{hostOf(host)}, "category": category, "oauth": server,
	}
	if found.Docs != "" {
		doc["docs"] = found.Docs
	}
	return json.MarshalIndent(doc, "", "  ")
}

// hostOf returns the host pattern of a URL and what is below it.
func hostOf(at string) string {
	u, err := url.Parse(at)
	if err != nil {
		return at
	}
	pattern := u.Host + strings.TrimSuffix(u.EscapedPath(), "/")
	if u.Scheme == "http" {
		pattern = "http://" + pattern
	}
	return pattern
}

// nameFor makes a name of a URL: the host, and the path unless it is one of those that most servers have. When another
// definition has that name, what tells the URLs apart is added.
func (l *Layer) nameFor(u *url.URL) (authsome.ProviderName, error) {
	path := strings.Trim(u.Path, "/")
	if path == "mcp" || path == "sse" {
		path = ""
	}
	base := strings.ToLower(u.Hostname())
	if port := u.Port(); port != "" {
		base += "-" + port
	}
	if path != "" || u.RawQuery != "" {
		base += "-" + path + u.RawQuery
	}
	name := plainName(base)
	if _, err := l.catalogue.Lookup(name); authsome.KindOf(err) == authsome.KindProviderNotFound && !isBroken(err) {
		return name, name.Validate()
	}
	sum := sha256.Sum256([]byte(u.String()))
	const longest = 55
	if len(name) > longest {
		name = name[:longest]
	}
	name += authsome.ProviderName("-" + hex.EncodeToString(sum[:4]))
	return name, name.Validate()
}

// isBroken reports whether there is a definition of the name, though one that cannot be used.
func isBroken(err error) bool {
	e, ok := errors.AsType[*authsome.Error](err)
	return ok && e.Reason == "broken_definition"
}

// plainName replaces what a provider's name cannot hold.
func plainName(s string) authsome.ProviderName {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
			b.WriteRune(r)
		case r >= 'A' && r <= 'Z':
			b.WriteRune(r - 'A' + 'a')
		default:
			b.WriteByte('-')
		}
	}
	name := strings.Trim(b.String(), "-._")
	const longest = 64
	if len(name) > longest {
		name = strings.TrimRight(name[:longest], "-._")
	}
	return authsome.ProviderName(name)
}
