package keysource

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/argon2"

	"authsome"
	"authsome/internal/shell"
	"authsome/vault"
)

// EnvPassphraseFile names a file whose first line is the passphrase.
const EnvPassphraseFile = "AUTHSOME_PASSPHRASE_FILE"

// What a passphrase has to be, and how much work guessing it has to make: the second recommended choice of RFC 9106 section 4
// and no less, and more on a machine that can do more in the time.
const (
	minPassphrase = 8 // characters
	maxPassphrase = 4096

	minMemory = 64 << 10 // KiB
	maxMemory = 256 << 10
	minPasses = 3
	lanes     = 4
	saltSize  = 16
	// pleasant is how long a person may be kept waiting at each unlocking.
	pleasant = 400 * time.Millisecond

	// What an envelope may ask of this machine: more than calibrate ever writes, and less than what would exhaust it.
	// Somebody who can write the file must not be able to do that.
	mostMemory = 1 << 20         // KiB
	mostWork   = 128 * maxMemory // KiB times passes: half a minute on a slow machine
	mostPasses = mostWork / minMemory
	mostSalt   = 64

	tries = 3 // at a terminal
)

// passphraseParameters are those of Argon2id, RFC 9106.
type passphraseParameters struct {
	KDF    string `json:"kdf"`
	Salt   []byte `json:"salt"`
	Passes uint32 `json:"passes"`
	Memory uint32 `json:"memory_kib"`
	Lanes  uint8  `json:"lanes"`
}

const argon2id = "argon2id"

func (p passphraseParameters) check() error {
	switch {
	case p.KDF != argon2id:
		return fmt.Errorf("%w: the key derivation %q", vault.ErrNewer, p.KDF)
	case len(p.Salt) < 8 || p.Passes == 0 || p.Lanes == 0 || p.Memory < 8*uint32(p.Lanes),
		p.Memory > mostMemory, uint64(p.Passes)*uint64(p.Memory) > mostWork, p.Passes > mostPasses, len(p.Salt) > mostSalt:
		return fmt.Errorf("%w: the costs of the key derivation are beyond reason", vault.ErrCorrupt)
	}
	return nil
}

// derivation makes a key of KeySize bytes of a passphrase.
type derivation func(passphrase []byte, p passphraseParameters) []byte

func argon2Key(passphrase []byte, p passphraseParameters) []byte {
	return argon2.IDKey(passphrase, p.Salt, p.Passes, p.Memory, p.Lanes, KeySize)
}

// derive makes the key of a passphrase, by Argon2id except in tests.
func (s *Set) derive(secret authsome.Secret, p passphraseParameters) masterKey {
	derive := s.opts.derive
	if derive == nil {
		derive = argon2Key
	}
	text := []byte(secret.Reveal())
	defer clear(text)
	key := derive(text, p)
	defer clear(key)
	return masterKey{secret: [KeySize]byte(key)}
}

// calibrate finds the costs that make an unlocking take about as long as a person will not mind, on this machine, and a
// new salt.
func (s *Set) calibrate() passphraseParameters {
	p := passphraseParameters{KDF: argon2id, Salt: make([]byte, saltSize), Passes: 1, Memory: minMemory, Lanes: lanes}
	_, _ = rand.Read(p.Salt) // never fails
	begin := s.now()
	s.derive(authsome.NewSecret("measured"), p)
	pass := max(s.now().Sub(begin), time.Millisecond)
	for p.Memory < maxMemory && 2*minPasses*pass <= pleasant { // memory costs an attacker more than time does
		p.Memory, pass = 2*p.Memory, 2*pass
	}
	p.Passes = uint32(min(max(int64(pleasant/pass), minPasses), mostPasses)) //nolint:gosec // within bounds
	return p
}

// passphrase is the source of a key that is derived from what a person knows. It keeps the derived key for the life of
// the process, so that a person is asked once, and a long run goes on when the data key is changed.
type passphrase struct {
	parameters passphraseParameters
	set        *Set

	mu  sync.Mutex       // held while somebody is asked
	key func() masterKey // nil until it is known; a function, which prints as nothing
}

var _ vault.Parametric = (*passphrase)(nil)

