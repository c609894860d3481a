// Package agekey is the program authsome-age: it encrypts the data key of a vault with age (age-encryption.org/v1), to an
// identity of age itself, of one of its plugins, or of SSH. Use [Main]; package helper says how authsome speaks with it.
package agekey

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"
	"filippo.io/age/plugin"
	"golang.org/x/crypto/ssh"

	"authsome/internal/keysource/helper"
)

// What is read is bounded, in bytes.
const (
	maxRequest  = 1 << 20
	maxIdentity = 64 << 10
	maxData     = 64 << 10
)

// Main answers one request and returns the exit code.
func Main() int {
	operation := ""
	if len(os.Args) == 2 {
		operation = os.Args[1]
	}
	return Serve(operation, os.Stdin, os.Stdout, os.Stderr)
}

// Serve answers the request on in.
func Serve(operation string, in io.Reader, out, complaints io.Writer) int {
	var request helper.Request
	if err := json.NewDecoder(io.LimitReader(in, maxRequest)).Decode(&request); err != nil {
		fmt.Fprintln(complaints, "authsome-age is called by authsome; it takes a request on standard input")
		return 2
	}
	k := &keeper{request: request, complaints: complaints}
	answer, err := k.do(operation)
	if err != nil {
		answer = explain(err)
	}
	if err := json.NewEncoder(out).Encode(answer); err != nil {
		fmt.Fprintln(complaints, err)
		return 1
	}
	return 0
}

// keeper answers one request.
type keeper struct {
	request    helper.Request
	complaints io.Writer
}

// What can be wrong, beyond what age says.
var (
	// errLocked: the identity file needs a passphrase, and there is none or another one.
	errLocked = errors.New("it needs its passphrase")
	// errExposed: others than the owner may read the identity file.
	errExposed = errors.New("others may read it")
)

// notUsable is what kinds of identities there are.
const notUsable = "an identity file of age or a private key of SSH (ed25519 or RSA) is needed; recipients begin with age1 or ssh-"

// explain turns an error into an answer.
func explain(err error) helper.Answer {
	answer := helper.Answer{Error: err.Error(), Hint: notUsable}
	var noMatch *age.NoIdentityMatchError
	var noPlugin *plugin.NotFoundError
	switch {
	case errors.Is(err, errLocked):
		answer.Ask = true
	case errors.As(err, &noMatch):
		answer.Refused, answer.Hint = true, "restore the identity file that the vault was made for"
	case errors.As(err, &noPlugin):
		answer.Hint = "install age-plugin-" + noPlugin.Name
	case errors.Is(err, fs.ErrNotExist):
		answer.Refused, answer.Hint = true, "restore it, or name the file where it lies now: authsome key use age --identity FILE"
	case errors.Is(err, errExposed):
		answer.Hint = "chmod 600 the identity file"
	}
	return answer
}

func (k *keeper) do(operation string) (answer helper.Answer, err error) {
	switch operation {
	case helper.Encrypt:
		answer.Data, err = k.encrypt()
	case helper.Decrypt:
		answer.Data, err = k.decrypt()
	case helper.Describe:
		answer.Recipients, err = k.describe()
	default:
		err = fmt.Errorf("unknown operation %q", operation)
	}
	return answer, err
}

func (k *keeper) encrypt() ([]byte, error) {
	recipients, err := k.recipients(k.request.Recipients)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w, err := age.Encrypt(&out, recipients...)
	if err == nil {
		_, err = w.Write(k.request.Data)
	}
	if err == nil {
		err = w.Close()
	}
	return out.Bytes(), err
}

func (k *keeper) decrypt() ([]byte, error) {
	identities, err := k.identities()
	if err != nil {
		return nil, err
	}
	r, err := age.Decrypt(bytes.NewReader(k.request.Data), identities...)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, maxData))
}

// identities returns those of the file.
func (k *keeper) identities() ([]age.Identity, error) {
	content, err := k.content()
	if err != nil {
		return nil, err
	}
	return k.parse(content)
}

func (k *keeper) content() ([]byte, error) {
	path := k.request.Identity
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%w: its mode is %04o", errExposed, info.Mode().Perm())
	}
	if !info.Mode().IsRegular() || info.Size() > maxIdentity {
		return nil, fmt.Errorf("%s is no identity file", path)
	}
	return os.ReadFile(path)
}

// The first bytes of what an identity file may be.
const (
	ageHeader = "age-encryption.org/v1"
	pemHeader = "-----BEGIN "
)

func (k *keeper) parse(content []byte) ([]age.Identity, error) {
	text := bytes.TrimSpace(content)
	switch {
	case bytes.HasPrefix(text, []byte(armor.Header)):
		return k.encrypted(armor.NewReader(bytes.NewReader(text)))
	case bytes.HasPrefix(content, []byte(ageHeader)):
		return k.encrypted(bytes.NewReader(content))
	case bytes.HasPrefix(text, []byte(pemHeader)):
		identity, err := k.sshIdentity(content)
		return []age.Identity{identity}, err
	}
	return k.lines(content)
}

