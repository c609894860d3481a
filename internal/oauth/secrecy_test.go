package oauth

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"authsome"
)

// secretValues are awkward on purpose.
func secretValues() map[string]string {
	return map[string]string{
		"client secret": "cl/sec+ret==1&x", "refresh token": `rt/"old"\1~é`, "code": "4/0ab_code", "verifier": "ver-ifier-0123",
		"new access token": "at/new+0123", "new refresh token": "rt/new+0123", "id token": "eyJ.id.token",
		"access token": "at/old+0123",
	}
}

// assertSecretFree looks for the secrets in every form.
func assertSecretFree(t *testing.T, where, text string) {
	t.Helper()
	for name, v := range secretValues() {
		for _, form := range []string{
			v, url.QueryEscape(v), url.PathEscape(v), strings.ToLower(url.QueryEscape(v)), fmt.Sprintf("%q", v),
			strings.ReplaceAll(v, "/", `\/`), base64.StdEncoding.EncodeToString([]byte(v)),
			base64.RawURLEncoding.EncodeToString([]byte(v)),
			base64.StdEncoding.EncodeToString([]byte("client id:" + v)),
			base64.StdEncoding.EncodeToString([]byte("client+id:" + url.QueryEscape(v))),
		} {
			if strings.Contains(text, form) {
				t.Errorf("%s holds the %s as %q:\n%s", where, name, form, text)
			}
		}
	}
}

// assertSecretFreeError looks at everything an error can print.
func assertSecretFreeError(t *testing.T, where string, err error) {
	t.Helper()
	e := asError(t, err)
	text := fmt.Sprintf("%v %+v %s %s %s", err, err, e.Reason, e.Code, e.Description)
	if e.Err != nil {
		text += fmt.Sprintf(" %v %+v %q", e.Err, e.Err, e.Err)
	}
	assertSecretFree(t, where, text)
}

// echo answers with everything it was sent, in several forms, and with tokens of its own.
func echo(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		s := secretValues()
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"error":"odd","error_description":%q,"raw":%q,"path":%q,"header":%q,`,
			"do not know "+form.Get("refresh_token")+form.Get("code")+form.Get("token"), body, r.URL.EscapedPath(),
			r.Header.Get("Authorization"))
		for name := range form {
			v := form.Get(name)
			fmt.Fprintf(w, `%q:%q,"b64":%q,"lower":%q,"slashes":"%s",`, name, v,
				base64.StdEncoding.EncodeToString([]byte(v)), strings.ToLower(url.QueryEscape(v)),
				strings.ReplaceAll(strings.Trim(fmt.Sprintf("%q", v), `"`), "/", `\/`))
		}
		fmt.Fprintf(w, `"access_token":"%s","nested":"{\"refresh_token\":\"%s\"}", "again":"%s",  "id_token" : "%s`,
			strings.ReplaceAll(s["new access token"], "/", `\/`), s["new refresh token"], s["new access token"], s["id token"])
		if status != http.StatusOK { // whole, unlike the other
			fmt.Fprint(w, `"}`)
		}
	}
}

