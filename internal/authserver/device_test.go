package authserver_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"authsome/internal/authserver"
)

// beginDevice asks for a device code and returns the answer.
func beginDevice(t *testing.T, base string) map[string]any {
	t.Helper()
	resp, body := post(t, base+authserver.PathDeviceAuthorization, url.Values{"client_id": {"public"}, "scope": {"read"}})
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v", resp.Status, body)
	}
	return body
}

func pollDevice(t *testing.T, base string, device map[string]any) (code string, body map[string]any) {
	t.Helper()
	_, body = post(t, base+authserver.PathToken, url.Values{
		"grant_type": {authserver.GrantTypeDeviceCode}, "device_code": {device["device_code"].(string)}, "client_id": {"public"},
	})
	code, _ = body["error"].(string)
	return code, body
}

func decideDevice(t *testing.T, base, userCode, decision string) (status int, page string) {
	t.Helper()
	resp, err := http.PostForm(base+authserver.PathDevice, url.Values{"user_code": {userCode}, "decision": {decision}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

func TestDeviceIsApprovedAtThePage(t *testing.T) {
	t.Parallel()
	s, base, clock := start(t, authserver.Config{})
	d := beginDevice(t, base)
	if d["verification_uri"] != base+"/device" || d["expires_in"] != 600. || d["interval"] != 5. {
		t.Errorf("got %v", d)
	}
	if code, _ := pollDevice(t, base, d); code != "authorization_pending" {
		t.Errorf("before the decision: %s", code)
	}
	userCode := d["user_code"].(string)
	_, page := get(t, d["verification_uri_complete"].(string))
	if !strings.Contains(page, `value="`+userCode+`"`) || !strings.Contains(page, "<b>public</b>") {
		t.Errorf("the page: %s", page)
	}
	// People type it their own way.
	typed := strings.ToLower(strings.ReplaceAll(userCode, "-", " "))
	if status, page := decideDevice(t, base, typed, "approve"); status != http.StatusOK || !strings.Contains(page, "Approved") {
		t.Errorf("%d: %s", status, page)
	}
	clock.advance(5 * time.Second)
	code, body := pollDevice(t, base, d)
	if code != "" || body["scope"] != "read" || !s.AccessTokenValid(body["access_token"].(string)) {
		t.Errorf("after it: %v", body)
	}
	clock.advance(5 * time.Second)
	if code, _ := pollDevice(t, base, d); code != "invalid_grant" {
		t.Errorf("the second time: %q", code)
	}
	if status, _ := decideDevice(t, base, userCode, "approve"); status != http.StatusNotFound {
		t.Errorf("a code that was used: %d", status)
	}
}

func TestDeviceIsDenied(t *testing.T) {
	t.Parallel()
	_, base, _ := start(t, authserver.Config{})
	d := beginDevice(t, base)
	decideDevice(t, base, d["user_code"].(string), "deny")
	if code, _ := pollDevice(t, base, d); code != "access_denied" {
		t.Errorf("got %q", code)
	}
}

func TestDeviceThatIsTooFastMustSlowDown(t *testing.T) {
	t.Parallel()
	s, base, clock := start(t, authserver.Config{})
	d := beginDevice(t, base)
	for i, step := range []struct {
		after time.Duration
		want  string
	}{
		{0, "authorization_pending"},
		{4 * time.Second, "slow_down"},
		{9 * time.Second, "slow_down"},
		{15 * time.Second, "authorization_pending"},
	} {
		clock.advance(step.after)
		if code, _ := pollDevice(t, base, d); code != step.want {
			t.Errorf("poll %d: %q, want %q", i, code, step.want)
		}
	}
	if !s.ApproveDevice(d["user_code"].(string)) || s.DenyDevice(d["user_code"].(string)) {
		t.Error("a decision counts once")
	}
}

func TestDeviceCodesExpire(t *testing.T) {
	t.Parallel()
	s, base, clock := start(t, authserver.Config{
		DeviceCodeLifetime: time.Minute, OmitDeviceInterval: true, OmitVerificationURIComplete: true,
	})
	d := beginDevice(t, base)
	if d["interval"] != nil || d["verification_uri_complete"] != nil || d["expires_in"] != 60. {
		t.Errorf("got %v", d)
	}
	clock.advance(time.Minute)
	if s.ApproveDevice(d["user_code"].(string)) {
		t.Error("approved too late")
	}
	if code, _ := pollDevice(t, base, d); code != "expired_token" {
		t.Errorf("got %q", code)
	}
}

func TestDeviceBelongsToItsClient(t *testing.T) {
	t.Parallel()
	_, base, _ := start(t, authserver.Config{Scopes: []string{"read"}})
	d := beginDevice(t, base)
	_, body := post(t, base+authserver.PathToken, url.Values{
		"grant_type": {authserver.GrantTypeDeviceCode}, "device_code": {d["device_code"].(string)},
		"client_id": {"post"}, "client_secret": {"secret"},
	})
	if body["error"] != "invalid_grant" {
		t.Errorf("another client: %v", body)
	}
	for want, form := range map[string]url.Values{
		"invalid_client": {"client_id": {"post"}},
		"invalid_scope":  {"client_id": {"public"}, "scope": {"admin"}},
	} {
		if _, body := post(t, base+authserver.PathDeviceAuthorization, form); body["error"] != want {
			t.Errorf("%v, want %s", body, want)
		}
	}
}

func TestDevicePageDecidesAtOnceWhereNobodyIsAsked(t *testing.T) {
	t.Parallel()
	for consent, want := range map[authserver.Consent]string{
		authserver.ConsentApprove: "", authserver.ConsentDeny: "access_denied",
	} {
		_, base, _ := start(t, authserver.Config{Consent: consent})
		d := beginDevice(t, base)
		get(t, d["verification_uri_complete"].(string))
		if code, _ := pollDevice(t, base, d); code != want {
			t.Errorf("%s: %q", consent, code)
		}
	}
}
