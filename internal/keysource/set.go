package keysource

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"authsome"
	"authsome/internal/shell"
	"authsome/vault"
)

// Kind is a kind of key source, as envelopes and people call it.
type Kind string

// The kinds of sources.
const (
	FileKind   Kind = "file"        // a file in the home
	EnvKind    Kind = "environment" // $AUTHSOME_MASTER_KEY
	Keyring    Kind = "keyring"     // the keyring of the system
	Passphrase Kind = "passphrase"  // what a person knows, by Argon2id
	Command    Kind = "command"     // what a command prints
	Age        Kind = "age"         // an identity of age or SSH
	Credential Kind = "credential"  // what systemd hands to a service
	KMS        Kind = "kms"         // a key management service, by the helper program
)

// Options say what the sources of a home have to work with. Only KeyFile is required.
type Options struct {
	// KeyFile is where the key file lies, or would be made.
	KeyFile string
	// MasterKey is the value of AUTHSOME_MASTER_KEY. If there is one it stands in for whatever holds a key of that form.
	MasterKey authsome.Secret
	// Passphrase is one that was handed over for this run, such as on standard input.
	Passphrase authsome.Secret
	// Environ is the environment of programs that are run; that of this process if nil.
	Environ []string
	// Getenv looks a variable up; os.Getenv if nil.
	Getenv func(name string) string
	// Ask asks a person for something secret; if nil, there is nobody.
	Ask func(ctx context.Context, prompt string) (authsome.Secret, error)
	// Stderr is where programs that are run may complain; nowhere if nil.
	Stderr io.Writer
	// Cache keeps what was unlocked; none if nil. With AskAgain set it is written and not read: whoever changes a key has
	// to show that they have it.
	Cache    Cache
	AskAgain bool
	// Trusted says why a program that the vault names is not to be run; nil, or nil returned, if it may be.
	Trusted func() error
	// Now is the clock by which key derivations are calibrated; time.Now if nil.
	Now func() time.Time

	derive derivation // Argon2id if nil; tests that are not about its costs take another
}

// Set stands for all sources that the vault of a home may have: it finds the one that an envelope names, and is itself the
// one that a new vault is made with. Nothing of a source is loaded or started before it is used. It is safe for concurrent
// use.
type Set struct {
	opts        Options
	environment vault.KeySource // nil: there is none

	mu      sync.Mutex                 // guards what follows
	known   map[string]vault.KeySource // by kind and parameters: what one of them has learned, such as a passphrase, stays
	made    map[string]bool            // which of them this process has changed to: the environment is left behind
	settled bool
}

var (
	_ vault.KeySource = (*Set)(nil)
	_ vault.Chooser   = (*Set)(nil)
)

// New returns the sources of a home. It fails with [ErrMalformed] for a master key in the environment that is none.
func New(opts Options) (*Set, error) {
	s := &Set{opts: opts, known: make(map[string]vault.KeySource), made: make(map[string]bool)}
	if !opts.MasterKey.IsZero() {
		var err error
		if s.environment, err = Environment(opts.MasterKey.Reveal()); err != nil {
			return nil, err
		}
	}
	if s.opts.Cache != nil && opts.AskAgain {
		s.opts.Cache = writeOnly{opts.Cache}
	}
	return s, nil
}

// writeOnly is a cache that remembers and does not tell.
type writeOnly struct{ Cache }

func (writeOnly) Get(context.Context, string) ([]byte, bool) { return nil, false }

// Settle ends the time in which a person may be asked. A process that runs for long must not ask in the middle of what
// somebody else is doing at the terminal.
func (s *Set) Settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settled = true
}

// asker returns what asks a person; nil if there is nobody, or not any more.
func (s *Set) asker() func(context.Context, string) (authsome.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.settled {
		return nil
	}
	return s.opts.Ask
}

