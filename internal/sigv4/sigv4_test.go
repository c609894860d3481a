package sigv4

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"authsome"
)

func signer() *Signer {
	return &Signer{
		AccessKeyID: "AKID", Secret: authsome.NewSecret("secret"),
		Now: func() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) },
	}
}

func request(t *testing.T, method, url, body string, header ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func TestScopeComesFromTheSignatureElseTheHost(t *testing.T) {
	t.Parallel()
	const signed = "AWS4-HMAC-SHA256 Credential=placeholder/20260101/eu-west-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0"
	for _, tt := range []struct {
		url, authorization string
		want               Scope
	}{
		{"https://dynamodb.us-east-2.amazonaws.com/", "", Scope{"dynamodb", "us-east-2"}},
		{"https://dynamodb.us-east-2.amazonaws.com/", signed, Scope{"dynamodb", "eu-west-1"}},
		{"https://s3.eu-west-1.amazonaws.com/b/k", "", Scope{"s3", "eu-west-1"}},
		{"https://bucket.s3.eu-west-1.amazonaws.com/k", "", Scope{"s3", "eu-west-1"}},
		{"https://my.bucket.s3-eu-west-1.amazonaws.com/k", "", Scope{"s3", "eu-west-1"}},
		{"https://bucket.s3.dualstack.eu-west-1.amazonaws.com/k", "", Scope{"s3", "eu-west-1"}},
		{"https://bucket.s3.amazonaws.com/k", "", Scope{"s3", "us-east-1"}},
		{"https://iam.amazonaws.com/", "", Scope{"iam", "us-east-1"}},
		{"https://bedrock-runtime.us-west-2.amazonaws.com/model/x", "", Scope{"bedrock", "us-west-2"}},
		{"https://email.eu-central-1.amazonaws.com/", "", Scope{"ses", "eu-central-1"}},
		{"https://lambda.us-gov-west-1.amazonaws.com/", "", Scope{"lambda", "us-gov-west-1"}},
		{"https://x.test/?X-Amz-Credential=k%2F20260101%2Fus-east-1%2Fs3%2Faws4_request", "", Scope{"s3", "us-east-1"}},
		{"https://x.test/", "", Scope{"given", "here-1"}},
	} {
		r := request(t, http.MethodGet, tt.url, "")
		if tt.authorization != "" {
			r.Header.Set("Authorization", tt.authorization)
		}
		if got := scopeOf(r, Scope{"given", "here-1"}); got != tt.want && tt.want.Region != "us-east-1" {
			t.Errorf("%s: %+v, want %+v", tt.url, got, tt.want)
		}
		if got := scopeOf(r, Scope{Service: "given"}); tt.want.Region == "us-east-1" && got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.url, got, tt.want)
		}
	}
}

// Behind these names are programs of anybody who has an account at AWS. What they see signed for another service they could
// pass on to that service.
func TestHostsOfAnybodyGetNoSignatureForAnotherService(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"evil.execute-api.us-east-1.amazonaws.com":     "execute-api",
		"EVIL.Execute-API.us-east-1.amazonaws.com":     "execute-api",
		"evil.appsync-api.us-east-1.amazonaws.com":     "appsync",
		"search-evil.us-east-1.es.amazonaws.com":       "es",
		"evil.us-east-1.aoss.amazonaws.com":            "aoss",
		"evil.vfs.cloud9.us-east-1.amazonaws.com":      "cloud9",
		"evil.vfs.cloud9.us-east-1.amazonaws.com:8443": "cloud9",
	} {
		for _, r := range []*http.Request{
			request(t, http.MethodPost, "https://"+host+"/?Action=CreateAccessKey", "",
				"Authorization", "AWS4-HMAC-SHA256 Credential=x/1/us-east-1/iam/aws4_request"),
			request(t, http.MethodGet, "https://"+host+"/?X-Amz-Credential=x%2F1%2Fus-east-1%2Fsts%2Faws4_request", ""),
		} {
			if err := signer().Sign(r); err != nil {
				t.Fatal(err)
			}
			if got := r.Header.Get("Authorization"); !strings.Contains(got, "/us-east-1/"+want+"/aws4_request,") {
				t.Errorf("%s: signed as %s", host, got)
			}
		}
	}
}

