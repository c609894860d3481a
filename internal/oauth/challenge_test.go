package oauth_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"authsome"
	"authsome/internal/oauth"
)

func TestParseChallenges(t *testing.T) {
	t.Parallel()
	for field, want := range map[string][]oauth.AuthChallenge{
		`Bearer`:                           {{Scheme: "bearer", Params: map[string]string{}}},
		`Bearer realm="a, b", error=x`:     {{Scheme: "bearer", Params: map[string]string{"realm": "a, b", "error": "x"}}},
		`Basic realm=x, DPoP algs="ES256"`: {{Scheme: "basic", Params: map[string]string{"realm": "x"}}, {Scheme: "dpop", Params: map[string]string{"algs": "ES256"}}},
		`Negotiate YWJj==, Bearer scope="a b", resource_metadata = "https://x.test/y?z=\"q\""`: {
			{Scheme: "negotiate", Params: map[string]string{}},
			{Scheme: "bearer", Params: map[string]string{"scope": "a b", "resource_metadata": `https://x.test/y?z="q"`}},
		},
		`Bearer error="first", error="second"`: {{Scheme: "bearer", Params: map[string]string{"error": "first"}}},
		`Bearer realm="never closed`:           {{Scheme: "bearer", Params: map[string]string{}}},
		`="x"`:                                 nil,
		`a=b`:                                  nil,
		``:                                     nil,
	} {
		if diff := cmp.Diff(want, oauth.ParseChallenges([]string{field})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", field, diff)
		}
	}
}

func FuzzParseChallenges(f *testing.F) {
	for _, seed := range []string{
		`Bearer realm="a", error="invalid_token", error_description="\"x\""`, `Negotiate YWJj==`, `Bearer a = b , c="d"`, `,,,`, `"`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		for _, c := range oauth.ParseChallenges([]string{field}) {
			if c.Scheme == "" || c.Params == nil {
				t.Errorf("%q: %+v", field, c)
			}
		}
	})
}

func FuzzParseServiceAccount(f *testing.F) {
	for _, seed := range []string{
		`{"type":"service_account","client_email":"a@b","private_key":"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}`,
		`{"type":"authorized_user"}`, `[]`, ``, `{"client_email":1}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		account, err := oauth.ParseServiceAccount(authsome.NewSecret(file))
		if (account == nil) != (err != nil) {
			t.Errorf("%v, %v", account, err)
		}
	})
}

func FuzzAnswerMember(f *testing.F) {
	f.Add(`{"a":{"b":[1,{"c":"d"}]}}`, "a.b.1.c")
	f.Add(`[{"id":7}]`, "0.id")
	f.Add(`{}`, "..")
	f.Add(`{"a":[]}`, "a.-1")
	f.Fuzz(func(t *testing.T, body, path string) {
		answer, err := oauth.ParseAnswer([]byte(body))
		if err != nil {
			return
		}
		for _, r := range answer.Member(path) {
			if r < ' ' || r == 0x7f {
				t.Errorf("%q at %q holds a control character", body, path)
			}
		}
	})
}
