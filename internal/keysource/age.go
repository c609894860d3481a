package keysource

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"
	"filippo.io/age/plugin"
	"golang.org/x/crypto/ssh"

	"authsome/vault"
)

// maxIdentity bounds an identity file, in bytes.
const maxIdentity = 64 << 10

// ageParameters say whom the data key is encrypted to, and with which file it is decrypted here.
type ageParameters struct {
	Identity   string   `json:"identity"`
	Recipients []string `json:"recipients"`
}

// ageSource encrypts the data key with age (age-encryption.org/v1), to an identity of age, of a plugin, or of SSH.
type ageSource struct {
	parameters ageParameters
	set        *Set

	mu         sync.Mutex // held while somebody is asked
	identities []age.Identity
}

var _ vault.Parametric = (*ageSource)(nil)

// newAge returns a source for an identity file and further recipients. The identity's own recipient is the first one.
func (s *Set) newAge(ctx context.Context, identity string, others []string) (*ageSource, error) {
	a := &ageSource{parameters: ageParameters{Identity: identity}, set: s}
	own, err := a.ownRecipients(ctx)
	if err != nil {
		return nil, err
	}
	a.parameters.Recipients = append(own, others...)
	_, err = a.recipients(ctx)
	return a, err
}

// Name implements [vault.KeySource].
func (*ageSource) Name() string { return string(Age) }

// Parameters implements [vault.Parametric].
func (a *ageSource) Parameters() json.RawMessage {
	b, _ := json.Marshal(a.parameters) // strings
	return b
}

// Wrap implements [vault.KeySource]. It needs no identity.
func (a *ageSource) Wrap(ctx context.Context, dataKey []byte) ([]byte, error) {
	recipients, err := a.recipients(ctx)
	if err != nil {
		return nil, err
	}
	var wrapped bytes.Buffer
	w, err := age.Encrypt(&wrapped, recipients...)
	if err == nil {
		_, err = w.Write(dataKey)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("encrypt with age: %w: %w", vault.ErrUnavailable, err)
	}
	return wrapped.Bytes(), nil
}

// Unwrap implements [vault.KeySource].
func (a *ageSource) Unwrap(ctx context.Context, wrapped []byte) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.identities == nil {
		identities, err := a.read(ctx)
		if err != nil {
			return nil, err
		}
		a.identities = identities
	}
	r, err := age.Decrypt(bytes.NewReader(wrapped), a.identities...)
	if err != nil {
		a.identities = nil
		return nil, a.failed(err)
	}
	dataKey, err := io.ReadAll(io.LimitReader(r, maxOutput))
	if err != nil {
		return nil, fmt.Errorf("decrypt with age: %w: %w", vault.ErrCorrupt, err)
	}
	return dataKey, nil
}

func (a *ageSource) failed(err error) error {
	var problem *Problem
	var noMatch *age.NoIdentityMatchError
	switch {
	case errors.As(err, &problem):
		return err
	case errors.As(err, &noMatch):
		return &Problem{
			Message: a.parameters.Identity + " is not what the data key was encrypted to",
			Advice:  "restore the identity file " + a.parameters.Identity, Err: vault.ErrWrongKey,
		}
	default:
		return locked("the identity "+a.parameters.Identity+" does not decrypt the data key", unlockAdvice, err)
	}
}

// read returns the identities of the file.
func (a *ageSource) read(ctx context.Context) ([]age.Identity, error) {
	content, err := a.content()
	if err != nil {
		return nil, err
	}
	identities, err := a.parse(ctx, content)
	var problem *Problem
	if err != nil && !errors.As(err, &problem) {
		return nil, unavailable(a.parameters.Identity+" cannot be used",
			"it has to be an identity file of age, or a private key of SSH (ed25519 or RSA)", err)
	}
	return identities, err
}