func TestNoSecretInErrorsAndLogs(t *testing.T) {
	t.Parallel()
	s := secretValues()
	secret := func(name string) authsome.Secret { return authsome.NewSecret(s[name]) }
	calls := map[string]func(*Client) error{
		"exchange": func(c *Client) error {
			_, err := c.Exchange(t.Context(), secret("code"), redirectURI, secret("verifier"))
			return err
		},
		"refresh": func(c *Client) error {
			_, err := c.Refresh(t.Context(), secret("refresh token"))
			return err
		},
		"revoke": func(c *Client) error {
			return c.Revoke(t.Context(), LoginTokens{
				AccessToken: secret("access token"), RefreshToken: secret("refresh token"),
			})
		},
	}
	styles := []authsome.RevocationStyle{
		"", authsome.RevokeToken, authsome.RevokeGitHub, authsome.RevokeBearer, authsome.RevokeBearerD,
		authsome.RevokeDelete, authsome.RevokeJSON, authsome.RevokeOwn,
	}
	endpoints := map[string]string{"refused": "http://" + closedPort}
	for _, status := range []int{200, 400, 401, 503} {
		endpoints[fmt.Sprint(status)] = serve(t, echo(status)).URL
	}
	for call, do := range calls {
		for at, base := range endpoints {
			for i, style := range styles {
				c := newClient(base)
				c.ClientSecret = secret("client secret")
				c.Provider.RevocationStyle = style
				c.Provider.RevocationURL += "/{token}"
				c.Provider.RevocationRequest = &authsome.RequestTemplate{
					Format: authsome.BodyQuery, Headers: map[string]string{"Authorization": "Client {client_secret}"},
					Params: map[string]string{"a": "{access_token}", "t": "{token}", "s": "{client_secret}"},
				}
				c.Provider.ClientAuth = []authsome.ClientAuth{
					authsome.ClientAuthPost, authsome.ClientAuthBasic, authsome.ClientAuthSecretUser, authsome.ClientAuthHash,
				}[i%4]
				c.Provider.BodyFormat = []authsome.BodyFormat{authsome.BodyForm, authsome.BodyJSON}[i/2%2]
				log := withLog(c)
				err := do(c)
				if err != nil {
					assertSecretFreeError(t, call+" at "+at, err)
				} else if call != "revoke" {
					t.Errorf("%s at %s succeeded", call, at)
				}
				assertSecretFree(t, "the log of "+call+" at "+at, strings.ReplaceAll(log.String(), `\\`, `\`))
			}
		}
	}
}

func TestRedactorKnowsTheFormsOfASecret(t *testing.T) {
	t.Parallel()
	r := newRedactor(`Ab/c+"d=`, "abc")
	for _, form := range []string{
		`Ab/c+"d=`, "Ab%2Fc%2B%22d%3D", "Ab%2fc%2b%22d%3d", "Ab%2Fc+%22d=", `Ab/c+\"d=`, `Ab\/c+\"d=`, "QWIvYysiZD0=", "QWIvYysiZD0",
	} {
		if got := r.text("x " + form + " y"); got != "x "+authsome.Redacted+" y" {
			t.Errorf("%s: %s", form, got)
		}
	}
	if got := r.text("the alphabet begins with abc"); got != "the alphabet begins with abc" {
		t.Errorf("a value too short to be a secret: %s", got)
	}
}

func TestErrorOfTheNetworkNamesNoURL(t *testing.T) {
	t.Parallel()
	c := newClient("http://" + closedPort)
	c.Provider.RevocationURL += "/{token}"
	c.Provider.RevocationStyle = authsome.RevokeDelete
	err := c.Revoke(t.Context(), LoginTokens{RefreshToken: authsome.NewSecret("tok")}) // too short to be redacted
	if e := asError(t, err); strings.Contains(e.Err.Error(), "/revoke") {
		t.Error(e.Err)
	}
}

func TestNoSecretInTheLogOfASuccess(t *testing.T) {
	t.Parallel()
	s := secretValues()
	c := newClient(answering(t, 200, "application/json", fmt.Sprintf(`{"access_token":%q,"refresh_token":%q,"id_token":%q}`,
		s["new access token"], s["new refresh token"], s["id token"])).URL)
	log := withLog(c)
	token, err := c.Refresh(t.Context(), authsome.NewSecret(s["refresh token"]))
	if err != nil {
		t.Fatal(err)
	}
	assertSecretFree(t, "the log", log.String())
	assertSecretFree(t, "the token", fmt.Sprintf("%v %+v %#v", token, token, *token))
}

func TestLogShowsTheRequestAndTheFailure(t *testing.T) {
	t.Parallel()
	for format, body := range map[authsome.BodyFormat]string{
		authsome.BodyForm: `client_id=client+id&client_secret=***REDACTED***&grant_type=refresh_token&` +
			`refresh_token=***REDACTED***`,
		authsome.BodyJSON: `{\"client_id\":\"client id\",\"client_secret\":\"***REDACTED***\",` +
			`\"grant_type\":\"refresh_token\",\"refresh_token\":\"***REDACTED***\"}`,
	} {
		u := answering(t, 400, "application/json", `{"error":"invalid_grant","trace":"`+strings.Repeat("z", 5000)+`"}`)
		c := newClient(u.URL)
		c.Provider.BodyFormat = format
		log := withLog(c)
		_, _ = refresh(t, c)
		for _, want := range []string{
			u.URL + "/token", body, "status=400", "invalid_grant", strings.Repeat("z", 5000), "class=grant",
		} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("%q is not in the log:\n%.1000s", want, log)
			}
		}
	}
}

func FuzzRedactor(f *testing.F) {
	f.Add("a-secret/1", "before ", " after")
	f.Add(`q"uo\te`, `"access_token":"`, `"`)
	f.Fuzz(func(t *testing.T, secret, before, after string) {
		if len(secret) < minSecret || strings.Contains(authsome.Redacted, secret) {
			return
		}
		r := newRedactor(secret)
		for _, form := range formsOf(secret) {
			got := r.text(before + form + after)
			if !strings.Contains(got, authsome.Redacted) {
				t.Fatalf("%q in %q", form, got)
			}
		}
		tokensIn(before + secret + after)
	})
}
