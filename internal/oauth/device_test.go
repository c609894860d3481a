package oauth

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"authsome"
)

const deviceAnswer = `{"device_code":"dc-0123","user_code":"WDJB-MJHT","verification_uri":"https://as.test/device",` +
	`"verification_uri_complete":"https://as.test/device?user_code=WDJB-MJHT","expires_in":1800,"interval":7}`

// deviceWith makes a device authorization request that is answered like this.
func deviceWith(t *testing.T, status int, contentType, body string) (*DeviceAuthorization, error) {
	t.Helper()
	c := newClient("")
	c.Provider.DeviceAuthorizationURL = answering(t, status, contentType, body).URL
	return c.DeviceAuthorize(t.Context(), nil)
}

func TestDevice_8628_Request(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*Client)
		want   url.Values
	}{
		"confidential": {func(*Client) {}, url.Values{
			"client_id": {"client id"}, "client_secret": {"s/e c:ret+1"}, "scope": {"read write"},
		}},
		"basic": {func(c *Client) { c.Provider.ClientAuth = authsome.ClientAuthBasic }, url.Values{
			"client_id": {"client id"}, "scope": {"read write"},
		}},
		"public": {func(c *Client) { c.Provider.ClientAuth = authsome.ClientAuthNone }, url.Values{
			"client_id": {"client id"}, "scope": {"read write"},
		}},
		"further parameters": {func(c *Client) {
			c.Provider.ClientAuth, c.Provider.Resource = authsome.ClientAuthNone, "https://api.test/"
			c.Provider.DeviceParams = map[string]string{"audience": "api"}
			c.Provider.ScopeSeparator = ","
		}, url.Values{
			"client_id": {"client id"}, "scope": {"read,write"}, "audience": {"api"}, "resource": {"https://api.test/"},
		}},
	} {
		u := answering(t, 200, "application/json", deviceAnswer)
		c := newClient(u.URL)
		c.Provider.DeviceAuthorizationURL = u.URL + "/device_authorization"
		tt.change(c)
		got, err := c.DeviceAuthorize(t.Context(), []string{"read", "write"})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := &DeviceAuthorization{
			DeviceCode: authsome.NewSecret("dc-0123"), UserCode: "WDJB-MJHT", VerificationURI: "https://as.test/device",
			VerificationURIComplete: "https://as.test/device?user_code=WDJB-MJHT",
			ExpiresAt:               start.Add(30 * time.Minute), Interval: 7 * time.Second,
		}
		if !got.DeviceCode.Equal(want.DeviceCode) {
			t.Errorf("%s: another device code", name)
		}
		got.DeviceCode, want.DeviceCode = authsome.Secret{}, authsome.Secret{}
		if *got != *want {
			t.Errorf("%s: %+v", name, got)
		}
		if diff := cmp.Diff(tt.want, u.last(t).form); diff != "" || u.last(t).path != "/device_authorization" {
			t.Errorf("%s: %s %s", name, u.last(t).path, diff)
		}
	}
}

func TestDevice_8628_JSONRequests(t *testing.T) {
	t.Parallel()
	u := answering(t, 200, "application/json", deviceAnswer)
	c := newClient(u.URL)
	c.ClientID, c.ClientSecret = "", authsome.Secret{}
	c.Provider.DeviceAuthorizationURL = u.URL + "/device/code"
	c.Provider.DeviceTokenRequest = authsome.DeviceTokenJSON
	if _, err := c.DeviceAuthorize(t.Context(), nil); err != nil || u.last(t).body != "" {
		t.Errorf("%v, body %q", err, u.last(t).body)
	}
	_, _ = c.deviceToken(t.Context(), authsome.NewSecret("dc-0123"), "")
	poll := u.requests()[1]
	var body map[string]string
	if err := json.Unmarshal([]byte(poll.body), &body); err != nil || poll.header.Get("Content-Type") != "application/json" {
		t.Fatalf("%s, %v", poll.body, err)
	}
	if diff := cmp.Diff(map[string]string{"device_code": "dc-0123"}, body); diff != "" || poll.path != "/token" {
		t.Errorf("%s %s", poll.path, diff)
	}
}

func TestDevice_8628_Poll(t *testing.T) {
	t.Parallel()
	u := answering(t, 200, "application/json", goodAnswer)
	c := newClient(u.URL)
	c.Provider.ClientAuth = authsome.ClientAuthNone
	token, err := c.deviceToken(t.Context(), authsome.NewSecret("dc-0123"), "")
	if err != nil || token.AccessToken.Reveal() != "at" {
		t.Fatalf("%+v, %v", token, err)
	}
	want := url.Values{"grant_type": {grantTypeDeviceCode}, "device_code": {"dc-0123"}, "client_id": {"client id"}}
	if diff := cmp.Diff(want, u.last(t).form); diff != "" {
		t.Error(diff)
	}
}

