package oauth

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"authsome"
)

func TestToken_6749_6_TokenTypeCaseInsensitive(t *testing.T) {
	t.Parallel()
	tests := []struct {
		member, override, want string // want empty: refused
	}{
		{`"Bearer"`, "", "Bearer"},
		{`"bearer"`, "", "Bearer"},
		{`"BEARER"`, "", "Bearer"},
		{`""`, "", "Bearer"},
		{`null`, "", "Bearer"},
		{`"DPoP"`, "", ""},
		{`"mac"`, "", ""},
		{`"Bearer2"`, "", ""},
		{`1`, "", ""},
		{`"user"`, "", "Bearer"},
		{`"Bot"`, "", "Bearer"},
		{`"user"`, "Bearer", "Bearer"},
		{`"DPoP"`, "Bearer", "Bearer"},
	}
	for _, tt := range tests {
		token, err := refreshWith(t, authsome.OAuth{TokenType: tt.override}, `{"access_token":"a","token_type":`+tt.member+`}`)
		switch {
		case tt.want == "" && (err == nil || !strings.HasPrefix(asError(t, err).Reason, "unsupported token type")):
			t.Errorf("%s: %v, %v", tt.member, token, err)
		case tt.want != "" && (err != nil || token.TokenType != tt.want):
			t.Errorf("%s: %v, %v", tt.member, token, err)
		}
	}
	if token, err := refreshWith(t, authsome.OAuth{}, `{"access_token":"a"}`); err != nil || token.TokenType != "Bearer" {
		t.Errorf("missing: %v, %v", token, err)
	}
}

func TestToken_6749_7_RefreshTokenReplacedOrKept(t *testing.T) {
	t.Parallel()
	for member, want := range map[string]string{
		`,"refresh_token":"new"`: "new", `,"refresh_token":""`: "", `,"refresh_token":null`: "", ``: "",
	} {
		token, err := refreshWith(t, authsome.OAuth{}, `{"access_token":"a"`+member+`}`)
		if err != nil || token.RefreshToken.Reveal() != want || token.RefreshToken.IsZero() != (want == "") {
			t.Errorf("%s: %v, %v", member, token, err)
		}
	}
}

func TestToken_6749_9_Scopes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		members, separator string
		want               []string
	}{
		{``, "", nil},
		{`,"scope":null`, "", nil},
		{`,"scope":1`, "", nil},
		{`,"scope":""`, "", []string{}},
		{`,"scope":"a b"`, "", []string{"a", "b"}},
		{`,"scope":"a,b"`, "", []string{"a", "b"}},
		{`,"scope":" a,  b "`, ",", []string{"a", "b"}},
		{`,"scope":"a+b"`, "+", []string{"a", "b"}},
		{`,"scope":"a+b"`, "", []string{"a+b"}},
		{`,"scope":["a","b",3,""]`, "", []string{"a", "b"}},
		{`,"scopes":"a b"`, "", []string{"a", "b"}},
		{`,"scope":null,"scopes":["a"]`, "", []string{"a"}},
	}
	for _, tt := range tests {
		token, err := refreshWith(t, authsome.OAuth{ScopeSeparator: tt.separator}, `{"access_token":"a"`+tt.members+`}`)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, token.Scopes); diff != "" {
			t.Errorf("%s: %s", tt.members, diff)
		}
	}
}

