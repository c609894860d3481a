package local_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"authsome"
	"authsome/internal/authserver"
	"authsome/local"
)

// inProcess reaches the authorization server without a network, so that time can be virtual.
type inProcess struct{ w *world }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	p.w.serve(rec, r)
	return rec.Result(), nil
}

// deviceWorld is a world in virtual time whose provider has the device flow. It has no port.
func deviceWorld(t *testing.T, change func(*authserver.Config)) (*world, *local.Layer) {
	t.Helper()
	w := newUnservedWorld(t, func(c *authserver.Config) {
		c.Now, c.Consent = time.Now, authserver.ConsentAsk
		c.Clients = append(c.Clients, authserver.Client{ID: "public"})
		if change != nil {
			change(c)
		}
	})
	w.url = "http://127.0.0.1:1"
	l := w.process(func(c *local.Config) { c.Now, c.HTTP = time.Now, &http.Client{Transport: inProcess{w}} })
	w.define(l, w.deviceDefinition())
	return w, l
}

func (w *world) deviceDefinition() string {
	return strings.Replace(w.definition(), `"scopes":`, `"supports_device_flow": true, "device_client_auth": "none",
		"device_authorization_url": "`+w.url+`/device_authorization", "scopes":`, 1)
}

func (w *world) define(l *local.Layer, definition string) {
	w.t.Helper()
	if _, err := l.Register(w.t.Context(), []byte(definition), true); err != nil {
		w.t.Fatal(err)
	}
}

func deviceRequest() authsome.LoginRequest {
	return authsome.LoginRequest{
		Ref: acme, Flow: authsome.FlowDeviceCode, Force: true,
		Fields: map[authsome.FieldName]authsome.Secret{authsome.FieldClientID: authsome.NewSecret("public")},
	}
}

// beginDevice logs in up to where the person is shown a code.
func (w *world) beginDevice(l *local.Layer) *authsome.Authorization {
	w.t.Helper()
	step, err := l.Authorize(w.t.Context(), deviceRequest())
	if err != nil || step.Device == nil {
		w.t.Fatalf("got %+v, %v", step, err)
	}
	return step
}

// lastLogin returns the outcome of the last login as the audit log has it.
func (w *world) lastLogin() authsome.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := len(w.events) - 1; i >= 0; i-- {
		if w.events[i].Name == authsome.EventLogin {
			return w.events[i]
		}
	}
	return authsome.Event{}
}

func TestDevice_8628_LoginAsksStepByStep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, l := deviceWorld(t, nil)
		step, err := l.Authorize(t.Context(), authsome.LoginRequest{Ref: acme, Flow: authsome.FlowDeviceCode})
		// No secret: the definition says that a device needs none. No redirect URI: there is no redirect.
		if err != nil || len(step.Fields) != 1 || step.Fields[0].Name != authsome.FieldClientID || step.RedirectURI != "" {
			t.Fatalf("without a client: %+v, %v", step, err)
		}
		step = w.beginDevice(l)
		d := step.Device
		if d.UserCode == "" || d.VerificationURI != w.url+"/device" || d.ExpiresAt != time.Now().Add(10*time.Minute).UTC() ||
			d.VerificationURIComplete != w.url+"/device?user_code="+d.UserCode || step.URL != "" {
			t.Errorf("got %+v", d)
		}
		time.AfterFunc(time.Minute, func() { w.server.ApproveDevice(d.UserCode) })
		c, err := l.Complete(t.Context(), step.ID, "")
		if err != nil || c.Status != authsome.StatusConnected || c.Flow != authsome.FlowDeviceCode || !c.Refreshable ||
			strings.Join(c.Scopes, " ") != "read write" {
			t.Fatalf("got %+v, %v", c, err)
		}
		if !w.server.AccessTokenValid(w.mustToken(l).Value.Reveal()) {
			t.Error("the token is not good")
		}
		if e := w.lastLogin(); e.Failed || e.Detail["flow"] != "device_code" {
			t.Errorf("recorded %+v", e)
		}
		if _, err := l.Complete(t.Context(), step.ID, ""); authsome.KindOf(err) != authsome.KindLoginFailed {
			t.Errorf("a second time: %v", err)
		}
	})
}

// The connection is like any other: its client is known, and its token is renewed.
func TestDeviceLoginStoresItsClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, l := deviceWorld(t, nil)
		step := w.beginDevice(l)
		w.server.ApproveDevice(step.Device.UserCode)
		if _, err := l.Complete(t.Context(), step.ID, ""); err != nil {
			t.Fatal(err)
		}
		before := w.mustToken(l)
		time.Sleep(2 * time.Hour)
		if after := w.mustToken(l); after.Value.Equal(before.Value) || w.refreshCalls() != 1 {
			t.Errorf("not renewed after %d calls", w.refreshCalls())
		}
		again, err := l.Authorize(t.Context(), authsome.LoginRequest{Ref: acme, Flow: authsome.FlowDeviceCode, Force: true})
		if err != nil || again.Device == nil {
			t.Errorf("the second login: %+v, %v", again, err)
		}
	})
}

