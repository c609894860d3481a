package browser_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// envScreenshots names a directory that the pages are photographed into, to be looked at.
const envScreenshots = "AUTHSOME_SCREENSHOTS"

// patience bounds everything that one tab does.
const patience = 40 * time.Second

// chromium is the one browser of this test binary. Each tab has a profile of its own in it.
type chromium struct {
	ctx   context.Context
	close func()
}

var errNoChromium = errors.New("there is no chromium")

var theChromium = sync.OnceValues(startChromium)

// started says whether there is something to close.
var started atomic.Bool

func closeChromium() {
	if !started.Load() {
		return
	}
	if c, err := theChromium(); err == nil {
		c.close()
	}
}

func startChromium() (*chromium, error) {
	started.Store(true)
	path := findChromium()
	if path == "" {
		return nil, errNoChromium
	}
	profile, err := os.MkdirTemp("", "authsome-chromium-")
	if err != nil {
		return nil, err
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.Headless, chromedp.NoSandbox, chromedp.NoFirstRun,
		chromedp.DisableGPU, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		// What DNS rebinding does: a foreign name for this machine.
		chromedp.Flag("host-resolver-rules", "MAP "+foreignName+" 127.0.0.1"),
	)
	ctx, cancel := chromedp.NewContext(allocator)
	c := &chromium{ctx: ctx, close: func() {
		cancel()
		stop()
		removeAll(profile)
	}}
	if err := chromedp.Do(ctx); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// removeAll removes the profile, into which processes of the browser may write a moment longer.
func removeAll(dir string) {
	for range 50 {
		if os.RemoveAll(dir) == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func findChromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// tab is a tab of the browser, with cookies and storage of its own.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// newTab opens a tab, or skips the test where there is no Chromium; with $CI set that is a failure.
func newTab(t *testing.T) *tab {
	t.Helper()
	browser, err := theChromium()
	if errors.Is(err, errNoChromium) && os.Getenv("CI") == "" {
		t.Skip("chromium is not installed; tests/prepare does that where it may")
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(browser.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, patience)
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx}
	b.do(chromedp.EmulateViewport(900, 640))
	return b
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatalf("in the browser, at %q: %v", b.address(), err)
	}
}

// open goes to a page and returns its HTTP status.
func (b *tab) open(address string) int64 {
	b.t.Helper()
	resp, err := chromedp.Run(b.ctx, chromedp.NavigateResponse(address))
	if err != nil {
		b.t.Fatalf("open %s: %v", address, err)
	}
	return resp.Status
}

// leads does what makes the browser load another page, waits for it and returns its HTTP status.
func (b *tab) leads(steps ...chromedp.Action[chromedp.Void]) int64 {
	b.t.Helper()
	resp, err := chromedp.RunResponse(b.ctx, steps...)
	if err != nil {
		b.t.Fatalf("in the browser, at %q: %v", b.address(), err)
	}
	return resp.Status
}

// until waits for a page whose heading is this.
func (b *tab) until(heading string) {
	b.t.Helper()
	b.do(chromedp.WaitReady(`//h1[contains(., "` + heading + `")]`))
}

func (b *tab) address() string {
	address, _ := chromedp.Run(b.ctx, chromedp.Location())
	return address
}

func (b *tab) text() string {
	b.t.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Text(chromedp.CSS("body")))
	if err != nil {
		b.t.Fatal(err)
	}
	return text
}

// document is all that the page holds, what has been typed in included.
func (b *tab) document() string {
	b.t.Helper()
	const all = `document.documentElement.outerHTML + [...document.querySelectorAll("input")].map(i => i.value).join("\n")`
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](all))
	if err != nil {
		b.t.Fatal(err)
	}
	return text
}

// contains complains about each text that the page does not show.
func (b *tab) contains(texts ...string) {
	b.t.Helper()
	shown := b.text()
	for _, want := range texts {
		if !strings.Contains(shown, want) {
			b.t.Errorf("the page at %s does not say %q:\n%s", b.address(), want, shown)
		}
	}
}

// withoutScript turns JavaScript off, as careful people do.
func (b *tab) withoutScript() {
	b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled,
			emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
}

// photograph keeps what the page looks like in both colour schemes, if somebody wants to see it.
func (b *tab) photograph(name string) {
	b.t.Helper()
	dir := os.Getenv(envScreenshots)
	if dir == "" {
		return
	}
	for _, scheme := range []string{"light", "dark"} {
		b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
			})
			return err
		}))
		image, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
		if err != nil {
			b.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+"-"+scheme+".png"), image, 0o600); err != nil {
			b.t.Fatal(err)
		}
	}
}
