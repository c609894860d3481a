package cli

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"authsome"
	"authsome/internal/audit"
	"authsome/internal/debuglog"
	"authsome/internal/keysource"
	"authsome/internal/sandbox"
	"authsome/local"
)

// app is one run of the command: what it was given, and what it has opened so far. Everything is opened on first use,
// because most commands need little of it.
type app struct {
	env   Env
	out   *output
	flags globals

	home    string
	cfg     *config
	log     *slog.Logger
	trail   *audit.Log
	layer   authsome.AuthLayer
	keys    *keysource.Set
	access  keyAccess
	closers []io.Closer

	unlocking *agentOptions // how the command wants the key to be kept; nil unless it is about that
}

func newApp(env Env) *app { return &app{env: env, out: &output{Writer: env.Stdout}} }

// defaultLogFile stands for <home>/logs/authsome.log, which is not known before the flags are read.
const defaultLogFile = "<home>/logs/authsome.log"

// Environment variables that the command reads besides those of package local.
const (
	envProfile = "AUTHSOME_PROFILE"
	// envBroker holds the address of the proxy of the run that this process is a child of.
	envBroker = "AUTHSOME_BROKER"
)

// close gives back what was opened, last first.
func (a *app) close() error {
	var errs []error
	for i := len(a.closers) - 1; i >= 0; i-- {
		errs = append(errs, a.closers[i].Close())
	}
	a.closers = nil
	return errors.Join(errs...)
}

// homeDir returns the home of this run.
func (a *app) homeDir() (string, error) {
	if a.home != "" {
		return a.home, nil
	}
	var err error
	if home := a.env.getenv(local.EnvHome); home != "" {
		a.home, err = local.HomeAt(home)
	} else {
		a.home, err = local.DefaultHome()
	}
	if err == nil && sandbox.Hidden(a.home) {
		err = errInSandbox()
	}
	return a.home, err
}

// config returns the user's settings.
func (a *app) config() (*config, error) {
	if a.cfg != nil {
		return a.cfg, nil
	}
	home, err := a.homeDir()
	if err != nil {
		return nil, err
	}
	a.cfg, err = readConfig(filepath.Join(home, local.ConfigFile))
	return a.cfg, err
}

// profile returns the profile that the command is about.
func (a *app) profile() (authsome.ProfileName, error) {
	name := authsome.ProfileName(a.flags.profile)
	if name == "" {
		name = authsome.ProfileName(a.env.getenv(envProfile))
	}
	if name == "" {
		cfg, err := a.config()
		if err != nil {
			return "", err
		}
		name = cfg.DefaultProfile
	}
	if name == "" {
		name = authsome.DefaultProfile
	}
	return name, name.Validate()
}

// ref names a connection of the profile in use.
func (a *app) ref(provider, connection string) (authsome.Ref, error) {
	profile, err := a.profile()
	ref := authsome.Ref{
		Profile: profile, Provider: authsome.ProviderName(provider), Connection: authsome.ConnectionName(connection),
	}
	if err != nil {
		return ref, err
	}
	return ref, ref.Validate()
}

// logger returns where debug messages go.
func (a *app) logger() (*slog.Logger, error) {
	if a.log != nil {
		return a.log, nil
	}
	cfg := debuglog.Config{Path: a.flags.logFile}
	if cfg.Path == defaultLogFile {
		home, err := a.homeDir()
		if err != nil {
			return nil, err
		}
		cfg.Path = filepath.Join(home, local.LogDir, local.DebugLogFile)
		if settings, err := a.config(); err == nil && settings.LogFile != nil {
			cfg.Path = *settings.LogFile
		}
	}
	if a.flags.verbose {
		cfg.Verbose = a.env.Stderr
	}
	log, closer := debuglog.Open(cfg)
	a.log = log
	a.closers = append(a.closers, debugCloser{a, closer})
	return log, nil
}

// debugCloser closes the debug log. That it could not be written is told, but what the command was about has been done.
type debugCloser struct {
	app *app
	log io.Closer
}

// Close always succeeds.
func (d debugCloser) Close() error {
	if err := d.log.Close(); err != nil {
		d.app.warn(&authsome.Error{
			Message: "debug messages are lost: " + err.Error(), Hint: `--log-file names another file, or "" for none`,
		})
	}
	return nil
}

// auditLog returns the log of what was used.
func (a *app) auditLog() (*audit.Log, error) {
	if a.trail != nil {
		return a.trail, nil
	}
	home, err := a.homeDir()
	if err != nil {
		return nil, err
	}
	a.trail = audit.Open(filepath.Join(home, local.AuditFile))
	a.trail.Key, a.trail.Witness = a.auditKey, local.AuditWitness(local.StateDir(a.env.getenv), home)
	return a.trail, nil
}

