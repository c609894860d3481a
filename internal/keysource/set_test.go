package keysource_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"

	"authsome"
	"authsome/internal/keysource"
	"authsome/vault"
)

const passphrase = "correct horse battery staple"

// world is where the sources of one test keep their keys.
type world struct {
	t   *testing.T
	dir string
	env map[string]string
}

func newWorld(t *testing.T) *world {
	return &world{t: t, dir: t.TempDir(), env: make(map[string]string)}
}

// process returns the sources as another process has them.
func (w *world) process(change ...func(*keysource.Options)) *keysource.Set {
	w.t.Helper()
	opts := keysource.Options{
		KeyFile: filepath.Join(w.dir, "master.key"), Getenv: func(name string) string { return w.env[name] },
		MasterKey: authsome.NewSecret(w.env["AUTHSOME_MASTER_KEY"]), Now: ticking(time.Second),
	}
	keysource.Cheaply(&opts)
	for _, c := range change {
		c(&opts)
	}
	set, err := keysource.New(opts)
	if err != nil {
		w.t.Fatal(err)
	}
	return set
}

// ticking is a clock on which everything takes the same time: a slow machine gets the least costs of a key derivation.
func ticking(step time.Duration) func() time.Time {
	var mu sync.Mutex
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(step)
		return now
	}
}

func (w *world) file(name, content string) string {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// ageIdentity writes a new identity and returns its path.
func (w *world) ageIdentity(name string) string {
	w.t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		w.t.Fatal(err)
	}
	return w.file(name, "# made for a test\n"+identity.String()+"\n")
}

// sshKey writes a new private key, with a passphrase if one is given.
func (w *world) sshKey(name, passphrase string) string {
	w.t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	var block *pem.Block
	if err == nil && passphrase == "" {
		block, err = ssh.MarshalPrivateKey(private, "")
	} else if err == nil {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte(passphrase))
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return w.file(name, string(pem.EncodeToMemory(block)))
}

// encryptedIdentity writes an identity that is encrypted with the passphrase.
func (w *world) encryptedIdentity(name string) string {
	w.t.Helper()
	identity, err := age.GenerateHybridIdentity()
	if err != nil {
		w.t.Fatal(err)
	}
	recipient, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		w.t.Fatal(err)
	}
	recipient.SetWorkFactor(10)
	var out bytes.Buffer
	writer, err := age.Encrypt(&out, recipient)
	if err == nil {
		_, err = fmt.Fprintln(writer, identity)
	}
	if err == nil {
		err = writer.Close()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return w.file(name, out.String())
}

func base64Of(b byte) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32)) }