func TestDevice_8628_2_LoginEnds(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		happens func(w *world, userCode string, cancel func())
		kind    authsome.Kind
		message string
		reason  string // as recorded
		after   time.Duration
	}{
		"denied": {
			func(w *world, userCode string, _ func()) { w.server.DenyDevice(userCode) },
			authsome.KindCancelled, "login to acme (default) was refused at the provider", "access_denied", 35 * time.Second,
		},
		"nobody comes": {
			func(*world, string, func()) {},
			authsome.KindLoginFailed, "login failed for acme (default): nobody entered the code in time", "expired_token",
			595 * time.Second,
		},
		"Ctrl-C": {
			func(_ *world, _ string, cancel func()) { cancel() },
			authsome.KindCancelled, "the login was cancelled", "cancelled", 31 * time.Second,
		},
		"refused client": {
			func(w *world, _ string, _ func()) { w.server.Inject(authserver.OAuthError(400, "invalid_client")) },
			authsome.KindLoginFailed, "login failed for acme (default): invalid_client (injected: invalid_client)",
			"invalid_client", 35 * time.Second,
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			w, l := deviceWorld(t, nil)
			step := w.beginDevice(l)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			began := time.Now()
			time.AfterFunc(31*time.Second, func() { tt.happens(w, step.Device.UserCode, cancel) })
			_, err := l.Complete(ctx, step.ID, "")
			if authsome.KindOf(err) != tt.kind || err.Error() != tt.message || time.Since(began) != tt.after {
				t.Errorf("%s: %v after %v", name, err, time.Since(began))
			}
			if e := w.lastLogin(); !e.Failed || e.Reason != tt.reason {
				t.Errorf("%s: recorded %+v", name, e)
			}
			if _, err := w.token(l); authsome.KindOf(err) != authsome.KindConnectionNotFound {
				t.Errorf("%s: there is a connection, %v", name, err)
			}
		})
	}
}

func TestDevice_8628_2_LoginSurvivesAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, l := deviceWorld(t, nil)
		step := w.beginDevice(l)
		w.server.Inject(authserver.Unavailable(0), authserver.Hang(), authserver.ErrorIn200("authorization_pending"),
			authserver.OAuthError(428, "slow_down"), authserver.HTML())
		w.server.ApproveDevice(step.Device.UserCode)
		if _, err := l.Complete(t.Context(), step.ID, ""); err != nil {
			t.Error(err)
		}
	})
}

// Ctrl-C in the moment of the answer does not lose the token: nobody else knows of it.
func TestDeviceTokenThatHasBeenIssuedIsStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, l := deviceWorld(t, nil)
		step := w.beginDevice(l)
		w.server.ApproveDevice(step.Device.UserCode)
		ctx, cancel := context.WithCancel(t.Context())
		w.beforeTokenCalls(cancel)
		if _, err := l.Complete(ctx, step.ID, ""); err != nil {
			t.Fatal(err)
		}
		w.beforeTokenCalls(nil)
		w.mustToken(l)
	})
}

func TestDeviceFlowNeedsAnEndpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.define(l, w.definition())
	_, err := l.Authorize(t.Context(), deviceRequest())
	if authsome.KindOf(err) != authsome.KindUsage || !strings.Contains(err.Error(), "device_authorization_url") {
		t.Errorf("got %v", err)
	}
}

func TestDeviceFlowThatTheServerRefuses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, l := deviceWorld(t, nil)
		req := deviceRequest()
		req.Fields[authsome.FieldClientID] = authsome.NewSecret("unknown")
		_, err := l.Authorize(t.Context(), req)
		if authsome.KindOf(err) != authsome.KindLoginFailed || !strings.Contains(err.Error(), "invalid_client") {
			t.Errorf("got %v", err)
		}
	})
}

// A server that is polled with the device code alone knows no clients.
func TestDeviceFlowWithoutAClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, _ := deviceWorld(t, nil)
		broker := roundTripper(func(r *http.Request) (*http.Response, error) {
			rec := httptest.NewRecorder()
			rec.Header().Set("Content-Type", "application/json")
			answer := `{"access_token":"at-of-the-device"}`
			if r.URL.Path == "/device_authorization" {
				answer = `{"device_code":"dc","user_code":"UC","verification_uri":"https://acme.test/device","expires_in":60}`
			}
			_, _ = rec.WriteString(answer)
			return rec.Result(), nil
		})
		l := w.process(func(c *local.Config) { c.Now, c.HTTP = time.Now, &http.Client{Transport: broker} })
		w.define(l, strings.Replace(w.deviceDefinition(), `"scopes":`, `"device_token_request": "json", "scopes":`, 1))
		step, err := l.Authorize(t.Context(), authsome.LoginRequest{Ref: acme, Flow: authsome.FlowDeviceCode})
		if err != nil || step.Device == nil {
			t.Fatalf("got %+v, %v", step, err)
		}
		if _, err := l.Complete(t.Context(), step.ID, ""); err != nil {
			t.Fatal(err)
		}
		if c := w.mustToken(l); c.Value.Reveal() != "at-of-the-device" {
			t.Error("another token")
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