func TestDevice_8628_3_AnswersOfRealServers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		contentType, body string
		uri, complete     string
		interval          time.Duration
		lifetime          time.Duration
	}{
		"Google": {
			"application/json; charset=utf-8", `{"device_code":"d","user_code":"u","verification_url":"https://g.test/device",
			"expires_in":1800,"interval":5}`, "https://g.test/device", "", 5 * time.Second, 30 * time.Minute,
		},
		"GitHub, form-encoded": {
			"application/x-www-form-urlencoded",
			"device_code=d&user_code=u&verification_uri=https%3A%2F%2Fgh.test%2Fdevice&expires_in=899&interval=5",
			"https://gh.test/device", "", 5 * time.Second, 899 * time.Second,
		},
		"without interval": {
			"application/json", `{"device_code":"d","user_code":"u","verification_uri":"https://o.test/","expires_in":600}`,
			"https://o.test/", "", 5 * time.Second, 10 * time.Minute,
		},
		"interval of zero, as text": {
			"application/json", `{"device_code":"d","user_code":"u","verification_uri":"https://o.test/","interval":"0"}`,
			"https://o.test/", "", 5 * time.Second, 10 * time.Minute,
		},
		"complete URI that is no web page": {
			"application/json", `{"device_code":"d","user_code":"u","verification_uri":"https://o.test/",
			"verification_uri_complete":"file:///bin/sh"}`, "https://o.test/", "", 5 * time.Second, 10 * time.Minute,
		},
	} {
		d, err := deviceWith(t, 200, tt.contentType, tt.body)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d.VerificationURI != tt.uri || d.VerificationURIComplete != tt.complete || d.Interval != tt.interval ||
			d.ExpiresAt != start.Add(tt.lifetime) || d.UserCode != "u" || d.DeviceCode.Reveal() != "d" {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

func TestDeviceAnswersThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"error":             {400, `{"error":"invalid_client"}`, "invalid_client"},
		"error in 200":      {200, `{"error":"device_flow_disabled"}`, "device_flow_disabled"},
		"no device code":    {200, `{"user_code":"u","verification_uri":"https://o.test/"}`, "no device code in the answer (HTTP 200)"},
		"no user code":      {200, `{"device_code":"d","verification_uri":"https://o.test/"}`, "no usable user code in the answer (HTTP 200)"},
		"escape sequence":   {200, `{"device_code":"d","user_code":"\u001b[2J","verification_uri":"https://o.test/"}`, "no usable user code in the answer (HTTP 200)"},
		"no page":           {200, `{"device_code":"d","user_code":"u"}`, "no usable verification URI in the answer (HTTP 200)"},
		"page in the clear": {200, `{"device_code":"d","user_code":"u","verification_uri":"http://o.test/"}`, "no usable verification URI in the answer (HTTP 200)"},
		"page of a program": {200, `{"device_code":"d","user_code":"u","verification_uri":"file:///etc"}`, "no usable verification URI in the answer (HTTP 200)"},
		"not found":         {404, `Not Found`, "HTTP 404"},
	} {
		_, err := deviceWith(t, tt.status, "application/json", tt.body)
		if got := asError(t, err).Reason; got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestDeviceCodeIsInNoLog(t *testing.T) {
	t.Parallel()
	const secret = "dc/very+secret"
	for _, format := range []authsome.DeviceTokenRequest{authsome.DeviceTokenForm, authsome.DeviceTokenJSON} {
		u := serve(t, echo(400))
		c := newClient(u.URL)
		c.Provider.DeviceAuthorizationURL, c.Provider.DeviceTokenRequest = u.URL, format
		log := withLog(c)
		_, err := c.deviceToken(t.Context(), authsome.NewSecret(secret), "")
		half := answering(t, 400, "application/json", `{"error":"odd","device_code":"`+strings.ReplaceAll(secret, "/", `\/`))
		c.Provider.DeviceAuthorizationURL = half.URL
		_, _ = c.DeviceAuthorize(t.Context(), nil)
		for _, form := range append(formsOf(secret), secret) {
			if text := log.String() + err.Error() + asError(t, err).Description; strings.Contains(text, form) {
				t.Errorf("%q is in %s", form, text)
			}
		}
		if !strings.Contains(log.String(), "device_code") {
			t.Errorf("the log does not show the request: %s", log.String())
		}
	}
}

func FuzzDeviceAuthorization(f *testing.F) {
	f.Add(200, deviceAnswer)
	f.Add(200, "device_code=d&user_code=u&verification_uri=https%3A%2F%2Fgh.test&interval=1e9&expires_in=-1")
	f.Add(400, `{"error":"slow_down"}`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		c := newClient("")
		r := &request{op: opDeviceAuthorize, redact: c.redactor()}
		d, err := c.readDevice(r, &answer{status: status, body: []byte(body), sentAt: start})
		if err != nil {
			asError(t, err)
			return
		}
		if d.Interval <= 0 || !d.ExpiresAt.After(start) || d.DeviceCode.IsZero() || hasControl(d.UserCode) ||
			!isPage(d.VerificationURI) || d.VerificationURIComplete != "" && !isPage(d.VerificationURIComplete) {
			t.Errorf("%+v", d)
		}
	})
}
