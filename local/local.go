// Package local is the broker in process: it implements [authsome.AuthLayer] over the encrypted vault in the user's
// home. Use [Open].
//
// It owns what happens to a credential between the provider and the vault: logging in, deciding whether a stored
// token is fresh, refreshing it, and ending it. It keeps three promises. A refresh token is sent by one process at a
// time, and a second time only when the answer to the first was lost (refresh.go). A new token is committed before anybody sees
// it. A connection is declared invalid only when the provider refused the client, or the very refresh token that the vault
// still holds.
package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"authsome"
	"authsome/internal/keysource"
	"authsome/internal/provider"
	"authsome/internal/sqlite"
	"authsome/vault"
)

// Environment variables that [Open] reads where the Config leaves a choice.
const (
	EnvHome      = "AUTHSOME_HOME"
	EnvMasterKey = keysource.EnvMasterKey
)

// Names inside the home.
const (
	VaultFile     = "vault.db"                    // the records, encrypted, in a database of SQLite
	JournalFile   = VaultFile + "-journal"        // by which SQLite undoes a write that was cut short
	MarkFile      = VaultFile + sqlite.MarkSuffix // how far the vault has got, besides what it says itself
	KeyFile       = "master.key"                  // the master key, where it lies in a file; see [KeyPath]
	ProvidersDir  = "providers"                   // the user's own provider definitions
	AuditFile     = "audit.log"                   // the audit log that is written; older ones are audit-N.log
	ConfigFile    = "config.json"                 // the settings
	TrustFile     = "trust.json"                  // the files of projects that a person has agreed to
	RunDir        = "run"                         // locks and sockets, and the files of runs
	LogDir        = "logs"                        // DebugLogFile and the ones before it
	DebugLogFile  = "authsome.log"                // in LogDir: what commands have done, if it is asked for
	HomeDirectory = ".authsome"                   // the home itself, in the user's, if it is not moved
	locksDir      = "locks"                       // in RunDir
)

// Config says where a [Layer] keeps things and what it uses. The zero Config opens the user's own home.
type Config struct {
	// Home is the directory everything lies in; $AUTHSOME_HOME, or .authsome in the user's home directory, if empty.
	// It is created with mode 0700.
	Home string
	// State is a directory of this machine, outside Home, where it is kept a second time how far the vault has got, which tells
	// when everything in Home was put back to an earlier state. If empty, nobody can tell; with an empty Home it is [StateDir].
	State string
	// Keys wraps the data key. If nil, it is the source that the vault names, for which $AUTHSOME_MASTER_KEY stands in; see
	// KeySources.
	Keys vault.KeySource
	// Store keeps the sealed records; vault.db in Home if nil.
	Store vault.Store
	// HTTP reaches the providers' endpoints; a client that honours the proxy environment if nil.
	HTTP *http.Client
	// Timeout bounds one request to a provider's endpoint; 10 s if zero.
	Timeout time.Duration
	// ClientMetadataURL is where a client ID metadata document is published that describes this program; servers that take
	// such documents get the URL as client identifier. None if empty.
	ClientMetadataURL string
	// Recorder receives every login, refresh and end of a connection; nobody does if nil.
	Recorder authsome.Recorder
	// AuditRequired says that no credential is given away whose use cannot be put on record: Credential records
	// [authsome.EventUse] first, and fails with [authsome.KindDenied] and [authsome.ReasonAuditUnavailable] where the Recorder
	// does, or where there is none. Otherwise such a failure goes to the Logger and stops nothing.
	AuditRequired bool
	// Notifier is told once, however many processes there are, when a login is about to end, has ended or is good again;
	// nobody is if nil. Access calls do not wait for it, Close does.
	Notifier authsome.Notifier
	// NotifyBefore is how long before a login is needed the Notifier is told; 7 days if zero, and never earlier than in the
	// last quarter of the login's life.
	NotifyBefore time.Duration
	// Logger receives what helps to find a fault, at debug level; it is discarded if nil.
	Logger *slog.Logger
	// Now is the clock; time.Now if nil.
	Now func() time.Time
	// Jitter returns numbers between 0 and 1 that spread the attempts of background callers; rand.Float64 if nil.
	Jitter func() float64
}

