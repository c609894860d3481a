package authserver

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// PathRegister is where clients register themselves, RFC 7591, and below it where they manage that, RFC 7592.
const PathRegister = "/register"

// registered is what belongs to a client that has registered itself.
type registered struct {
	token           string // registration_access_token
	secretExpiresAt time.Time
	metadata        map[string]any
}

// serveRegister registers a client, RFC 7591 section 3.
func (s *Server) serveRegister(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record(Request{Endpoint: PathRegister, Header: r.Header.Clone()})
	metadata, refusal := s.clientMetadata(r)
	if refusal != nil {
		refusal.write(w)
		return
	}
	client := Client{ID: random("client-")}
	s.config.Clients = append(s.config.Clients, client)
	s.dynamic[client.ID] = &registered{metadata: metadata}
	s.writeRegistration(w, r, http.StatusCreated, client.ID)
}

// clientMetadata reads and checks what a client says of itself.
func (s *Server) clientMetadata(r *http.Request) (map[string]any, *response) {
	refuse := func(code, why string) (map[string]any, *response) {
		a := fail(http.StatusBadRequest, code, why)
		return nil, &a
	}
	var m map[string]any
	if r.Header.Get("Content-Type") != "application/json" || json.NewDecoder(r.Body).Decode(&m) != nil {
		return refuse("invalid_client_metadata", "the body must be a JSON object")
	}
	uris := textsOf(m["redirect_uris"])
	if len(uris) == 0 {
		return refuse("invalid_redirect_uri", "redirect_uris is missing")
	}
	for _, uri := range uris {
		if !s.acceptsRedirect(uri) {
			return refuse("invalid_redirect_uri", "this redirect URI cannot be registered")
		}
	}
	method, _ := m["token_endpoint_auth_method"].(string)
	if method == "" {
		method = string(ClientAuthBasic) // RFC 7591 section 2
	}
	if !slices.Contains(s.authMethods(), ClientAuth(method)) {
		return refuse("invalid_client_metadata", "this token_endpoint_auth_method is not supported")
	}
	if grants := textsOf(m["grant_types"]); !slices.Contains(grants, "authorization_code") {
		return refuse("invalid_client_metadata", "grant_types must have authorization_code")
	}
	m["token_endpoint_auth_method"] = method
	return m, nil
}

// acceptsRedirect accepts http on the loopback addresses only, and https (RFC 8252 section 7).
func (s *Server) acceptsRedirect(uri string) bool {
	u, err := url.Parse(uri)
	if err != nil || u.Fragment != "" {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	loopback := err == nil && ip.IsLoopback()
	if loopback && ip.Is6() && s.config.RefuseIPv6Redirects {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && loopback
}

func (s *Server) authMethods() []ClientAuth {
	if s.config.ConfidentialOnly {
		return []ClientAuth{ClientAuthBasic, ClientAuthPost}
	}
	return []ClientAuth{ClientAuthNone, ClientAuthBasic, ClientAuthPost}
}

// writeRegistration gives the client new secrets and answers with all there is, RFC 7592 section 3. The lock is held.
func (s *Server) writeRegistration(w http.ResponseWriter, r *http.Request, status int, id string) {
	client, reg := s.client(id), s.dynamic[id]
	client.RedirectURIs = textsOf(reg.metadata["redirect_uris"])
	client.ExactRedirects = s.config.ExactRedirects
	client.Auth = ClientAuth(reg.metadata["token_endpoint_auth_method"].(string)) //nolint:forcetypeassert // clientMetadata set it
	reg.token = random("rat-")
	body := make(map[string]any)
	for name, value := range reg.metadata {
		body[name] = value
	}
	body["client_id"], body["client_id_issued_at"] = id, s.now().Unix()
	if client.Auth != ClientAuthNone {
		client.Secret = random("cs-")
		body["client_secret"], body["client_secret_expires_at"] = client.Secret, int64(0)
		reg.secretExpiresAt = time.Time{}
		if s.config.ClientSecretLifetime > 0 {
			reg.secretExpiresAt = s.now().Add(s.config.ClientSecretLifetime)
			body["client_secret_expires_at"] = reg.secretExpiresAt.Unix()
		}
	}
	if !s.config.OmitClientManagement {
		body["registration_access_token"] = reg.token
		body["registration_client_uri"] = s.issuer(r) + PathRegister + "/" + id
	}
	writeJSON(w, status, body)
}

// serveManagement reads, updates and deletes a registration, RFC 7592 section 2.
func (s *Server) serveManagement(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := r.PathValue("id")
	s.record(Request{Endpoint: PathRegister + "/" + r.Method, ClientID: id, Header: r.Header.Clone()})
	token, _ := bearer(r)
	reg := s.dynamic[id]
	if reg == nil || token == "" || token != reg.token {
		writeJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token"})
		return
	}
	switch r.Method {
	case http.MethodDelete:
		s.forget(id)
		w.WriteHeader(http.StatusNoContent)
	case http.MethodPut:
		metadata, refusal := s.clientMetadata(r)
		if refusal == nil && (metadata["client_id"] != id || metadata["registration_access_token"] != nil) {
			a := fail(http.StatusBadRequest, "invalid_request", "client_id must be there and the management members must not")
			refusal = &a
		}
		if refusal != nil {
			refusal.write(w)
			return
		}
		reg.metadata = metadata
		s.writeRegistration(w, r, http.StatusOK, id)
	default:
		s.writeRegistration(w, r, http.StatusOK, id)
	}
}

// forget deletes a client. The lock is held.
func (s *Server) forget(id string) {
	delete(s.dynamic, id)
	s.config.Clients = slices.DeleteFunc(s.config.Clients, func(c Client) bool { return c.ID == id })
}

// secretLapsed reports whether a dynamic client's secret has ended. The lock is held.
func (s *Server) secretLapsed(id string) bool {
	reg := s.dynamic[id]
	return reg != nil && !reg.secretExpiresAt.IsZero() && !s.now().Before(reg.secretExpiresAt)
}

// ForgetClients deletes every client that has registered itself, as servers do with those that were not used for long.
func (s *Server) ForgetClients() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.dynamic {
		s.forget(id)
	}
}

// DynamicClients returns the identifiers of the clients that have registered themselves and are known still.
func (s *Server) DynamicClients() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for id := range s.dynamic {
		all = append(all, id)
	}
	slices.Sort(all)
	return all
}

func textsOf(v any) []string {
	array, _ := v.([]any)
	var all []string
	for _, item := range array {
		if s, ok := item.(string); ok && strings.TrimSpace(s) != "" {
			all = append(all, s)
		}
	}
	return all
}