func TestSigningReplacesWhatTheClientSigned(t *testing.T) {
	t.Parallel()
	r := request(t, http.MethodPost, "https://dynamodb.eu-west-1.amazonaws.com/?X-Amz-Signature=old&a=b", "{}",
		"Authorization", "AWS4-HMAC-SHA256 Credential=x/1/eu-west-1/dynamodb/aws4_request", "X-Amz-Date", "20200101T000000Z",
		"X-Amz-Security-Token", authsome.Placeholder)
	if err := signer().Sign(r); err != nil {
		t.Fatal(err)
	}
	got := r.Header.Get("Authorization")
	if !strings.HasPrefix(got, "AWS4-HMAC-SHA256 Credential=AKID/20261124/eu-west-1/dynamodb/aws4_request, ") ||
		r.Header.Get("X-Amz-Security-Token") != "" || r.URL.RawQuery != "a=b" || len(r.Header.Values("X-Amz-Date")) != 1 {
		t.Errorf("signed as %s with %v", r.URL, r.Header)
	}
	if body, err := io.ReadAll(r.Body); err != nil || string(body) != "{}" {
		t.Errorf("the body is %q, %v", body, err)
	}
}

// TestSignaturesAreThoseOfTheSDK signs with the SDK's own signer what this one has signed.
func TestSignaturesAreThoseOfTheSDK(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ method, url, body string }{
		{http.MethodGet, "https://dynamodb.eu-west-1.amazonaws.com", ""},
		{http.MethodPost, "https://dynamodb.eu-west-1.amazonaws.com/", "{}"},
		{http.MethodGet, "https://s3.eu-west-1.amazonaws.com/b/a%20b/%C3%A9+c~(1)?list-type=2&prefix=a/b&prefix=A&x", ""},
		{http.MethodPut, "https://b.s3.eu-west-1.amazonaws.com/k%2Fl//m", "content"},
		{http.MethodGet, "https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/a%3Ab/x%20y?Q=a%20b&q=a+b&e=%E2%82%AC", ""},
	} {
		for _, token := range []string{"", "session"} {
			s := signer()
			s.SessionToken = authsome.NewSecret(token)
			r := request(t, tt.method, tt.url, tt.body, "Content-Type", "text/plain;  charset=x", "X-Amz-Meta-A", " a  b ", "X-Other", "1")
			if err := s.Sign(r); err != nil {
				t.Fatal(err)
			}
			again := request(t, tt.method, tt.url, tt.body)
			again.ContentLength = 0
			for _, name := range []string{"Content-Type", "X-Amz-Meta-A", "X-Amz-Content-Sha256"} {
				if v := r.Header.Get(name); v != "" {
					again.Header.Set(name, v)
				}
			}
			what := scopeOf(again, Scope{})
			sum, err := payloadHash(again)
			if err != nil {
				t.Fatal(err)
			}
			again.ContentLength = 0
			key := aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret", SessionToken: token}
			err = v4.NewSigner().SignHTTP(t.Context(), key, again, sum, what.Service, what.Region, s.Now(),
				func(o *v4.SignerOptions) { o.DisableURIPathEscaping = what.Service == "s3" })
			if got, want := r.Header.Get("Authorization"), again.Header.Get("Authorization"); err != nil || got != want {
				t.Errorf("%s %s: %v\n got %s\nwant %s", tt.method, tt.url, err, got, want)
			}
		}
	}
}

func TestBodiesThatCannotBeSigned(t *testing.T) {
	t.Parallel()
	const at = "https://s3.eu-west-1.amazonaws.com/b/k"
	large := strings.Repeat("x", MaxBody+1)
	for name, r := range map[string]*http.Request{
		"piece by piece": request(t, http.MethodPut, at, "x", "X-Amz-Content-Sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
		"too large":      request(t, http.MethodPut, at, large),
		"unknown":        request(t, http.MethodGet, "https://elsewhere.test/", ""),
	} {
		if err := signer().Sign(r); err == nil {
			t.Errorf("%s: signed", name)
		}
	}
	for _, claimed := range []string{"UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", strings.Repeat("0", 64)} {
		r := request(t, http.MethodPut, at, large, "X-Amz-Content-Sha256", claimed)
		if err := signer().Sign(r); err != nil || r.Header.Get("X-Amz-Content-Sha256") != claimed {
			t.Errorf("%s: %v, sent as %s", claimed, err, r.Header.Get("X-Amz-Content-Sha256"))
		}
	}
}

func FuzzScope(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/s3/aws4_request", "s3.amazonaws.com", "")
	f.Add("", "a.b.c.us-east-1.amazonaws.com", "X-Amz-Credential=a%2F")
	f.Add("Credential=/////aws4_request", ".amazonaws.com", "&&")
	f.Fuzz(func(t *testing.T, authorization, host, query string) {
		r := &http.Request{Header: http.Header{"Authorization": {authorization}}, Host: host}
		u := *mustRequest(t).URL
		u.RawQuery = query
		r.URL = &u
		scopeOf(r, Scope{})
	})
}

func mustRequest(t *testing.T) *http.Request {
	t.Helper()
	return request(t, http.MethodGet, "https://x.test/", "")
}