// first is what a new vault is made with: what this process was given, or a key file. Of what works unattended, it is the
// safest: a keyring is locked after a restart, and a passphrase needs a person.
func (s *Set) first() vault.KeySource {
	switch {
	case s.environment != nil:
		return s.environment
	case s.hasCredential():
		return s.credentialSource()
	default:
		return File(s.opts.KeyFile)
	}
}

// Name implements [vault.KeySource] for a new vault.
func (s *Set) Name() string { return s.first().Name() }

// Wrap implements [vault.KeySource] for a new vault.
func (s *Set) Wrap(ctx context.Context, dataKey []byte) ([]byte, error) {
	return s.first().Wrap(ctx, dataKey)
}

// Unwrap implements [vault.KeySource] for a new vault.
func (s *Set) Unwrap(ctx context.Context, wrapped []byte) ([]byte, error) {
	return s.first().Unwrap(ctx, wrapped)
}

// Choose implements [vault.Chooser].
func (s *Set) Choose(e vault.Envelope) (vault.KeySource, error) {
	if s.StandsIn(e) {
		return s.environment, nil
	}
	return s.named(e)
}

// identify names a source in the maps of a Set.
func identify(kind string, parameters json.RawMessage) string { return kind + " " + string(parameters) }

// StandsIn reports whether the master key in the environment is used in place of the source that an envelope names.
func (s *Set) StandsIn(e vault.Envelope) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.made[identify(e.KeySource, e.Parameters)] {
		return false
	}
	switch Kind(e.KeySource) {
	case FileKind, EnvKind, Keyring, Command, Credential:
		return s.environment != nil
	}
	return false
}

// named returns the source that an envelope names.
func (s *Set) named(e vault.Envelope) (vault.KeySource, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := identify(e.KeySource, e.Parameters)
	if source := s.known[id]; source != nil {
		return source, nil
	}
	source, err := s.make(e)
	if err != nil {
		return nil, err
	}
	s.known[id] = source
	return source, nil
}

func (s *Set) make(e vault.Envelope) (vault.KeySource, error) {
	switch kind := Kind(e.KeySource); kind {
	case FileKind, EnvKind:
		return file{path: s.opts.KeyFile, inEnviron: kind == EnvKind}, nil
	case Credential:
		return s.credentialSource(), nil
	case Keyring:
		p, err := parameters[keyringParameters](e)
		return withCache(s.keyringSource(p), s.opts.Cache), err
	case Passphrase:
		p, err := parameters[passphraseParameters](e)
		return withCache(&passphrase{parameters: p, set: s}, s.opts.Cache), err
	case Command:
		p, err := parameters[commandParameters](e)
		if err == nil && len(p.Command) == 0 {
			err = fmt.Errorf("%w: the envelope names no command", vault.ErrCorrupt)
		}
		if err != nil {
			return nil, err
		}
		return withCache(s.commandSource(p), s.opts.Cache), nil
	case Age:
		p, err := parameters[ageParameters](e)
		return withCache(&ageSource{parameters: p, set: s}, s.opts.Cache), err
	case KMS:
		p, err := parameters[kmsParameters](e)
		return withCache(&kms{parameters: p, set: s}, s.opts.Cache), err
	default:
		return nil, fmt.Errorf("%w: key source %q", vault.ErrNewer, e.KeySource)
	}
}

func parameters[T any](e vault.Envelope) (p T, err error) {
	if err := json.Unmarshal(e.Parameters, &p); err != nil {
		return p, fmt.Errorf("%w: the parameters of key source %s: %w", vault.ErrCorrupt, e.KeySource, err)
	}
	return p, nil
}

// Spec says which source to change to.
type Spec struct {
	Kind       Kind
	Passphrase authsome.Secret // the new one
	Command    []string
	Identity   string // path of the file, absolute
	Recipients []string
	KMS        string // URL of the key
}

