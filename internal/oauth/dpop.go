package oauth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	"authsome"
)

// DPoPKey is the private key that tokens are bound to, RFC 9449, with the nonces that servers want to see next. It is
// safe for concurrent use.
type DPoPKey struct {
	private    *ecdsa.PrivateKey
	jwk        map[string]any
	thumbprint string

	mu     sync.Mutex        // guards what follows
	nonces map[string]string // by origin
}

// NewDPoPKey makes a key on P-256.
func NewDPoPKey() (*DPoPKey, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return newDPoPKey(private)
}

// ParseDPoPKey reads what [DPoPKey.PEM] has written.
func ParseDPoPKey(text authsome.Secret) (*DPoPKey, error) {
	key, err := ParsePrivateKey(text)
	if err != nil {
		return nil, err
	}
	private, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("the key is not one of ECDSA")
	}
	return newDPoPKey(private)
}

func newDPoPKey(private *ecdsa.PrivateKey) (*DPoPKey, error) {
	point, err := private.PublicKey.Bytes() // uncompressed: 4, x, y
	if err != nil {
		return nil, err
	}
	const size = 32
	x, y := encode64(point[1:1+size]), encode64(point[1+size:])
	// RFC 7638 section 3.2: these members, in this order, without white space.
	canonical, err := json.Marshal(struct {
		Crv string `json:"crv"`
		Kty string `json:"kty"`
		X   string `json:"x"`
		Y   string `json:"y"`
	}{"P-256", "EC", x, y})
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(canonical)
	return &DPoPKey{
		private: private, thumbprint: encode64(sum[:]), nonces: make(map[string]string),
		jwk: map[string]any{"kty": "EC", "crv": "P-256", "x": x, "y": y},
	}, nil
}

// PEM returns the private key, PKCS #8.
func (k *DPoPKey) PEM() (authsome.Secret, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return authsome.Secret{}, err
	}
	return authsome.NewSecret(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))), nil
}

// Thumbprint returns the JWK thumbprint of the public key, RFC 7638: what dpop_jkt of RFC 9449 section 10 names.
func (k *DPoPKey) Thumbprint() string { return k.thumbprint }

// Proof returns a proof for one request, RFC 9449 section 4.2. token is the access token that goes with it, if any.
func (k *DPoPKey) Proof(method string, u *url.URL, token authsome.Secret, now time.Time) (string, error) {
	target := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath} // without query and fragment
	claims := map[string]any{"jti": random(), "htm": method, "htu": target.String(), "iat": now.Unix()}
	if !token.IsZero() {
		sum := sha256.Sum256([]byte(token.Reveal()))
		claims["ath"] = encode64(sum[:])
	}
	k.mu.Lock()
	nonce := k.nonces[origin(u)]
	k.mu.Unlock()
	if nonce != "" {
		claims["nonce"] = nonce
	}
	return signJWT(k.private, map[string]any{"typ": "dpop+jwt", "jwk": k.jwk}, claims)
}

// learn keeps the nonce that a server wants next (RFC 9449 section 8.2), and reports whether it is a new one.
func (k *DPoPKey) learn(u *url.URL, h http.Header) bool {
	nonce := h.Get("DPoP-Nonce")
	if nonce == "" || hasControl(nonce) {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	known := k.nonces[origin(u)]
	k.nonces[origin(u)] = nonce
	return known != nonce
}

func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// sendBound sends a request, with a proof where tokens are bound to a key. A server that wants its nonce in the proof has
// refused the request without looking at it, so it is sent once more (RFC 9449 section 8), and only once.
func (c *Client) sendBound(ctx context.Context, r *request) (*answer, error) {
	if c.DPoPKey == nil {
		return c.send(ctx, r)
	}
	u, err := secureURL(r.op, r.url)
	if err != nil {
		return nil, err
	}
	for again := false; ; again = true {
		if r.proof, err = c.DPoPKey.Proof(r.method, u, authsome.Secret{}, c.now()); err != nil {
			return nil, refused(r.op, "the proof of possession cannot be signed")
		}
		a, err := c.send(ctx, r)
		if err != nil {
			return nil, err
		}
		if fresh := c.DPoPKey.learn(u, a.header); again || !fresh || !wantsNonce(a) {
			return a, nil
		}
	}
}

// wantsNonce reports whether a server refuses a proof for want of its nonce.
func wantsNonce(a *answer) bool {
	if a.ok() {
		return false
	}
	m, err := a.decode()
	return err == nil && m.text("error") == "use_dpop_nonce"
}

// DPoPSigner authenticates requests to an API with a token that is bound to a key, RFC 9449 section 7. It is an
// [authsome.Signer].
type DPoPSigner struct {
	Key   *DPoPKey
	Token authsome.Secret
	Now   func() time.Time
}

var _ authsome.Signer = (*DPoPSigner)(nil)

// Sign sets the token under the scheme DPoP, and a proof for this request.
func (s *DPoPSigner) Sign(r *http.Request) error {
	authsome.DropCredentials(r.Header, "DPoP")
	proof, err := s.Key.Proof(r.Method, target(r), s.Token, s.Now())
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "DPoP "+s.Token.Reveal())
	r.Header.Set("DPoP", proof)
	return nil
}

// target is the URL of a request as its server sees it.
func target(r *http.Request) *url.URL {
	u := *r.URL
	if r.Host != "" {
		u.Host = r.Host
	}
	return &u
}

// Retry learns the nonce that the API wants, RFC 9449 section 9.
func (s *DPoPSigner) Retry(resp *http.Response) bool {
	if resp.Request == nil {
		return false
	}
	fresh := s.Key.learn(target(resp.Request), resp.Header)
	params, _ := BearerChallenge(resp.Header.Values("WWW-Authenticate"))
	return fresh && params["error"] == "use_dpop_nonce"
}