func TestToken_2_4_ExpiresIn(t *testing.T) {
	t.Parallel()
	const unset = time.Duration(0)
	tests := []struct {
		members string
		byDef   int64
		want    time.Duration
	}{
		{`,"expires_in":3600`, 0, time.Hour},
		{`,"expires_in":"3600"`, 0, time.Hour},
		{`,"expires_in":" 3600 "`, 0, time.Hour},
		{`,"expires_in":3599.5`, 0, 3599500 * time.Millisecond},
		{`,"expires_in":"3599.0"`, 0, 3599 * time.Second},
		{`,"expires_in":3.6e3`, 0, time.Hour},
		{`,"expires_in":null`, 0, unset},
		{`,"expires_in":0`, 7200, unset}, // for ever
		{`,"expires_in":-1`, 0, unset},
		{`,"expires_in":-1`, 7200, 2 * time.Hour},
		{`,"expires_in":"soon"`, 7200, 2 * time.Hour},
		{`,"expires_in":"NaN"`, 0, unset},
		{`,"expires_in":"Inf"`, 0, unset},
		{`,"expires_in":"0x10"`, 0, unset},
		{`,"expires_in":"1_000"`, 0, unset},
		{`,"expires_in":true`, 0, unset},
		{`,"expires_in":[3600]`, 0, unset},
		{`,"expires_in":99999999999999999999`, 0, maxLifetime},
		{`,"expires_in":1e999`, 0, maxLifetime},
		{`,"expires_in":-1e999`, 0, unset},
		{``, 0, unset},
		{``, 7200, 2 * time.Hour},
		// Absolute: start is 2026-11-01 12:00 UTC, which is 1793534400.
		{`,"expires_at":1793538000`, 0, time.Hour},
		{`,"expires_at":1793538000000`, 0, time.Hour},
		{`,"expires_at":"1793538000"`, 0, time.Hour},
		{`,"expires_at":"1793538000123"`, 0, time.Hour + 123*time.Millisecond},
		{`,"expires_at":1793538000.25`, 0, time.Hour + 250*time.Millisecond},
		{`,"expires_at":"2026-11-01T13:00:00Z"`, 0, time.Hour},
		{`,"expires_at":"2026-11-01T14:00:00.000+01:00"`, 0, time.Hour},
		{`,"expires_at":"2026-11-01T14:00:00+0100"`, 0, time.Hour},
		{`,"expires_at":"2026-11-01T13:00:00"`, 0, time.Hour},
		{`,"expires_at":"2026-11-01 13:00:00"`, 0, time.Hour},
		{`,"expires_at":"3600"`, 0, unset}, // 1970, not the year 3600
		{`,"expires_at":"2020-01-01T00:00:00Z"`, 7200, 2 * time.Hour},
		{`,"expires_at":1e300`, 0, maxLifetime},
		{`,"expires_at":0`, 0, unset},
		{`,"expires_at":"tomorrow"`, 0, unset},
		{`,"expires_in":60,"expires_at":1793538000`, 0, time.Minute},
		{`,"expires_in":null,"expires_at":1793538000`, 0, time.Hour},
	}
	for _, tt := range tests {
		token, err := refreshWith(t, authsome.OAuth{DefaultExpiresIn: tt.byDef}, `{"access_token":"a"`+tt.members+`}`)
		if err != nil {
			t.Fatal(err)
		}
		want := time.Time{}
		if tt.want != unset {
			want = start.Add(tt.want)
		}
		if token.Lifetime != tt.want || !token.ExpiresAt.Equal(want) || !token.SentAt.Equal(start) {
			t.Errorf("%s (%d): %s, %s", tt.members, tt.byDef, token.Lifetime, token.ExpiresAt)
		}
	}
}

func TestToken_2_4_ExpiryCountsFromSending(t *testing.T) {
	t.Parallel()
	c := newClient(answering(t, 200, "application/json", goodAnswer).URL)
	calls := 0
	c.Now = func() time.Time {
		calls++
		return start.Add(time.Duration(calls-1) * time.Minute) // the answer takes a minute
	}
	token, err := refresh(t, c)
	if err != nil || !token.ExpiresAt.Equal(start.Add(time.Hour)) {
		t.Errorf("%v, %v", token, err)
	}
}

func TestToken_2_4_RefreshTokenLifetime(t *testing.T) {
	t.Parallel()
	tests := []struct {
		members string
		want    time.Duration
	}{
		{`,"refresh_token":"r","refresh_token_expires_in":100`, 100 * time.Second},
		{`,"refresh_token":"r","x_refresh_token_expires_in":"100"`, 100 * time.Second},
		{`,"refresh_token":"r","refresh_expires_in":100`, 100 * time.Second},
		{`,"refresh_token":"r","refresh_expires_in":0`, 0},
		{`,"refresh_token":"r","refresh_token_expires_at":1793538000`, time.Hour},
		{`,"refresh_token":"r"`, 30 * time.Second}, // the definition's
		{``, 0},
	}
	for _, tt := range tests {
		token, err := refreshWith(t, authsome.OAuth{RefreshExpiresIn: 30}, `{"access_token":"a"`+tt.members+`}`)
		if err != nil {
			t.Fatal(err)
		}
		if want := after(start, tt.want); !token.RefreshExpiresAt.Equal(want) {
			t.Errorf("%s: %s, want %s", tt.members, token.RefreshExpiresAt, want)
		}
	}
}