// Make returns a source to change to. It makes no key yet: Wrap does.
func (s *Set) Make(ctx context.Context, spec Spec) (vault.KeySource, error) {
	source, err := s.makeNew(ctx, spec)
	if err != nil {
		return nil, err
	}
	switch spec.Kind {
	case Keyring, Passphrase, Command, Age, KMS: // what asks, or is slow
		source = withCache(source, s.opts.Cache)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := identify(source.Name(), parametersOf(source))
	if s.known[id] == nil {
		s.known[id] = source
	}
	s.made[id] = true
	return source, nil
}

// exportAdvice is the command that puts a key into the environment. The key of a file is the one to put there: another one would
// stand in for it, and not open the vault.
func (s *Set) exportAdvice() string {
	path := FilePath(s.opts.KeyFile)
	if _, err := os.Stat(path); err == nil {
		return "export " + EnvMasterKey + "=$(cut -d ' ' -f 2 " + shell.Word(path) + ")"
	}
	return "export " + EnvMasterKey + "=$(openssl rand -base64 32)"
}

func (s *Set) makeNew(ctx context.Context, spec Spec) (vault.KeySource, error) {
	switch spec.Kind {
	case FileKind:
		return File(s.opts.KeyFile), nil
	case EnvKind:
		if s.environment == nil {
			return nil, unavailable(EnvMasterKey+" is not set", s.exportAdvice(), ErrMissing)
		}
		return s.environment, nil
	case Credential:
		return s.credentialSource(), nil
	case Keyring:
		account := make([]byte, 8)
		_, _ = rand.Read(account) // never fails
		return s.keyringSource(keyringParameters{Account: "vault-" + hex.EncodeToString(account)}), nil
	case Passphrase:
		return s.newPassphrase(spec.Passphrase)
	case Command:
		if len(spec.Command) == 0 {
			return nil, fmt.Errorf("%w: there is no command", vault.ErrUnavailable)
		}
		return s.commandSource(commandParameters{Command: spec.Command}), nil
	case Age:
		return s.newAge(ctx, spec.Identity, spec.Recipients)
	case KMS:
		return &kms{parameters: kmsParameters{Key: spec.KMS}, set: s}, checkKMS(spec.KMS)
	default:
		return nil, fmt.Errorf("%w: there is no key source %q", vault.ErrUnavailable, spec.Kind)
	}
}

// Forget removes the key that an envelope which is no longer in use was wrapped with, where that key is ours: the key
// file, or an entry of the keyring. A key that is still in use stays.
func (s *Set) Forget(ctx context.Context, old, current vault.Envelope) error {
	if old.KeySource == current.KeySource && string(old.Parameters) == string(current.Parameters) {
		return nil
	}
	switch Kind(old.KeySource) {
	case FileKind:
		return file{path: s.opts.KeyFile}.remove()
	case Keyring:
		p, err := parameters[keyringParameters](old)
		if err != nil {
			return err
		}
		return s.forgetKeyring(ctx, p)
	}
	return nil
}

func (s *Set) getenv(name string) string {
	if s.opts.Getenv != nil {
		return s.opts.Getenv(name)
	}
	return os.Getenv(name)
}

func (s *Set) now() time.Time {
	if s.opts.Now != nil {
		return s.opts.Now()
	}
	return time.Now()
}

// KeyFileLeft returns the path of a key file that lies in the home though the envelope names another source: what a
// change that was interrupted has left. It is "" if there is none.
func (s *Set) KeyFileLeft(e vault.Envelope) string {
	f := file{path: s.opts.KeyFile}
	if Kind(e.KeySource) == FileKind {
		return ""
	}
	key, path, err := f.read()
	if err != nil {
		return ""
	}
	if Kind(e.KeySource) == EnvKind {
		if dataKey, err := key.unwrap(e.Wrapped); err == nil { // the same key, which has come to lie in a file
			clear(dataKey)
			return ""
		}
	}
	return filepath.Clean(path)
}