// auditKey returns the secret that the audit log is chained with. No vault is made for the sake of its log.
func (a *app) auditKey() (authsome.Secret, error) {
	if a.layer == nil {
		if _, err := os.Stat(filepath.Join(a.home, local.VaultFile)); err != nil {
			return authsome.Secret{}, err
		}
	}
	ctx := context.Background() // an entry is written also by a command that was cancelled
	layer, err := a.auth(ctx)
	if err != nil {
		return authsome.Secret{}, err
	}
	keeper, ok := layer.(interface {
		AuditKey(ctx context.Context) (authsome.Secret, error)
	})
	if !ok {
		return authsome.Secret{}, errors.ErrUnsupported
	}
	return keeper.AuditKey(ctx)
}

// record writes an audit entry before something is done. A log that cannot be written is reported; it stops what the entry
// is about only where the configuration wants that.
func (a *app) record(name authsome.EventName, ref authsome.Ref, detail map[string]string) error {
	return a.recordEvent(authsome.Event{Name: name, Ref: ref, Detail: detail})
}

// noteFailed writes an audit entry about what was on record already, and then failed.
func (a *app) noteFailed(name authsome.EventName, reason string, detail map[string]string) {
	if err := a.recordEvent(authsome.Event{Name: name, Failed: true, Reason: reason, Detail: detail}); err != nil {
		a.warn(authsome.AsError(err))
	}
}

func (a *app) recordEvent(e authsome.Event) error {
	e.Time = a.env.Now().UTC()
	trail, err := a.auditLog()
	if err == nil {
		err = trail.Record(e)
	}
	if err == nil {
		return nil
	}
	cfg, cfgErr := a.config()
	if cfgErr != nil {
		return cfgErr
	}
	if cfg.AuditRequired {
		return local.Unaudited(e.Ref, err)
	}
	a.warnUnrecorded(err)
	return nil
}

// warnUnrecorded says that something is not on record.
func (a *app) warnUnrecorded(err error) {
	a.warn(&authsome.Error{Message: "the audit log cannot be written: " + err.Error(), Hint: "authsome doctor"})
}

// note writes an audit entry about what gives no credential away. A log that cannot be written is reported.
func (a *app) note(name authsome.EventName, ref authsome.Ref, detail map[string]string) {
	if err := a.record(name, ref, detail); err != nil {
		a.warn(authsome.AsError(err))
	}
}

// auth opens the layer that the command works on.
func (a *app) auth(ctx context.Context) (authsome.AuthLayer, error) {
	if a.layer != nil {
		return a.layer, nil
	}
	home, err := a.homeDir()
	if err != nil {
		return nil, err
	}
	cfg, err := a.config()
	if err != nil {
		return nil, err
	}
	before, err := cfg.Notify.before()
	if err != nil {
		return nil, err
	}
	log, err := a.logger()
	if err != nil {
		return nil, err
	}
	trail, err := a.auditLog()
	if err != nil {
		return nil, err
	}
	keys, err := a.keySources()
	if err != nil {
		return nil, err
	}
	layer, err := local.Open(ctx, local.Config{
		Home: home, State: local.StateDir(a.env.getenv), Keys: keys, HTTP: a.httpClient(), Timeout: time.Duration(cfg.HTTPTimeout) * time.Second,
		ClientMetadataURL: cfg.ClientMetadataURL, Recorder: warnOnce(a, trail),
		Notifier: a.notifier(cfg), NotifyBefore: before, Logger: log, Now: a.env.Now,
	})
	if err != nil {
		return nil, err
	}
	if !a.access.changing {
		keys.Settle()
	}
	a.layer = layer
	a.closers = append(a.closers, layer)
	if a.access.kept {
		a.noteUnlocked(ctx)
	}
	return a.layer, nil
}

// at opens the layer and names a connection of the profile in use.
func (a *app) at(ctx context.Context, provider, connection string) (authsome.AuthLayer, authsome.Ref, error) {
	ref, err := a.ref(provider, connection)
	if err != nil {
		return nil, ref, err
	}
	layer, err := a.auth(ctx)
	return layer, ref, err
}

// inProfile opens the layer and names the profile in use.
func (a *app) inProfile(ctx context.Context) (authsome.AuthLayer, authsome.ProfileName, error) {
	profile, err := a.profile()
	if err != nil {
		return nil, profile, err
	}
	layer, err := a.auth(ctx)
	return layer, profile, err
}

// recorder is an audit log whose failure a person is told of, once.
type recorder struct {
	app  *app
	next authsome.Recorder
	told bool
}

func warnOnce(a *app, next authsome.Recorder) authsome.Recorder { return &recorder{app: a, next: next} }

// Record passes the event on.
func (r *recorder) Record(e authsome.Event) error {
	err := r.next.Record(e)
	if err != nil && !r.told {
		r.told = true
		r.app.warnUnrecorded(err)
	}
	return err
}
