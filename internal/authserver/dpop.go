package authserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"strings"
	"time"
)

// proofLifetime is how far the time of a proof may be from ours.
const proofLifetime = 5 * time.Minute

// proofClaims are the claims of a DPoP proof, RFC 9449 section 4.2.
type proofClaims struct {
	JTI   string `json:"jti"`
	HTM   string `json:"htm"`
	HTU   string `json:"htu"`
	IAT   int64  `json:"iat"`
	ATH   string `json:"ath"`
	Nonce string `json:"nonce"`
}

// proof checks the proof of a request, RFC 9449 section 4.3, and returns the thumbprint of its key. token is the access
// token that the request carries, if any. The lock is held.
func (s *Server) proof(r *http.Request, token string) (jkt string, refusal *response) {
	refuse := func(code, why string) (string, *response) {
		a := fail(http.StatusBadRequest, code, why)
		return "", &a
	}
	fields := r.Header.Values("DPoP")
	if len(fields) != 1 {
		return refuse("invalid_dpop_proof", "one proof is needed")
	}
	claims, jkt, ok := verifyProof(fields[0])
	age := s.now().Sub(time.Unix(claims.IAT, 0))
	switch {
	case !ok:
		return refuse("invalid_dpop_proof", "the proof is malformed or its signature is wrong")
	case claims.HTM != r.Method || claims.HTU != s.issuer(r)+r.URL.EscapedPath() && claims.HTU != origin(r)+r.URL.EscapedPath():
		return refuse("invalid_dpop_proof", "the proof is for another request")
	case age > proofLifetime || age < -proofLifetime:
		return refuse("invalid_dpop_proof", "the proof is not of now")
	case claims.JTI == "" || s.seenProofs[claims.JTI]:
		return refuse("invalid_dpop_proof", "the proof was used before")
	case token != "" && claims.ATH != sum64(token):
		return refuse("invalid_dpop_proof", "the proof is not for this token")
	case s.config.DPoPNonces && (claims.Nonce == "" || claims.Nonce != s.nonce):
		return refuse("use_dpop_nonce", "the proof must have the server's nonce")
	}
	s.seenProofs[claims.JTI] = true
	return jkt, nil
}

// setNonce tells the nonce that the next proof must have, RFC 9449 section 8.
func (s *Server) setNonce(w http.ResponseWriter) {
	if s.config.DPoPNonces {
		w.Header().Set("DPoP-Nonce", s.nonce)
	}
}

// RotateNonce makes every proof with the nonce of before a stale one.
func (s *Server) RotateNonce() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nonce = random("nonce-")
}

func origin(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func sum64(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// verifyProof checks form and signature.
func verifyProof(jwt string) (claims proofClaims, jkt string, ok bool) {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return claims, "", false
	}
	var header struct {
		Typ string `json:"typ"`
		Alg string `json:"alg"`
		JWK struct {
			Crv string `json:"crv"`
			Kty string `json:"kty"`
			X   string `json:"x"`
			Y   string `json:"y"`
			D   string `json:"d"`
		} `json:"jwk"`
	}
	if !decodePart(parts[0], &header) || !decodePart(parts[1], &claims) {
		return claims, "", false
	}
	if header.Typ != "dpop+jwt" || header.Alg != "ES256" || header.JWK.Kty != "EC" || header.JWK.Crv != "P-256" || header.JWK.D != "" {
		return claims, "", false
	}
	x, errX := base64.RawURLEncoding.DecodeString(header.JWK.X)
	y, errY := base64.RawURLEncoding.DecodeString(header.JWK.Y)
	signature, errS := base64.RawURLEncoding.DecodeString(parts[2])
	if errX != nil || errY != nil || errS != nil || len(signature) != 64 || len(x) != 32 || len(y) != 32 {
		return claims, "", false
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
	if err != nil {
		return claims, "", false
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if !ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		return claims, "", false
	}
	return claims, sum64(`{"crv":"P-256","kty":"EC","x":"` + header.JWK.X + `","y":"` + header.JWK.Y + `"}`), true
}

func decodePart(part string, into any) bool {
	b, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(b, into) == nil
}