func (a *ageSource) content() ([]byte, error) {
	path := a.parameters.Identity
	info, err := os.Stat(path)
	advice := "restore it, or give the path where it lies now: authsome key use age --identity FILE"
	if err == nil && exposed(info.Mode()) {
		err, advice = fmt.Errorf("%w: its mode is %04o", ErrExposed, info.Mode().Perm()), "chmod 600 "+path
	}
	var content []byte
	if err == nil {
		content, err = readAtMost(path, maxIdentity)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &Problem{
			Message: "the identity file is missing", Advice: advice,
			Err: fmt.Errorf("%w: %w: %w", vault.ErrWrongKey, ErrMissing, err),
		}
	case err != nil:
		return nil, unavailable("the identity file cannot be used", advice, err)
	}
	return content, nil
}

// The first bytes of what an identity file may be.
const (
	ageHeader = "age-encryption.org/v1"
	pemHeader = "-----BEGIN "
)

func (a *ageSource) parse(ctx context.Context, content []byte) ([]age.Identity, error) {
	text := bytes.TrimSpace(content)
	switch {
	case bytes.HasPrefix(text, []byte(armor.Header)):
		return a.encrypted(ctx, armor.NewReader(bytes.NewReader(text)))
	case bytes.HasPrefix(content, []byte(ageHeader)):
		return a.encrypted(ctx, bytes.NewReader(content))
	case bytes.HasPrefix(text, []byte(pemHeader)):
		identity, err := a.sshIdentity(ctx, content)
		return []age.Identity{identity}, err
	}
	return a.lines(ctx, content)
}

// encrypted opens an identity file that age has encrypted with a passphrase.
func (a *ageSource) encrypted(ctx context.Context, r io.Reader) ([]age.Identity, error) {
	secret, _, err := a.set.obtain(ctx, "Passphrase of "+a.parameters.Identity, unlockAdvice)
	if err != nil {
		return nil, err
	}
	identity, err := age.NewScryptIdentity(secret.Reveal())
	if err != nil {
		return nil, err
	}
	plain, err := age.Decrypt(r, identity)
	if err != nil {
		return nil, locked("the passphrase does not open "+a.parameters.Identity, unlockAdvice, err)
	}
	content, err := io.ReadAll(io.LimitReader(plain, maxIdentity))
	if err != nil {
		return nil, err
	}
	defer clear(content)
	return a.lines(ctx, content)
}

// lines reads the identities of age and of its plugins, one a line.
func (a *ageSource) lines(ctx context.Context, content []byte) ([]age.Identity, error) {
	var identities []age.Identity
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
			continue
		case strings.HasPrefix(line, "AGE-PLUGIN-"):
			identity, err := a.plugin(ctx, line)
			if err != nil {
				return nil, err
			}
			identities = append(identities, identity)
			continue
		}
		some, err := age.ParseIdentities(strings.NewReader(line))
		if err != nil {
			return nil, errors.New("a line of it is no identity") // the cause may quote it
		}
		identities = append(identities, some...)
	}
	if len(identities) == 0 {
		return nil, errors.New("there is no identity in it")
	}
	return identities, nil
}

// plugin is an identity that a program age-plugin-NAME keeps, a security key for instance.
func (a *ageSource) plugin(ctx context.Context, line string) (age.Identity, error) {
	if a.set.opts.Trusted != nil {
		if err := a.set.opts.Trusted(); err != nil {
			return nil, err
		}
	}
	return plugin.NewIdentity(line, a.set.pluginUI(ctx))
}

// pluginUI asks a person what a plugin wants to know. Nobody there: the plugin is told so, and fails.
func (s *Set) pluginUI(ctx context.Context) *plugin.ClientUI {
	tell := func(_, message string) error {
		if s.opts.Stderr == nil {
			return ErrLocked
		}
		_, err := fmt.Fprintln(s.opts.Stderr, message)
		return err
	}
	return &plugin.ClientUI{
		DisplayMessage: tell,
		RequestValue: func(name, prompt string, _ bool) (string, error) {
			ask := s.asker()
			if ask == nil {
				return "", ErrLocked
			}
			secret, err := ask(ctx, name+": "+prompt)
			return secret.Reveal(), err
		},
		Confirm:   func(string, string, string, string) (bool, error) { return false, ErrLocked },
		WaitTimer: func(name string) { _ = tell(name, "waiting for "+name+" ...") },
	}
}

