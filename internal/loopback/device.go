package loopback

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"
	"time"

	"authsome"
	"authsome/internal/span"
)

// DeviceConfig is what a device page shows, RFC 8628 section 3.3.
type DeviceConfig struct {
	Provider string // its name
	Device   authsome.DeviceAuthorization
	Lifetime time.Duration // of the code, from now
	// Dark reports the dark modules of a QR code of Size by Size modules that leads to the provider's page; no code is shown
	// if Size is 0.
	Size int
	Dark func(x, y int) bool
}

// DevicePage shows a user code while its login goes on, and then how it ended. It takes no answer.
type DevicePage struct {
	cfg    DeviceConfig
	path   string
	origin string
	server *server
}

// ServeDevicePage starts serving the page on a free port.
func ServeDevicePage(cfg DeviceConfig) (*DevicePage, error) {
	bound, err := bindIP()
	if err != nil {
		return nil, fmt.Errorf("device page of %s: %w", cfg.Provider, err)
	}
	d := &DevicePage{cfg: cfg, path: "/" + rand.Text(), origin: "http://" + bound.host}
	d.server = serve(bound.listeners, bound.host, cfg.Provider, "no-referrer", http.HandlerFunc(d.serveHTTP))
	return d, nil
}

// URL returns the address of the page.
func (d *DevicePage) URL() string { return d.origin + d.path }

// Finish tells the browser how the login ended, success if err is nil, and closes.
func (d *DevicePage) Finish(err error) {
	d.server.finish(err)
	_ = d.Close()
}

// Close ends the page. A browser that still waits is told that the login was not finished.
func (d *DevicePage) Close() error { return d.server.close(true) }

func (d *DevicePage) serveHTTP(w http.ResponseWriter, r *http.Request) {
	path, isResult := strings.CutSuffix(r.URL.EscapedPath(), "/done")
	switch {
	case subtle.ConstantTimeCompare([]byte(path), []byte(d.path)) != 1:
		http.NotFound(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET is answered here", http.StatusMethodNotAllowed)
	case isResult:
		d.server.showResult(w, r)
	default:
		writePage(w, http.StatusOK, devicePage(d.cfg, d.path+"/done"))
	}
}

// devicePage shows the code, and goes on to the page with the result, whose answer comes when the login has ended: until
// then a browser keeps showing this one. So no script is needed.
func devicePage(cfg DeviceConfig, next string) string {
	p := newPage("Log in to " + cfg.Provider)
	p.add("<meta http-equiv=\"refresh\" content=\"1; url=%s\">\n", next)
	p.add("<p>Visit this page, here or on another device, and enter the code:</p>\n")
	p.add("<p><a href=\"%s\" rel=\"noreferrer noopener\" target=\"_blank\">%s</a></p>\n", cfg.Device.Page(), cfg.Device.VerificationURI)
	p.add("<p class=\"code\" aria-label=\"Code\">%s</p>\n", cfg.Device.UserCode)
	p.addQR(cfg)
	p.add("<p role=\"status\">Waiting for you to let authsome in. The code can be used for %s; then begin again.</p>\n", span.Words(cfg.Lifetime))
	p.add("<p class=\"hint\">Only enter the code if you have started this login yourself.</p>\n")
	return p.end()
}

// addQR draws the QR code with the quiet zone that ISO/IEC 18004 wants.
func (p *page) addQR(cfg DeviceConfig) {
	const quietZone = 4
	if cfg.Size == 0 || cfg.Dark == nil {
		return
	}
	size := cfg.Size + 2*quietZone
	fmt.Fprintf(p, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"QR code of the page\" shape-rendering=\"crispEdges\"><path d=\"", size, size)
	for y := range cfg.Size {
		for x := range cfg.Size {
			if cfg.Dark(x, y) {
				fmt.Fprintf(p, "M%d %dh1v1h-1z", x+quietZone, y+quietZone)
			}
		}
	}
	p.add("\"/></svg>\n")
}