// sources are all kinds: how to change to one, how to take its key away, and what the failure is then.
var sources = map[string]struct {
	spec func(w *world) keysource.Spec
	lose func(w *world, e vault.Envelope)
	want error
}{
	"file": {
		spec: func(*world) keysource.Spec { return keysource.Spec{Kind: keysource.FileKind} },
		lose: func(w *world, _ vault.Envelope) { _ = os.Remove(filepath.Join(w.dir, "master.key")) }, want: keysource.ErrMissing,
	},
	"environment": {
		spec: func(w *world) keysource.Spec {
			w.env["AUTHSOME_MASTER_KEY"] = base64Of(1)
			return keysource.Spec{Kind: keysource.EnvKind}
		},
		lose: func(w *world, _ vault.Envelope) { w.env["AUTHSOME_MASTER_KEY"] = base64Of(2) }, want: vault.ErrWrongKey,
	},
	"keyring": {
		spec: func(*world) keysource.Spec { return keysource.Spec{Kind: keysource.Keyring} },
		lose: func(w *world, e vault.Envelope) {
			if err := w.process().Forget(context.Background(), e, vault.Envelope{}); err != nil {
				w.t.Error(err)
			}
		}, want: keysource.ErrMissing,
	},
	"passphrase": {
		spec: func(w *world) keysource.Spec {
			w.env[keysource.EnvPassphraseFile] = w.file("passphrase", passphrase+"\nnot this\n")
			return keysource.Spec{Kind: keysource.Passphrase, Passphrase: authsome.NewSecret(passphrase)}
		},
		lose: func(w *world, _ vault.Envelope) { w.file("passphrase", "another passphrase") }, want: vault.ErrWrongKey,
	},
	"command": {
		spec: func(w *world) keysource.Spec {
			w.file("key", base64Of(3)+"\n")
			return keysource.Spec{Kind: keysource.Command, Command: []string{"cat", filepath.Join(w.dir, "key")}}
		},
		lose: func(w *world, _ vault.Envelope) { w.file("key", base64Of(4)) }, want: vault.ErrWrongKey,
	},
	"age": {
		spec: func(w *world) keysource.Spec {
			return keysource.Spec{Kind: keysource.Age, Identity: w.ageIdentity("identity")}
		},
		lose: func(w *world, _ vault.Envelope) { w.ageIdentity("identity") }, want: vault.ErrWrongKey,
	},
	"age with a passphrase": {
		spec: func(w *world) keysource.Spec {
			w.env[keysource.EnvPassphraseFile] = w.file("passphrase", passphrase)
			return keysource.Spec{Kind: keysource.Age, Identity: w.encryptedIdentity("identity")}
		},
		lose: func(w *world, _ vault.Envelope) { w.file("passphrase", "another passphrase") }, want: keysource.ErrLocked,
	},
	"SSH": {
		spec: func(w *world) keysource.Spec {
			return keysource.Spec{Kind: keysource.Age, Identity: w.sshKey("id", "")}
		},
		lose: func(w *world, _ vault.Envelope) { _ = os.Remove(filepath.Join(w.dir, "id")) }, want: vault.ErrWrongKey,
	},
	"SSH with a passphrase": {
		spec: func(w *world) keysource.Spec {
			w.env[keysource.EnvPassphraseFile] = w.file("passphrase", passphrase)
			return keysource.Spec{Kind: keysource.Age, Identity: w.sshKey("id", passphrase)}
		},
		lose: func(w *world, _ vault.Envelope) { delete(w.env, keysource.EnvPassphraseFile) }, want: keysource.ErrLocked,
	},
	"credential": {
		spec: func(w *world) keysource.Spec {
			w.env["CREDENTIALS_DIRECTORY"] = w.dir
			w.file("authsome-key", string(bytes.Repeat([]byte{5}, 32)))
			return keysource.Spec{Kind: keysource.Credential}
		},
		lose: func(w *world, _ vault.Envelope) { delete(w.env, "CREDENTIALS_DIRECTORY") }, want: keysource.ErrLocked,
	},
	"kms": {
		spec: func(*world) keysource.Spec { return keysource.Spec{Kind: keysource.KMS, KMS: "hashivault://authsome"} },
		lose: func(w *world, _ vault.Envelope) { w.env["PATH"] = "" }, want: nil, // see TestKMSFailures
	},
}

// envelope is what a vault would store.
func envelope(source vault.KeySource, wrapped []byte) vault.Envelope {
	e := vault.Envelope{Format: 2, KeySource: source.Name(), Wrapped: wrapped}
	if p, ok := source.(vault.Parametric); ok {
		e.Parameters = p.Parameters()
	}
	return e
}

func unwrapIn(t *testing.T, set *keysource.Set, e vault.Envelope) ([]byte, error) {
	t.Helper()
	source, err := set.Choose(e)
	if err != nil {
		return nil, err
	}
	return source.Unwrap(t.Context(), e.Wrapped)
}

