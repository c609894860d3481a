package sigv4

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// algorithm names what the signature is made with.
const algorithm = "AWS4-HMAC-SHA256"

// sign sets date and signature, as "Create a signed AWS API request" of the IAM User Guide has it. It is written out here
// because the SDK's signer brings packages that every start of the program would pay for; a test holds it to that signer.
func (s *Signer) sign(r *http.Request, sum string, what Scope, now time.Time) {
	stamp, day := now.Format("20060102T150405Z"), now.Format("20060102")
	r.Header.Set("X-Amz-Date", stamp)
	if !s.SessionToken.IsZero() {
		r.Header.Set("X-Amz-Security-Token", s.SessionToken.Reveal())
	}
	names, headers := canonicalHeaders(r)
	canonical := strings.Join([]string{
		r.Method, canonicalPath(r.URL, what.Service), canonicalQuery(r.URL.RawQuery), headers, names, sum,
	}, "\n")
	scope := strings.Join([]string{day, what.Region, what.Service, "aws4_request"}, "/")
	hashed := sha256.Sum256([]byte(canonical))
	text := strings.Join([]string{algorithm, stamp, scope, hex.EncodeToString(hashed[:])}, "\n")
	key := []byte("AWS4" + s.Secret.Reveal())
	for _, part := range []string{day, what.Region, what.Service, "aws4_request", text} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	r.Header.Set("Authorization", algorithm+" Credential="+s.AccessKeyID+"/"+scope+", SignedHeaders="+names+
		", Signature="+hex.EncodeToString(key))
}

// canonicalHeaders returns the names of the fields that are signed and the fields themselves: the host, the type of the
// body, and what belongs to AWS. What others on the way may change is left out.
func canonicalHeaders(r *http.Request) (names, headers string) {
	fields := map[string]string{"host": cmp.Or(r.Host, r.URL.Host)}
	for name, values := range r.Header {
		lower := strings.ToLower(name)
		if lower != "content-type" && lower != "content-md5" && !strings.HasPrefix(lower, "x-amz-") {
			continue
		}
		trimmed := make([]string, len(values))
		for i, v := range values {
			trimmed[i] = strings.Join(strings.Fields(v), " ")
		}
		fields[lower] = strings.Join(trimmed, ",")
	}
	var all []string
	for name := range fields {
		all = append(all, name)
	}
	slices.Sort(all)
	var b strings.Builder
	for _, name := range all {
		b.WriteString(name + ":" + fields[name] + "\n")
	}
	return strings.Join(all, ";"), b.String()
}

// canonicalPath is the path as it is sent, encoded once more for every service but S3.
func canonicalPath(u *url.URL, service string) string {
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	if service == "s3" {
		return path
	}
	var b strings.Builder
	for i := range len(path) {
		if c := path[i]; isUnreserved(c) || c == '/' {
			b.WriteByte(c)
		} else {
			b.WriteString("%" + strings.ToUpper(hex.EncodeToString([]byte{c})))
		}
	}
	return b.String()
}

func isUnreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.~", c) >= 0
}

// canonicalQuery sorts the parameters and writes each with its value in RFC 3986's encoding.
func canonicalQuery(raw string) string {
	if raw == "" {
		return ""
	}
	values, _ := url.ParseQuery(raw)
	for _, v := range values {
		slices.Sort(v)
	}
	return strings.ReplaceAll(values.Encode(), "+", "%20")
}
