package oauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"

	"authsome"
)

// signJWT makes a JWT in compact form (RFC 7519, RFC 7515 section 7.1): RS256 with an RSA key, ES256 with one of P-256.
// alg is added to the header.
func signJWT(key crypto.Signer, header, claims map[string]any) (string, error) {
	alg := "ES256"
	if _, ok := key.(*rsa.PrivateKey); ok {
		alg = "RS256"
	}
	header["alg"] = alg
	h, err := json.Marshal(header)
	if err != nil {
		return "", err
	}
	c, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	input := encode64(h) + "." + encode64(c)
	sum := sha256.Sum256([]byte(input))
	signature, err := sign(key, sum[:])
	if err != nil {
		return "", err
	}
	return input + "." + encode64(signature), nil
}

// sign signs a SHA-256 sum as JWS wants it: of ECDSA the two numbers in a row, RFC 7518 section 3.4.
func sign(key crypto.Signer, sum []byte) ([]byte, error) {
	switch key := key.(type) {
	case *rsa.PrivateKey:
		return rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum)
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, key, sum)
		if err != nil {
			return nil, err
		}
		const size = 32 // of P-256
		signature := make([]byte, 2*size)
		r.FillBytes(signature[:size])
		s.FillBytes(signature[size:])
		return signature, nil
	default:
		return nil, errors.New("a key of this kind is not supported")
	}
}

func encode64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// ParsePrivateKey reads a private key in PEM: PKCS #8, PKCS #1 or SEC 1; RSA of at least 2048 bits or ECDSA on P-256. No
// error holds any of it.
func ParsePrivateKey(text authsome.Secret) (crypto.Signer, error) {
	block, _ := pem.Decode([]byte(text.Reveal()))
	if block == nil {
		return nil, errors.New("it is not a private key in PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		key, err = parseTraditional(block)
	}
	if err != nil {
		return nil, errors.New("it is not a private key that can be read")
	}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		if key.N.BitLen() < 2048 {
			return nil, errors.New("an RSA key must have 2048 bits at least")
		}
		return key, nil
	case *ecdsa.PrivateKey:
		if key.Params().Name == "P-256" {
			return key, nil
		}
	}
	return nil, errors.New("the key must be RSA, or ECDSA on P-256")
}

func parseTraditional(block *pem.Block) (any, error) {
	if block.Type == "EC PRIVATE KEY" {
		return x509.ParseECPrivateKey(block.Bytes)
	}
	return x509.ParsePKCS1PrivateKey(block.Bytes)
}