// What every source does: another process that knows the envelope alone unwraps what was wrapped; nothing else does.
func TestEverySource(t *testing.T) {
	t.Parallel()
	for name, test := range sources {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			spec := test.spec(w)
			source, err := w.process().Make(t.Context(), spec)
			if err != nil {
				t.Fatal(err)
			}
			wrapped, err := source.Wrap(t.Context(), dataKey)
			if err != nil {
				t.Fatal(err)
			}
			e := envelope(source, wrapped)
			if e.KeySource != string(spec.Kind) || e.Parameters != nil && !json.Valid(e.Parameters) {
				t.Errorf("the envelope is %+v", e)
			}
			stored, _ := json.Marshal(e)
			for _, secret := range []string{string(dataKey), base64.StdEncoding.EncodeToString(dataKey), passphrase, base64Of(3)} {
				if bytes.Contains(stored, []byte(secret)) {
					t.Errorf("the envelope shows a secret: %s", stored)
				}
			}
			other := w.process()
			if got, err := unwrapIn(t, other, e); err != nil || !bytes.Equal(got, dataKey) {
				t.Errorf("another process gets %x, error %v", got, err)
			}
			second, _ := other.Choose(e)
			rewrapped, err := second.Wrap(t.Context(), bytes.Repeat([]byte{8}, 32)) // as a rotation does
			if err != nil {
				t.Errorf("wrap another data key: %v", err)
			}
			if got, err := source.Unwrap(t.Context(), rewrapped); err != nil || got[0] != 8 {
				t.Errorf("the first process gets %x of what another has rotated to, error %v", got, err)
			}
			testDamage(t, other, e)
			testCache(t, w, e)
			testFailure(t, w, e, test.lose, test.want)
		})
	}
}

func testDamage(t *testing.T, set *keysource.Set, e vault.Envelope) {
	t.Helper()
	for _, damaged := range [][]byte{
		nil, {1}, e.Wrapped[:len(e.Wrapped)-1], append(bytes.Clone(e.Wrapped[:len(e.Wrapped)-1]), ^e.Wrapped[len(e.Wrapped)-1]),
	} {
		if e.KeySource == "kms" && len(damaged) == len(e.Wrapped) {
			continue // the service of these tests does not authenticate
		}
		changed := e
		changed.Wrapped = damaged
		if got, err := unwrapIn(t, set, changed); err == nil {
			t.Errorf("a damaged envelope of %d bytes gives %x", len(damaged), got)
		}
	}
}

func testFailure(t *testing.T, w *world, e vault.Envelope, lose func(*world, vault.Envelope), want error) {
	t.Helper()
	if want == nil {
		return
	}
	lose(w, e)
	before, _ := os.ReadDir(w.dir)
	_, err := unwrapIn(t, w.process(), e)
	wantError(t, "without the key", err, want)
	if !errors.Is(err, vault.ErrWrongKey) && !errors.Is(err, vault.ErrUnavailable) {
		t.Errorf("the error has no class: %v", err)
	}
	if after, _ := os.ReadDir(w.dir); len(after) != len(before) {
		t.Error("something was made in order to open")
	}
}

// memoryCache is a cache that counts.
type memoryCache struct {
	keys map[string][]byte
	hits int
}

func (c *memoryCache) Get(_ context.Context, id string) ([]byte, bool) {
	key, ok := c.keys[id]
	if ok {
		c.hits++
	}
	return bytes.Clone(key), ok
}

func (c *memoryCache) Put(_ context.Context, id string, key []byte) error {
	c.keys[id] = bytes.Clone(key)
	return nil
}

func (c *memoryCache) Keep(_ context.Context, id string) error {
	maps.DeleteFunc(c.keys, func(other string, _ []byte) bool { return other != id })
	return nil
}

func testCache(t *testing.T, w *world, e vault.Envelope) {
	t.Helper()
	cache := &memoryCache{keys: make(map[string][]byte)}
	use := func(o *keysource.Options) { o.Cache = cache }
	for range 2 {
		if got, err := unwrapIn(t, w.process(use), e); err != nil || !bytes.Equal(got, dataKey) {
			t.Errorf("with a cache: %x, error %v", got, err)
		}
	}
	want := 1
	switch e.KeySource {
	case "file", "environment", "credential": // as fast as any cache
		want = 0
	}
	if cache.hits != want || len(cache.keys) != want {
		t.Errorf("%d hits, %d keys in the cache; want %d", cache.hits, len(cache.keys), want)
	}
	again := func(o *keysource.Options) { o.Cache, o.AskAgain = cache, true }
	if _, err := unwrapIn(t, w.process(again), e); err != nil || cache.hits != want {
		t.Errorf("who changes the key: error %v, %d hits", err, cache.hits)
	}
}

