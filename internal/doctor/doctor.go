// Package doctor finds out what is wrong with an installation: its files, its key, its vault, its definitions, its logs,
// the clock, and settings that would lead a program around the broker. Use [Run].
//
// It promises to look and not to touch: it makes no home, no vault, no key and no log, and shows no secret, nor a value
// that may hold one, such as the URL of a proxy. The one thing it sets right is what every opening of the vault does:
// a write that a crash cut short is undone. Each check stands for itself, so a broken vault hides no wrong file mode.
package doctor

import (
	"context"
	"path/filepath"
	"time"

	"authsome"
	"authsome/internal/sandbox"
	"authsome/local"
	"authsome/vault"
)

// Config says what to examine.
type Config struct {
	// Home is the directory that authsome keeps everything in. It need not exist.
	Home string
	// MasterKey is what the environment has for one, as it is; the zero Secret means the key file.
	MasterKey authsome.Secret
	// Keys are the key sources to open the vault with; those of the home, for somebody who cannot be asked, if nil.
	Keys vault.KeySource
	// UserHome is where the settings of other programs lie.
	UserHome string
	// Environ is the environment of this process, as NAME=value.
	Environ []string
	// Now is the clock; time.Now if nil.
	Now func() time.Time
	// Settings is why the home's configuration file cannot be used; nil if it can.
	Settings error
	// Sandbox finds out what the machine has of what a sandbox needs; nil if nobody asks.
	Sandbox func() []sandbox.Feature
}

// Check is the outcome of one examination.
type Check struct {
	Name   string // one word for scripts, the same in every version
	OK     bool
	Detail string // what was found; several findings stand on lines of their own
	Hint   string // what to do, if possible as a command to paste; a check that is OK may have one as well
}

// examination is one run of all checks.
type examination struct {
	Config
	auditKey authsome.Secret // zero: the vault is closed, or has none
}

// Run makes all checks, in the order in which a person would mend what they find.
func Run(ctx context.Context, cfg Config) []Check {
	e := &examination{Config: cfg}
	if e.Now == nil {
		e.Now = time.Now
	}
	checks := []Check{e.home(), e.fileModes(), e.disk(), e.configuration()}
	vaultChecks, connections := e.vault(ctx)
	checks = append(checks, vaultChecks...)
	checks = append(checks,
		e.locks(ctx), e.definitions(), e.auditLog(), e.clock(connections), e.proxyEnvironment(),
		e.toolSettings(ctx), e.node(ctx), e.python(), e.java())
	return append(checks, e.sandbox()...)
}

// OK reports whether all checks are.
func OK(checks []Check) bool {
	for _, c := range checks {
		if !c.OK {
			return false
		}
	}
	return true
}

func passed(name, detail string) Check { return Check{Name: name, OK: true, Detail: detail} }

func noted(name, detail, hint string) Check {
	return Check{Name: name, OK: true, Detail: detail, Hint: hint}
}

func failed(name, detail, hint string) Check { return Check{Name: name, Detail: detail, Hint: hint} }

// in returns the path of something in the home.
func (e *examination) in(names ...string) string {
	return filepath.Join(append([]string{e.Home}, names...)...)
}

func (e *examination) vaultPath() string { return e.in(local.VaultFile) }
