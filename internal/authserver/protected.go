package authserver

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// ResourceMetadata serves the metadata of a protected resource, RFC 9728 section 3, that names this server. resource is
// the resource's identifier, a URL.
func (s *Server) ResourceMetadata(resource string, scopes ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		issuer := s.issuer(r)
		dpop := s.config.DPoP
		s.mu.Unlock()
		doc := map[string]any{
			"resource": resource, "authorization_servers": []string{issuer}, "bearer_methods_supported": []string{"header"},
			"resource_name": "A protected thing",
		}
		if len(scopes) > 0 {
			doc["scopes_supported"] = scopes
		}
		if dpop {
			doc["dpop_bound_access_tokens_required"] = true
		}
		writeJSON(w, http.StatusOK, doc)
	})
}

// ProtectedResource protects an API that is a resource of RFC 8707: only tokens issued for it are good. Without one the
// challenge says where the resource's metadata is, and which scopes to ask for.
func (s *Server) ProtectedResource(resource, metadataURL string, scopes []string, api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := s.Authenticate(r)
		if ok && slices.Contains(a.Resources, resource) {
			api.ServeHTTP(w, r)
			return
		}
		challenge := `Bearer resource_metadata="` + metadataURL + `"`
		if len(scopes) > 0 {
			challenge += `, scope="` + strings.Join(scopes, " ") + `"`
		}
		if _, sent := bearer(r); sent {
			challenge += `, error="invalid_token"`
		}
		w.Header().Set("WWW-Authenticate", challenge)
		writeJSON(w, http.StatusUnauthorized, map[string]any{"error": "unauthorized"})
	})
}

// resourcesOf reads the resource parameters of a request, RFC 8707 section 2. With Config.Resources it must have some, and
// none but these; it returns an error code otherwise.
func (s *Server) resourcesOf(params url.Values) (resources []string, code string) {
	resources = params["resource"]
	for _, resource := range resources {
		u, err := url.Parse(resource)
		if err != nil || !u.IsAbs() || u.Fragment != "" {
			return nil, "invalid_target"
		}
	}
	if len(s.config.Resources) == 0 {
		return resources, ""
	}
	if len(resources) == 0 {
		return nil, "invalid_target"
	}
	for _, resource := range resources {
		if !slices.Contains(s.config.Resources, resource) {
			return nil, "invalid_target"
		}
	}
	return resources, ""
}

// aim makes the next tokens of the grant good for the resources that a token request names, which must be among those
// granted (RFC 8707 section 2.2). It returns an error code, or nothing.
func (g *grant) aim(s *Server, form url.Values) string {
	resources, code := s.resourcesOf(form)
	if code != "" {
		return code
	}
	if slices.ContainsFunc(resources, func(r string) bool { return !slices.Contains(g.resources, r) }) {
		return "invalid_target"
	}
	g.use = resources
	return ""
}