func TestToken_2_4_ShapesOfAnswers(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100_000) // 6749-5: no assumption on length
	tests := []struct {
		name, contentType, body, path string
		want                          string // access token; empty: a failure
	}{
		{"JSON", "application/json; charset=utf-8", `{"access_token":"a"}`, "", "a"},
		{"JSON as text", "text/plain", ` {"access_token":"a"} `, "", "a"},
		{"JSON as HTML", "text/html", `{"access_token":"a"}`, "", "a"},
		{"JSON as a form", "application/x-www-form-urlencoded", `{"access_token":"a"}`, "", "a"},
		{"JSON without a type", "", `{"access_token":"a"}`, "", "a"},
		{"JSON with a byte order mark", "application/json", "\ufeff" + `{"access_token":"a"}`, "", "a"},
		{"unknown members (6749-5)", "application/json", `{"access_token":"a","x":{"y":[1]}}`, "", "a"},
		{"long token", "application/json", `{"access_token":"` + long + `"}`, "", long},
		{"form", "application/x-www-form-urlencoded", "access_token=a%2Fb&expires_in=3600&scope=", "", "a/b"},
		{"form as text", "text/plain", "access_token=a&token_type=bearer", "", "a"},
		{"form as JSON", "application/json", "access_token=a&token_type=bearer", "", "a"},
		{
			"nested", "application/json", `{"ok":true,"access_token":"bot","authed_user":{"access_token":"a"}}`,
			"authed_user", "a",
		},
		{"nested deeply", "application/json", `{"d":{"t":{"access_token":"a"}}}`, "d.t", "a"},
		{"not nested after all", "application/json", `{"ok":true,"access_token":"a"}`, "authed_user", "a"},
		{
			"nested, but not there", "application/json", `{"ok":true,"authed_user":{"id":"U1"},"access_token":"a"}`,
			"authed_user", "a",
		},
		{"error that says all is well", "application/json", `{"error":"","access_token":"a"}`, "", "a"},
		{"null error", "application/json", `{"error":null,"ok":true,"access_token":"a"}`, "", "a"},
		{"error 0", "application/json", `{"error":0,"access_token":"a"}`, "", "a"},

		{"no token", "application/json", `{"refresh_token":"r","expires_in":3600}`, "", ""},
		{"empty token", "application/json", `{"access_token":""}`, "", ""},
		{"token that is a number", "application/json", `{"access_token":12345}`, "", ""},
		{"empty", "application/json", ``, "", ""},
		{"array", "application/json", `[{"access_token":"a"}]`, "", ""},
		{"half", "application/json", `{"access_token":"a"`, "", ""},
		{"two objects", "application/json", `{"access_token":"a"}{"access_token":"b"}`, "", ""},
		{"web page", "text/html", `<a href="?access_token=a&x=1">`, "", ""},
		{"CR LF in the token (attack 16)", "application/json", `{"access_token":"a\r\nX: y"}`, "", ""},
		{"NUL in the token", "application/json", `{"access_token":"a\u0000"}`, "", ""},
		{"LF in the refresh token", "application/json", `{"access_token":"a","refresh_token":"b\n"}`, "", ""},
		{"error beside a token", "application/json", `{"access_token":"a","error":"invalid_grant"}`, "", ""},
		{"too long", "application/json", `{"access_token":"` + strings.Repeat("x", maxAnswer) + `"}`, "", ""},
	}
	for _, tt := range tests {
		c := newClient(answering(t, 200, tt.contentType, tt.body).URL)
		c.Provider.ResponsePath = tt.path
		token, err := refresh(t, c)
		switch {
		case tt.want == "" && err == nil:
			t.Errorf("%s: %v", tt.name, token)
		case tt.want != "" && (err != nil || token.AccessToken.Reveal() != tt.want):
			t.Errorf("%s: %v, %v", tt.name, token, err)
		}
	}
}

func FuzzTokenAnswer(f *testing.F) {
	for _, s := range []string{
		goodAnswer, `{"ok":false,"error":"x"}`, `{"error":{"code":1}}`, "access_token=a&scope=a,b", `{"access_token":"a\n"}`,
		`{"access_token":"a","expires_in":-1e999,"expires_at":"2026-11-01","scope":[1]}`, "<html>", `{"a":{"access_token":"x"}}`,
	} {
		f.Add(200, s)
		f.Add(400, s)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		c := newClient("https://as.test")
		c.Provider.ResponsePath = "a"
		r := &request{op: opRefresh, redact: c.redactor()}
		token, err := c.readToken(r, &answer{sentAt: start, status: status, body: []byte(body)})
		if err != nil {
			if e := asError(t, err); e.Reason == "" || e.Class == "" {
				t.Fatalf("%+v", e)
			}
			return
		}
		if token.AccessToken.IsZero() || hasControl(token.AccessToken.Reveal()) || token.Lifetime < 0 ||
			token.Lifetime > maxLifetime || !token.ExpiresAt.IsZero() && token.ExpiresAt.Before(start) || status > 299 {
			t.Fatalf("%+v", token)
		}
	})
}

func FuzzInstant(f *testing.F) {
	for _, s := range []string{"1793538000", "1793538000123", "2026-11-01T13:00:00Z", "3600", "-1", "1e400", "0x1p4", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if at, known := instant(s); known && (at.IsZero() || at.Year() > 40_000) {
			t.Fatalf("%q: %s", s, at)
		}
		if d, known := lifetime(s); d < 0 || d > maxLifetime || !known && d != 0 {
			t.Fatalf("%q: %s", s, d)
		}
	})
}
