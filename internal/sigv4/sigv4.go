// Package sigv4 authenticates requests to Amazon Web Services: each is signed by itself with AWS Signature Version 4. Use [Signer]. It
// decides what a signature is for, from what the client signed with a key that is worth nothing, from the host, or from
// what the connection says.
package sigv4

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"authsome"
)

// MaxBody bounds a body, in bytes, that must be read whole to be signed. Clients that send more give its hash themselves,
// or say that it is not signed, as S3 allows.
const MaxBody = 8 << 20

// Signer signs requests with one key. It is an [authsome.Signer].
type Signer struct {
	AccessKeyID  string
	Secret       authsome.Secret
	SessionToken authsome.Secret // of temporary credentials; zero: none
	// Service and Region are used where neither the request nor its host says.
	Service, Region string
	Now             func() time.Time
}

var _ authsome.Signer = (*Signer)(nil)

// Sign replaces whatever signature the request has by one of the connection's key. It fails when it cannot be known what
// to sign for, or when the body is signed piece by piece, which nobody can repeat for the client.
func (s *Signer) Sign(r *http.Request) error {
	what := scopeOf(r, Scope{Service: s.Service, Region: s.Region})
	if what.Service == "" || what.Region == "" {
		return fmt.Errorf("it cannot be told which AWS service and region %s belongs to; set the region at login", r.Host)
	}
	sum, err := payloadHash(r)
	if err != nil {
		return err
	}
	clean(r)
	if what.Service == "s3" {
		r.Header.Set("X-Amz-Content-Sha256", sum)
	}
	s.sign(r, sum, what, s.Now().UTC())
	return nil
}

// Retry reports false: a signature that was refused would be again.
func (s *Signer) Retry(*http.Response) bool { return false }

// clean removes the client's own signature, from the header and from a presigned URL.
func clean(r *http.Request) {
	authsome.DropCredentials(r.Header, "X-Amz-Date", "X-Amz-Security-Token")
	var kept []string
	for part := range strings.SplitSeq(r.URL.RawQuery, "&") {
		name, _, _ := strings.Cut(part, "=")
		switch strings.ToLower(name) {
		case "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-signedheaders", "x-amz-signature",
			"x-amz-security-token":
		default:
			kept = append(kept, part)
		}
	}
	u := *r.URL
	u.RawQuery = strings.Join(kept, "&")
	r.URL = &u
}

// payloadHash returns what stands for the body in the signature: what the client says it is, or its SHA-256.
func payloadHash(r *http.Request) (string, error) {
	claimed := r.Header.Get("X-Amz-Content-Sha256")
	switch {
	case isHash(claimed), claimed == "UNSIGNED-PAYLOAD", claimed == "STREAMING-UNSIGNED-PAYLOAD-TRAILER":
		return claimed, nil
	case strings.HasPrefix(claimed, "STREAMING-"):
		return "", errors.New("the client signs the body piece by piece, which cannot be done in its place; " +
			"configure it to send the body in one piece or unsigned (payload signing off)")
	}
	if r.Body == nil || r.Body == http.NoBody {
		return emptyHash, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxBody+1))
	closeErr := r.Body.Close()
	switch {
	case err != nil || closeErr != nil:
		return "", fmt.Errorf("read the body to sign it: %w", errors.Join(err, closeErr))
	case len(body) > MaxBody:
		return "", fmt.Errorf("%w: one of more than %d bytes can be only when X-Amz-Content-Sha256 tells its hash",
			authsome.ErrBodyTooLarge, MaxBody)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	r.ContentLength = int64(len(body))
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:]), nil
}

// emptyHash is the SHA-256 of nothing.
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func isHash(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == sha256.Size
}
