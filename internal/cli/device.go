package cli

import (
	"context"
	"fmt"
	"strings"

	"rsc.io/qr"

	"authsome"
	"authsome/internal/audit"
	"authsome/internal/loopback"
	"authsome/internal/span"
)

// prefersDevice reports whether to log in with a code that is entered elsewhere, although the definition's flow is
// another one: nobody has chosen, there is no display here to show the provider's page on but a person at a terminal,
// and the provider can.
func (s *loginSession) prefersDevice(ctx context.Context, ref authsome.Ref) bool {
	o, ui := s.options, s.app.env.UI
	if o.flow != "" || o.withToken || o.noBrowser || ui.OpenBrowser != nil || ui.ReadLine == nil {
		return false
	}
	p, err := s.layer.Provider(ctx, ref.Profile, ref.Provider)
	if err != nil || p.Flow != authsome.FlowPKCE || p.OAuth == nil {
		return false // the login will say what is wrong
	}
	endpoint := p.OAuth.DeviceAuthorizationURL
	// An endpoint with an address of its own belongs to the public service.
	return endpoint != "" && (o.baseURL == "" || strings.HasPrefix(endpoint, "{base_url}"))
}

// letIn shows the user code and waits until the person has entered it, here or on another machine.
func (s *loginSession) letIn(ctx context.Context, step *authsome.Authorization) (*authsome.Authorization, error) {
	s.showDevice(step.Provider.DisplayName, step.Device)
	s.openDevicePage(ctx, step.Provider.DisplayName, step.Device)
	return s.complete(ctx, step, "")
}

// showDevice prints address and code, whatever else there is (RFC 8628 section 3.3.1), and a QR code for a telephone.
func (s *loginSession) showDevice(provider string, d *authsome.DeviceAuthorization) {
	s.app.tell("To log in to %s, visit this address on any machine:\n\n  %s\n\nand enter the code:\n\n  %s\n",
		audit.Printable(provider), audit.Printable(d.VerificationURI), audit.Printable(d.UserCode))
	if code := s.app.qrCode(d.Page()); code != "" {
		fmt.Fprintln(s.app.env.Stderr, code) // coloured
	}
	s.app.tell("Waiting. The code expires in %s; Ctrl-C gives up.", span.Words(d.ExpiresAt.Sub(s.app.env.Now())))
}

// openDevicePage shows the code in a page of our own where there is a display: it leads to the provider's, and tells in
// the end how the login went.
func (s *loginSession) openDevicePage(ctx context.Context, provider string, d *authsome.DeviceAuthorization) {
	ui := s.app.env.UI
	if ui.OpenBrowser == nil || s.options.noBrowser {
		return
	}
	cfg := loopback.DeviceConfig{Provider: provider, Device: *d, Lifetime: d.ExpiresAt.Sub(s.app.env.Now())}
	if code, err := qr.Encode(d.Page(), qr.L); err == nil {
		cfg.Size, cfg.Dark = code.Size, code.Black
	}
	page, err := loopback.ServeDevicePage(cfg)
	if err != nil {
		s.app.tell("The code cannot be shown in the browser: %v", err)
		return
	}
	s.pages = append(s.pages, page)
	if err := ui.OpenBrowser(ctx, page.URL()); err != nil {
		s.app.tell("The browser cannot be opened: %v", err)
	}
}