func TestAnUnknownSourceIsOfALaterVersion(t *testing.T) {
	t.Parallel()
	_, err := newWorld(t).process().Choose(vault.Envelope{Format: 2, KeySource: "telepathy", Wrapped: []byte{1}})
	wantError(t, "choose", err, vault.ErrNewer)
	for _, kind := range []string{"keyring", "passphrase", "command", "age", "kms"} {
		for _, params := range []string{"", "[]", "{", `{"command":[]}`} {
			e := vault.Envelope{Format: 2, KeySource: kind, Parameters: json.RawMessage(params), Wrapped: []byte{1}}
			if _, err := unwrapIn(t, newWorld(t).process(), e); err == nil {
				t.Errorf("%s takes the parameters %q", kind, params)
			}
		}
	}
}

func TestTheEnvironmentStandsInForKeysOfItsForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.file("key", base64Of(6))
	source, err := w.process().Make(t.Context(), keysource.Spec{Kind: keysource.Command, Command: []string{"cat", filepath.Join(w.dir, "key")}})
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := source.Wrap(t.Context(), dataKey)
	if err != nil {
		t.Fatal(err)
	}
	_ = os.Remove(filepath.Join(w.dir, "key"))
	w.env["AUTHSOME_MASTER_KEY"] = base64Of(6)
	set := w.process()
	if got, err := unwrapIn(t, set, envelope(source, wrapped)); err != nil || !bytes.Equal(got, dataKey) || !set.StandsIn(envelope(source, wrapped)) {
		t.Errorf("got %x, error %v", got, err)
	}
	if set.StandsIn(vault.Envelope{KeySource: "passphrase"}) {
		t.Error("the environment stands in for a passphrase")
	}
	// Whoever changes to a key file wants it to be used, whatever the environment has.
	file, err := set.Make(t.Context(), keysource.Spec{Kind: keysource.FileKind})
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err = file.Wrap(t.Context(), dataKey)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := unwrapIn(t, set, envelope(file, wrapped)); err != nil || !bytes.Equal(got, dataKey) {
		t.Errorf("the file that was changed to: %x, error %v", got, err)
	}
}

func TestPassphraseIsAskedForThreeTimes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	source, err := w.process().Make(t.Context(), keysource.Spec{Kind: keysource.Passphrase, Passphrase: authsome.NewSecret(passphrase)})
	if err != nil {
		t.Fatal(err)
	}
	wrapped, _ := source.Wrap(t.Context(), dataKey)
	e := envelope(source, wrapped)
	answers := []string{"wrong one", "wrong two", passphrase}
	asked := 0
	ask := func(o *keysource.Options) {
		o.Ask = func(context.Context, string) (authsome.Secret, error) {
			asked++
			return authsome.NewSecret(answers[(asked-1)%len(answers)]), nil
		}
	}
	set := w.process(ask)
	for range 2 {
		if _, err := unwrapIn(t, set, e); err != nil || asked != 3 {
			t.Errorf("asked %d times, error %v", asked, err)
		}
	}
	answers, asked = []string{"wrong"}, 0
	_, err = unwrapIn(t, w.process(ask), e)
	wantError(t, "three wrong ones", err, vault.ErrWrongKey)
	if asked != 3 {
		t.Errorf("asked %d times", asked)
	}
	settled := w.process(ask)
	settled.Settle()
	_, err = unwrapIn(t, settled, e)
	wantError(t, "a process that must not ask any more", err, keysource.ErrLocked, vault.ErrUnavailable)
	_, err = unwrapIn(t, w.process(), e)
	wantError(t, "nobody to ask", err, keysource.ErrLocked, vault.ErrUnavailable)
	if p, ok := errors.AsType[*keysource.Problem](err); !ok || !strings.Contains(p.Hint(), keysource.EnvPassphraseFile) {
		t.Errorf("the hint is no help: %v", err)
	}
	w.env[keysource.EnvPassphraseFile] = filepath.Join(w.dir, "missing")
	_, err = unwrapIn(t, w.process(), e)
	wantError(t, "a file that is not there", err, keysource.ErrLocked, vault.ErrUnavailable, fs.ErrNotExist)
	if p, ok := errors.AsType[*keysource.Problem](err); !ok || !strings.Contains(p.Summary(), w.env[keysource.EnvPassphraseFile]) {
		t.Errorf("the summary does not say which file: %v", err)
	}
	w.env[keysource.EnvPassphraseFile] = w.file("exposed", passphrase)
	_ = os.Chmod(filepath.Join(w.dir, "exposed"), 0o644)
	if _, err = unwrapIn(t, w.process(), e); runtime.GOOS != "windows" { // where the mode says nothing
		wantError(t, "a file that others may read", err, keysource.ErrExposed, vault.ErrUnavailable)
	}
	if _, err := w.process().Make(t.Context(), keysource.Spec{Kind: keysource.Passphrase, Passphrase: authsome.NewSecret("short")}); err == nil {
		t.Error("a short passphrase is taken")
	}
}