// newPassphrase returns a source for a new passphrase.
func (s *Set) newPassphrase(secret authsome.Secret) (*passphrase, error) {
	switch n := len([]rune(secret.Reveal())); {
	case n < minPassphrase:
		return nil, &Problem{
			Message: fmt.Sprintf("the passphrase has %d characters, and needs at least %d", n, minPassphrase),
			Advice:  "take several words that belong to no known text", Err: vault.ErrUnavailable,
		}
	case n > maxPassphrase:
		return nil, fmt.Errorf("%w: the passphrase is longer than %d characters", vault.ErrUnavailable, maxPassphrase)
	}
	p := &passphrase{parameters: s.calibrate(), set: s}
	key := s.derive(secret, p.parameters)
	p.key = func() masterKey { return key }
	return p, nil
}

// Name implements [vault.KeySource].
func (*passphrase) Name() string { return string(Passphrase) }

// Parameters implements [vault.Parametric].
func (p *passphrase) Parameters() json.RawMessage {
	b, _ := json.Marshal(p.parameters) // numbers and bytes
	return b
}

// Wrap implements [vault.KeySource]. Who has not unlocked anything yet cannot know that the passphrase is the right one.
func (p *passphrase) Wrap(_ context.Context, dataKey []byte) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.key == nil {
		return nil, locked("the key is derived from a passphrase that was not given", unlockAdvice, nil)
	}
	return p.key().wrap(dataKey)
}

// Unwrap implements [vault.KeySource].
func (p *passphrase) Unwrap(ctx context.Context, wrapped []byte) ([]byte, error) {
	if err := p.parameters.check(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.key != nil {
		return p.key().unwrap(wrapped)
	}
	prompt := "Passphrase of the vault"
	for try := 1; ; try++ {
		secret, asked, err := p.set.obtain(ctx, prompt, unlockAdvice)
		if err != nil {
			return nil, err
		}
		key := p.set.derive(secret, p.parameters)
		dataKey, err := key.unwrap(wrapped)
		switch {
		case err == nil:
			p.key = func() masterKey { return key }
			return dataKey, nil
		case !errors.Is(err, vault.ErrWrongKey):
			return nil, err
		case !asked || try == tries:
			return nil, &Problem{Message: "the passphrase is wrong", Advice: unlockAdvice, Err: err}
		}
		prompt = "That is not the passphrase of the vault. Once more"
	}
}

const unlockAdvice = "authsome unlock, at a terminal or with " + EnvPassphraseFile + "=FILE"

// obtain gets a passphrase: the one that was handed over, that of a file, or what a person answers.
func (s *Set) obtain(ctx context.Context, prompt, advice string) (secret authsome.Secret, asked bool, err error) {
	if !s.opts.Passphrase.IsZero() {
		return s.opts.Passphrase, false, nil
	}
	if path := s.getenv(EnvPassphraseFile); path != "" {
		secret, err = ReadPassphrase(path)
		return secret, false, err
	}
	ask := s.asker()
	if ask == nil {
		return secret, false, locked("a passphrase is needed, and there is nobody to ask", advice, nil)
	}
	secret, err = ask(ctx, prompt)
	if err != nil {
		return secret, true, locked("the passphrase was not given", advice, err)
	}
	return secret, true, nil
}

// ReadPassphrase reads the first line of a file, which may be a pipe. A file that others may read is refused.
func ReadPassphrase(path string) (authsome.Secret, error) {
	advice := "check $" + EnvPassphraseFile
	info, err := os.Stat(path)
	if err == nil && info.Mode().IsRegular() && exposed(info.Mode()) {
		err = fmt.Errorf("%w: its mode is %04o", ErrExposed, info.Mode().Perm())
		advice = "chmod 600 " + shell.Word(path)
	}
	var content []byte
	if err == nil {
		content, err = readAtMost(path, 4*maxPassphrase)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return authsome.Secret{}, locked("the passphrase cannot be read", advice, err)
	}
	if err != nil {
		return authsome.Secret{}, unavailable("the passphrase cannot be read", advice, err)
	}
	defer clear(content)
	line, _, _ := bytes.Cut(content, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) == 0 {
		return authsome.Secret{}, unavailable("the passphrase cannot be read", advice, errors.New("the file is empty"))
	}
	return authsome.NewSecret(string(line)), nil
}