// Layer is an [authsome.AuthLayer] over a vault. Close it when done.
type Layer struct {
	home              string
	vault             *vault.Vault
	keys              *keysource.Set // nil if the caller has a source of its own
	catalogue         *provider.Catalogue
	http              *http.Client
	timeout           time.Duration
	clientMetadataURL string
	recorder          authsome.Recorder
	auditRequired     bool
	notifier          authsome.Notifier
	notifyBefore      time.Duration
	log               *slog.Logger
	now               func() time.Time
	jitter            func() float64

	flights  singleflight.Group // refreshes of this process, by connection
	inFlight sync.WaitGroup     // what Close waits for

	mu              sync.Mutex // guards what follows
	begun           map[authsome.AuthorizationID]*begunLogin
	unstored        map[authsome.Ref]*unstored
	unstoredClients map[vault.Key]*unstoredClient
	discovered      map[string]discovery // by the URL at which it began
}

var (
	_ authsome.AuthLayer = (*Layer)(nil)
	_ authsome.Watcher   = (*Layer)(nil)
	_ authsome.Verifier  = (*Layer)(nil)
	_ authsome.Keeper    = (*Layer)(nil)
)

// DefaultHome returns the home that an empty Config.Home means.
func DefaultHome() (string, error) {
	if home := os.Getenv(EnvHome); home != "" {
		return HomeAt(home)
	}
	user, err := os.UserHomeDir()
	if err != nil {
		return "", &authsome.Error{
			Kind: authsome.KindVaultUnavailable, Message: "there is no home directory to keep the vault in",
			Hint: "set " + EnvHome, Err: err,
		}
	}
	return filepath.Join(user, HomeDirectory), nil
}

// HomeAt returns the home that a value of AUTHSOME_HOME means. One that begins with ~ is what a shell would have replaced: a
// directory of that name is not what was meant.
func HomeAt(value string) (string, error) {
	if strings.HasPrefix(value, "~") {
		return "", &authsome.Error{
			Kind:    authsome.KindVaultUnavailable,
			Message: fmt.Sprintf("%s is %q, and no shell has put your home directory in place of ~", EnvHome, value),
			Hint:    "write the directory out in " + EnvHome,
		}
	}
	return filepath.Abs(value)
}

// Open opens the vault, and makes home, key and vault on first use. It fails with [authsome.KindVaultUnavailable].
func Open(ctx context.Context, cfg Config) (*Layer, error) {
	if cfg.Home == "" {
		home, err := DefaultHome()
		if err != nil {
			return nil, err
		}
		cfg.Home = home
		if cfg.State == "" {
			cfg.State = StateDir(os.Getenv)
		}
	}
	if err := os.MkdirAll(cfg.Home, 0o700); err != nil {
		return nil, vaultError("the home cannot be created", err)
	}
	keys := cfg.Keys
	if keys == nil {
		var err error
		if keys, err = KeySource(cfg.Home, authsome.NewSecret(os.Getenv(EnvMasterKey))); err != nil {
			return nil, vaultError("the master key cannot be used", err)
		}
	}
	store := cfg.Store
	if store == nil {
		var err error
		if store, err = OpenStore(ctx, cfg.Home, cfg.State); err != nil {
			return nil, vaultError("the vault cannot be opened", err)
		}
	}
	now := time.Now
	if cfg.Now != nil {
		now = cfg.Now
	}
	v, err := vault.OpenAt(ctx, store, keys, now())
	if err != nil {
		return nil, errors.Join(unopened(cfg.Home, err), store.Close())
	}
	l := newLayer(cfg, v)
	l.keys, _ = keys.(*keysource.Set)
	return l, nil
}

// OpenStore opens the database file of a home. State is as in [Config].
func OpenStore(ctx context.Context, home, state string) (vault.Store, error) {
	return sqlite.Open(ctx, filepath.Join(home, VaultFile), sqlite.Options{
		LockDir: filepath.Join(home, RunDir, locksDir), Witness: witnessPath(state, home),
	})
}

// KeySource returns the key sources of a home for a process that has nobody to ask: the one that the vault names, for which
// the given master key (base64 of 32 bytes) stands in where it can.
func KeySource(home string, masterKey authsome.Secret) (vault.KeySource, error) {
	return KeySources(home, keysource.Options{MasterKey: masterKey})
}

// KeySources is KeySource with everything there is to choose. It fills in what follows from the home.
func KeySources(home string, opts keysource.Options) (*keysource.Set, error) {
	opts.KeyFile = filepath.Join(home, KeyFile)
	opts.Trusted = func() error { return OwnFile(filepath.Join(home, VaultFile)) }
	return keysource.New(opts)
}

// KeyPath returns where the key file of a home lies, or would be made: KeyFile, or another name where that one belongs to
// what authsome 0.2 left in the same directory.
func KeyPath(home string) string { return keysource.FilePath(filepath.Join(home, KeyFile)) }