// encrypted opens an identity file that age has encrypted with a passphrase.
func (k *keeper) encrypted(r io.Reader) ([]age.Identity, error) {
	if k.request.Passphrase == "" {
		return nil, errLocked
	}
	identity, err := age.NewScryptIdentity(k.request.Passphrase)
	if err != nil {
		return nil, err
	}
	plain, err := age.Decrypt(r, identity)
	if err != nil {
		return nil, fmt.Errorf("%w: this one does not open it", errLocked)
	}
	content, err := io.ReadAll(io.LimitReader(plain, maxIdentity))
	if err != nil {
		return nil, err
	}
	return k.lines(content)
}

// lines reads the identities of age and of its plugins, one a line. Errors do not quote them.
func (k *keeper) lines(content []byte) ([]age.Identity, error) {
	var identities []age.Identity
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case strings.HasPrefix(line, "AGE-PLUGIN-"):
			identity, err := plugin.NewIdentity(line, k.ui())
			if err != nil {
				return nil, errors.New("the identity of a plugin is malformed")
			}
			identities = append(identities, identity)
		default:
			some, err := age.ParseIdentities(strings.NewReader(line))
			if err != nil {
				return nil, errors.New("a line of it is no identity")
			}
			identities = append(identities, some...)
		}
	}
	if len(identities) == 0 {
		return nil, errors.New("there is no identity in it")
	}
	return identities, nil
}

// ui is how a plugin talks with a person, if there is one.
func (k *keeper) ui() *plugin.ClientUI {
	if !k.request.Terminal {
		return &plugin.ClientUI{}
	}
	say := func(format string, args ...any) { fmt.Fprintf(k.complaints, format+"\n", args...) }
	return plugin.NewTerminalUI(say, say)
}

// sshIdentity reads a private key of SSH.
func (k *keeper) sshIdentity(content []byte) (age.Identity, error) {
	identity, err := agessh.ParseIdentity(content)
	missing, ok := errors.AsType[*ssh.PassphraseMissingError](err)
	switch {
	case !ok:
		return identity, err
	case k.request.Passphrase == "":
		return nil, errLocked
	}
	if _, err := ssh.ParseRawPrivateKeyWithPassphrase(content, []byte(k.request.Passphrase)); err != nil {
		return nil, fmt.Errorf("%w: this one does not open it", errLocked)
	}
	if missing.PublicKey == nil {
		return nil, errors.New("a key with a passphrase has to be in the format of OpenSSH")
	}
	return agessh.NewEncryptedSSHIdentity(missing.PublicKey, content, func() ([]byte, error) {
		return []byte(k.request.Passphrase), nil
	})
}

// describe returns the public side of the identity file, and makes sure that the other recipients are some.
func (k *keeper) describe() ([]string, error) {
	if _, err := k.recipients(k.request.Recipients); err != nil {
		return nil, err
	}
	content, err := k.content()
	if err != nil {
		return nil, err
	}
	text := bytes.TrimSpace(content)
	if bytes.HasPrefix(text, []byte(pemHeader)) && !bytes.HasPrefix(text, []byte(armor.Header)) {
		return sshRecipient(content)
	}
	identities, err := k.parse(content)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, identity := range identities {
		switch i := identity.(type) {
		case *age.X25519Identity:
			names = append(names, i.Recipient().String())
		case *age.HybridIdentity:
			names = append(names, i.Recipient().String())
		case *plugin.Identity: // which recipient it has only the plugin knows
			names = append(names, i.String())
		}
	}
	return names, nil
}

// sshRecipient returns the public key of a private one, also of one with a passphrase.
func sshRecipient(content []byte) ([]string, error) {
	var public ssh.PublicKey
	signer, err := ssh.ParsePrivateKey(content)
	if missing, ok := errors.AsType[*ssh.PassphraseMissingError](err); ok && missing.PublicKey != nil {
		public, err = missing.PublicKey, nil
	} else if err == nil {
		public = signer.PublicKey()
	}
	if err != nil {
		return nil, err
	}
	if kind := public.Type(); kind != ssh.KeyAlgoED25519 && kind != ssh.KeyAlgoRSA {
		return nil, fmt.Errorf("age does not encrypt to keys of the type %s", kind)
	}
	return []string{strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public)))}, nil
}

// recipients parses names.
func (k *keeper) recipients(names []string) ([]age.Recipient, error) {
	var all []age.Recipient
	for _, name := range names {
		r, err := k.recipient(name)
		if err != nil {
			return nil, fmt.Errorf("the recipient %s: %w", name, err)
		}
		all = append(all, r)
	}
	return all, nil
}

func (k *keeper) recipient(name string) (age.Recipient, error) {
	switch {
	case strings.HasPrefix(name, "ssh-"):
		return agessh.ParseRecipient(name)
	case strings.HasPrefix(name, "AGE-PLUGIN-"):
		identity, err := plugin.NewIdentity(name, k.ui())
		if err != nil {
			return nil, err
		}
		return identity.Recipient(), nil
	}
	some, err := age.ParseRecipients(strings.NewReader(name))
	if err == nil && len(some) == 1 {
		return some[0], nil
	}
	return plugin.NewRecipient(name, k.ui())
}
