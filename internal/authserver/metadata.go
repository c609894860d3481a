package authserver

import (
	"encoding/json"
	"net/http"
)

// Where the endpoints are, below the issuer.
const (
	PathAuthorize           = "/authorize"
	PathDeviceAuthorization = "/device_authorization"
	PathDevice              = "/device" // where a person enters a user code
	PathToken               = "/token"
	PathRevoke              = "/revoke"
)

// serveMetadata serves RFC 8414 metadata.
func (s *Server) serveMetadata(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	issuer := s.issuer(r)
	methods := s.authMethods()
	doc := map[string]any{
		"issuer":                        issuer,
		"authorization_endpoint":        issuer + PathAuthorize,
		"device_authorization_endpoint": issuer + PathDeviceAuthorization,
		"token_endpoint":                issuer + PathToken,
		"revocation_endpoint":           issuer + PathRevoke,
		"introspection_endpoint":        issuer + PathIntrospect,
		"response_types_supported":      []string{"code"},
		"grant_types_supported": []string{
			"authorization_code", "refresh_token", GrantTypeDeviceCode, "client_credentials", GrantTypeJWTBearer, GrantTypeTokenExchange,
		},
		"code_challenge_methods_supported":               []string{"S256"},
		"token_endpoint_auth_methods_supported":          methods,
		"revocation_endpoint_auth_methods_supported":     methods,
		"authorization_response_iss_parameter_supported": true,
	}
	if s.config.PAR || s.config.RequirePAR {
		doc["pushed_authorization_request_endpoint"] = issuer + PathPAR
		doc["require_pushed_authorization_requests"] = s.config.RequirePAR
	}
	if s.config.DPoP {
		doc["dpop_signing_alg_values_supported"] = []string{"ES256"}
	}
	if s.config.Registration {
		doc["registration_endpoint"] = issuer + PathRegister
	}
	if s.config.ClientMetadataDocuments != nil {
		doc["client_id_metadata_document_supported"] = true
	}
	if s.config.OmitPKCEMetadata {
		delete(doc, "code_challenge_methods_supported")
	}
	if s.config.Scopes != nil {
		doc["scopes_supported"] = s.config.Scopes
	}
	writeJSON(w, http.StatusOK, doc)
}

// issuer returns the configured issuer, or the base URL that the request was sent to. The lock is held.
func (s *Server) issuer(r *http.Request) string {
	switch {
	case s.config.Issuer != "":
		return s.config.Issuer
	case r.TLS != nil:
		return "https://" + r.Host
	default:
		return "http://" + r.Host
	}
}

func writeJSON(w http.ResponseWriter, status int, doc any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(doc)
}