func TestCostsFollowTheMachine(t *testing.T) {
	t.Parallel()
	for step, want := range map[time.Duration]string{
		time.Second:            `"passes":3,"memory_kib":65536,`,
		15 * time.Millisecond:  `"passes":6,"memory_kib":262144,`,
		50 * time.Millisecond:  `"passes":4,"memory_kib":131072,`,
		100 * time.Millisecond: `"passes":4,"memory_kib":65536,`,
	} {
		w := newWorld(t)
		source, err := w.process(func(o *keysource.Options) { o.Now = ticking(step) }).Make(t.Context(),
			keysource.Spec{Kind: keysource.Passphrase, Passphrase: authsome.NewSecret(passphrase)})
		if err != nil {
			t.Fatal(err)
		}
		if got := string(source.(vault.Parametric).Parameters()); !strings.Contains(got, want) || !strings.Contains(got, `"lanes":4`) {
			t.Errorf("where a pass takes %v: %s", step, got)
		}
	}
}

// Who can write the envelope must not be able to have this machine run out of memory, nor to make guessing cheap unnoticed.
func TestCostsBeyondReasonAreRefused(t *testing.T) {
	t.Parallel()
	for _, params := range []string{
		`{"kdf":"argon2id","salt":"AAAAAAAAAAA=","passes":3,"memory_kib":4294967295,"lanes":4}`,
		`{"kdf":"argon2id","salt":"AAAAAAAAAAA=","passes":4294967295,"memory_kib":65536,"lanes":4}`,
		`{"kdf":"argon2id","salt":"AAAAAAAAAAA=","passes":0,"memory_kib":65536,"lanes":4}`,
		`{"kdf":"argon2id","salt":"AAAAAAAAAAA=","passes":1,"memory_kib":65536,"lanes":0}`,
		`{"kdf":"argon2id","salt":"","passes":3,"memory_kib":65536,"lanes":4}`,
	} {
		w := newWorld(t)
		w.env[keysource.EnvPassphraseFile] = w.file("passphrase", passphrase)
		e := vault.Envelope{Format: 2, KeySource: "passphrase", Parameters: json.RawMessage(params), Wrapped: make([]byte, 61)}
		_, err := unwrapIn(t, w.process(), e)
		wantError(t, params, err, vault.ErrCorrupt)
	}
}