// sshIdentity reads a private key of SSH. One with a passphrase is opened when it is needed.
func (a *ageSource) sshIdentity(ctx context.Context, content []byte) (age.Identity, error) {
	identity, err := agessh.ParseIdentity(content)
	missing, ok := errors.AsType[*ssh.PassphraseMissingError](err)
	if !ok || missing.PublicKey == nil {
		return identity, err
	}
	return agessh.NewEncryptedSSHIdentity(missing.PublicKey, content, func() ([]byte, error) {
		secret, _, err := a.set.obtain(ctx, "Passphrase of "+a.parameters.Identity, unlockAdvice)
		return []byte(secret.Reveal()), err
	})
}

// ownRecipients returns the public side of the identity file.
func (a *ageSource) ownRecipients(ctx context.Context) ([]string, error) {
	content, err := a.content()
	if err != nil {
		return nil, err
	}
	if text := bytes.TrimSpace(content); bytes.HasPrefix(text, []byte(pemHeader)) && !bytes.HasPrefix(text, []byte(armor.Header)) {
		return a.sshRecipient(content)
	}
	identities, err := a.read(ctx)
	if err != nil {
		return nil, err
	}
	a.identities = identities
	var recipients []string
	for _, identity := range identities {
		switch i := identity.(type) {
		case *age.X25519Identity:
			recipients = append(recipients, i.Recipient().String())
		case *age.HybridIdentity:
			recipients = append(recipients, i.Recipient().String())
		case *plugin.Identity: // which of its recipients it is, only the plugin knows
			recipients = append(recipients, i.String())
		}
	}
	return recipients, nil
}

// sshRecipient returns the public key of a private one, also of one with a passphrase.
func (a *ageSource) sshRecipient(content []byte) ([]string, error) {
	var public ssh.PublicKey
	signer, err := ssh.ParsePrivateKey(content)
	if missing, ok := errors.AsType[*ssh.PassphraseMissingError](err); ok && missing.PublicKey != nil {
		public, err = missing.PublicKey, nil
	} else if err == nil {
		public = signer.PublicKey()
	}
	if err == nil && public.Type() != ssh.KeyAlgoED25519 && public.Type() != ssh.KeyAlgoRSA {
		err = fmt.Errorf("age encrypts to keys of the types ed25519 and RSA, not %s", public.Type())
	}
	if err != nil {
		return nil, unavailable(a.parameters.Identity+" cannot be used",
			"it has to be an identity file of age, or a private key of SSH (ed25519 or RSA)", err)
	}
	return []string{strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public)))}, nil
}

// recipients parses the ones that the parameters name.
func (a *ageSource) recipients(ctx context.Context) ([]age.Recipient, error) {
	var all []age.Recipient
	for _, name := range a.parameters.Recipients {
		r, err := a.recipient(ctx, name)
		if err != nil {
			return nil, unavailable("the recipient "+name+" cannot be used",
				"a recipient begins with age1, ssh-ed25519 or ssh-rsa", err)
		}
		all = append(all, r)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: there is nobody to encrypt the data key to", vault.ErrUnavailable)
	}
	return all, nil
}

func (a *ageSource) recipient(ctx context.Context, name string) (age.Recipient, error) {
	switch {
	case strings.HasPrefix(name, "ssh-"):
		return agessh.ParseRecipient(name)
	case strings.HasPrefix(name, "AGE-PLUGIN-"):
		identity, err := plugin.NewIdentity(name, a.set.pluginUI(ctx))
		if err != nil {
			return nil, err
		}
		return identity.Recipient(), nil
	}
	some, err := age.ParseRecipients(strings.NewReader(name))
	if err == nil && len(some) == 1 {
		return some[0], nil
	}
	return plugin.NewRecipient(name, a.set.pluginUI(ctx))
}