func newLayer(cfg Config, v *vault.Vault) *Layer {
	l := &Layer{
		home:              cfg.Home,
		vault:             v,
		catalogue:         provider.Open(filepath.Join(cfg.Home, ProvidersDir)),
		http:              cfg.HTTP,
		timeout:           cfg.Timeout,
		recorder:          cfg.Recorder,
		auditRequired:     cfg.AuditRequired,
		notifier:          cfg.Notifier,
		notifyBefore:      cfg.NotifyBefore,
		log:               cfg.Logger,
		now:               cfg.Now,
		jitter:            cfg.Jitter,
		begun:             make(map[authsome.AuthorizationID]*begunLogin),
		unstored:          make(map[authsome.Ref]*unstored),
		unstoredClients:   make(map[vault.Key]*unstoredClient),
		discovered:        make(map[string]discovery),
		clientMetadataURL: cfg.ClientMetadataURL,
	}
	if l.http == nil {
		l.http = &http.Client{}
	}
	if l.timeout <= 0 {
		l.timeout = defaultTimeout
	}
	if l.notifyBefore <= 0 {
		l.notifyBefore = defaultNotifyBefore
	}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	if l.now == nil {
		l.now = time.Now
	}
	if l.jitter == nil {
		l.jitter = rand.Float64
	}
	return l
}

// defaultTimeout bounds one request to an endpoint. Token endpoints answer within seconds; a person waits for this.
const defaultTimeout = 10 * time.Second

// Close waits for refreshes in flight, whose answers would be lost otherwise, and closes the vault.
func (l *Layer) Close() error {
	l.inFlight.Wait()
	return l.vault.Close()
}

// record tells the recorder. A connection is worth more than its log entry, so a recorder that fails is reported and
// stops nothing.
func (l *Layer) record(name authsome.EventName, ref authsome.Ref, reason string, detail map[string]string) {
	if l.recorder == nil {
		return
	}
	err := l.recorder.Record(authsome.Event{
		Time: l.now().UTC(), Name: name, Ref: ref, Failed: reason != "", Reason: reason, Detail: detail,
	})
	if err != nil {
		l.log.Warn("the audit log cannot be written", "event", string(name), "err", err)
	}
}

// unopened is the failure to open the vault of a home.
func unopened(home string, err error) error {
	e := authsome.AsError(vaultError("the vault cannot be opened", err))
	if errors.Is(err, vault.ErrWrongKey) && hintOf(err) == "" {
		e.Hint = "restore " + filepath.Base(KeyPath(home)) + ", or set " + EnvMasterKey + " to the key the vault was made with"
	}
	return e
}

// hintOf returns the advice that an error of a key source carries.
func hintOf(err error) string {
	if p, ok := errors.AsType[*keysource.Problem](err); ok {
		return p.Advice
	}
	return ""
}

// vaultError gives the failures of the vault the kind and the hint that a person needs.
func vaultError(what string, err error) error {
	if e, ok := errors.AsType[*authsome.Error](err); ok {
		return e
	}
	if errors.Is(err, context.Canceled) {
		return &authsome.Error{Kind: authsome.KindCancelled, Message: "cancelled", Err: err}
	}
	if p, ok := errors.AsType[*keysource.Problem](err); ok && errors.Is(err, keysource.ErrLocked) {
		return &authsome.Error{
			Kind: authsome.KindVaultUnavailable, Message: "the vault is locked: " + p.Summary(), Hint: p.Advice, Err: err,
		}
	}
	hint := "authsome doctor says what is wrong"
	switch {
	case hintOf(err) != "":
		hint = hintOf(err)
	case errors.Is(err, vault.ErrCorrupt):
		hint = "nothing was changed; authsome doctor says what is lost, and authsome doctor --repair keeps the rest"
	case errors.Is(err, vault.ErrRolledBack):
		hint = "if it was you who put it there: authsome doctor --accept-vault, and log in again where a refresh then fails"
	case errors.Is(err, vault.ErrNewer):
		hint = "install the version of authsome that wrote it, or a later one"
	case errors.Is(err, vault.ErrUnavailable):
		hint = "check that the disk is writable and not full, and that the file belongs to you"
	}
	return &authsome.Error{
		Kind: authsome.KindVaultUnavailable, Message: what + ": " + reasonOf(err), Hint: hint, Err: err,
	}
}

// reasonOf says an error in the words that its key source or the store has for people, where there are some.
func reasonOf(err error) string {
	if p, ok := errors.AsType[*keysource.Problem](err); ok {
		return p.Summary()
	}
	type reasoned interface {
		error
		Reason() string
	}
	if e, ok := errors.AsType[reasoned](err); ok && errors.Is(err, vault.ErrUnavailable) {
		return e.Reason()
	}
	return err.Error()
}