func TestCommandFailures(t *testing.T) {
	t.Parallel()
	untrusted := errors.New("others may write it")
	for name, test := range map[string]struct {
		command []string
		change  func(*keysource.Options)
		want    error
		text    string
		says    string
	}{
		"not there":      {command: []string{"authsome-no-such-command"}, want: vault.ErrUnavailable, text: "install authsome-no-such-command"},
		"it fails":       {command: []string{"print-key", "fail"}, want: keysource.ErrLocked, text: "print-key fail"},
		"no key":         {command: []string{"print-key", "hunter2"}, want: keysource.ErrMalformed, text: "openssl rand -base64 32"},
		"it never stops": {command: []string{"print-key", "endless"}, want: vault.ErrUnavailable, says: "more than"},
		"no shell":       {command: []string{"print-key", base64Of(1), ";", "true"}, want: keysource.ErrMalformed},
		"not to be named": {command: []string{"print-key", base64Of(1)}, want: untrusted, change: func(o *keysource.Options) {
			o.Trusted = func() error { return untrusted }
		}},
		"our own key is kept from it": {command: []string{"print-key", "environment"}, change: func(o *keysource.Options) {
			o.Environ = append(os.Environ(), "AUTHSOME_MASTER_KEY="+base64Of(1))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := newWorld(t).process()
			if test.change != nil {
				set = newWorld(t).process(test.change)
			}
			source, err := set.Make(t.Context(), keysource.Spec{Kind: keysource.Command, Command: test.command})
			if err != nil {
				t.Fatal(err)
			}
			_, err = source.Wrap(t.Context(), dataKey)
			if test.want == nil {
				wantError(t, "wrap", err, nil)
				return
			}
			wantError(t, "wrap", err, test.want)
			var p *keysource.Problem
			if test.text != "" && (!errors.As(err, &p) || !strings.Contains(p.Hint(), test.text)) {
				t.Errorf("the error %v has no hint with %q", err, test.text)
			}
			if err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("the error %v does not say %q", err, test.says)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error shows what was printed: %v", err)
			}
		})
	}
}

func TestKMSFailures(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]error{
		"hashivault://down": vault.ErrUnavailable, "hashivault://garbage": vault.ErrUnavailable,
		"hashivault://crash": vault.ErrUnavailable,
	} {
		source, err := newWorld(t).process().Make(t.Context(), keysource.Spec{Kind: keysource.KMS, KMS: key})
		if err != nil {
			t.Fatal(err)
		}
		_, err = source.Wrap(t.Context(), dataKey)
		wantError(t, key, err, want)
	}
	params := json.RawMessage(`{"key":"hashivault://authsome"}`)
	_, err := unwrapIn(t, newWorld(t).process(), vault.Envelope{Format: 2, KeySource: "kms", Parameters: params, Wrapped: make([]byte, 36)})
	wantError(t, "another key's", err, vault.ErrWrongKey)
	for _, url := range []string{"", "authsome", "base64key://AAAA", "hashivault://user:secret@host/key", "%"} {
		if _, err := newWorld(t).process().Make(t.Context(), keysource.Spec{Kind: keysource.KMS, KMS: url}); err == nil {
			t.Errorf("%q is taken for a key", url)
		}
	}
}

func TestForgetRemovesOurKeysOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	set := w.process()
	source, err := set.Make(t.Context(), keysource.Spec{Kind: keysource.FileKind})
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := source.Wrap(t.Context(), dataKey)
	if err != nil {
		t.Fatal(err)
	}
	file, other := envelope(source, wrapped), vault.Envelope{KeySource: "passphrase"}
	if err := set.Forget(t.Context(), file, file); err != nil {
		t.Error(err)
	}
	wantFiles(t, w.dir, "master.key")
	if left := set.KeyFileLeft(file); left != "" {
		t.Errorf("a key file in use is said to be left: %s", left)
	}
	if left := set.KeyFileLeft(vault.Envelope{KeySource: "environment", Wrapped: wrapped}); left != "" {
		t.Errorf("a key file that opens the vault is said to be left: %s", left)
	}
	if left := set.KeyFileLeft(other); left != filepath.Join(w.dir, "master.key") {
		t.Errorf("the file that is left is said to be %q", left)
	}
	for range 2 {
		if err := set.Forget(t.Context(), file, other); err != nil {
			t.Error(err)
		}
		wantFiles(t, w.dir)
	}
	foreign := w.file("master.key", `{"key": "of authsome 0.2"}`)
	if err := set.Forget(t.Context(), file, other); err != nil {
		t.Error(err)
	}
	if content, _ := os.ReadFile(foreign); !strings.Contains(string(content), "0.2") {
		t.Error("the key of another program was removed")
	}
}
