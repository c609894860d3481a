package browser_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"authsome/internal/authserver"
	"authsome/tests/internal/acme"
	"authsome/tests/internal/process"
)

// The page that shows the code goes on to the result by itself, with and without script, whatever the person decided.
func TestDevicePageTurnsIntoTheResult(t *testing.T) {
	t.Parallel()
	for name, approve := range map[string]bool{"approved": true, "denied": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, h := newTab(t), process.NewHome(t)
			if !approve {
				b.withoutScript()
			}
			p := acme.Start(t, authserver.Config{DeviceInterval: time.Second}, nil)
			h.Env = append(h.Env, "ACME_CLIENT_ID="+acme.ClientID, "ACME_CLIENT_SECRET="+acme.ClientSecret)
			h.Register(t, strings.Replace(p.Definition(), `"scopes":`,
				`"device_authorization_url": "`+p.URL+`/device_authorization", "supports_device_flow": true, "scopes":`, 1))
			l := begin(t, h, "acme", "--flow", "device_code")
			b.open(l.address())
			b.contains("Log in to Acme", "enter the code", p.URL+"/device", "Only enter the code if you have started this login yourself.")
			b.photograph("device")
			code, err := chromedp.Run(b.ctx, chromedp.Text(chromedp.CSS(".code")))
			if err != nil {
				t.Fatal(err)
			}
			decide, heading, exit := p.ApproveDevice, "Connected to Acme", 0
			if !approve {
				decide, heading, exit = p.DenyDevice, "Login cancelled", 8
			}
			if !decide(strings.TrimSpace(code)) {
				t.Fatalf("no device waits for %q", code)
			}
			b.until(heading)
			if r := l.result(); r.Code != exit {
				t.Errorf("the login\n%s", r)
			}
		})
	}
}

// What the pages look like is kept in docs/screenshots, which make screenshots writes anew.
func TestScreenshotsAreKept(t *testing.T) {
	t.Parallel()
	const least = 2000 // bytes: less is an empty page
	for _, page := range []string{"form", "form-problem", "form-stored", "device"} {
		for _, scheme := range []string{"light", "dark"} {
			info, err := os.Stat(filepath.Join("..", "..", "docs", "screenshots", page+"-"+scheme+".png"))
			if err != nil || info.Size() < least {
				t.Errorf("%s in %s: %v", page, scheme, err)
			}
		}
	}
}
