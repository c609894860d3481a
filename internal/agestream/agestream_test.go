package agestream_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"

	"authsome/internal/agestream"
	"authsome/internal/backup/helper"
)

// call carries out an operation, and returns what came out and the failure.
func call(t *testing.T, operation string, request helper.Request, data []byte) ([]byte, helper.Failure) {
	t.Helper()
	line, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	var out, failures bytes.Buffer
	code := agestream.Serve(operation, bytes.NewReader(append(append(line, '\n'), data...)), &out, &failures)
	var f helper.Failure
	if code != 0 {
		if err := json.Unmarshal(failures.Bytes(), &f); err != nil || f.Message == "" {
			t.Fatalf("exit code %d, %s", code, failures.String())
		}
	}
	return out.Bytes(), f
}

func mustCall(t *testing.T, operation string, request helper.Request, data []byte) []byte {
	t.Helper()
	out, f := call(t, operation, request, data)
	if f.Kind != "" {
		t.Fatalf("%s: %+v", operation, f)
	}
	return out
}

// sshKey returns a key pair; the private key is encrypted if there is a passphrase.
func sshKey(t *testing.T, passphrase string) (public string, private []byte) {
	t.Helper()
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(priv, "")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(priv, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return string(ssh.MarshalAuthorizedKey(key)), pem.EncodeToMemory(block)
}

func TestEveryRecipientOpensWhatWasSealed(t *testing.T) {
	t.Parallel()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	public, private := sshKey(t, "")
	lockedPublic, locked := sshKey(t, "open sesame")
	data := bytes.Repeat([]byte("some data "), 20_000) // several chunks
	sealed := mustCall(t, helper.Seal, helper.Request{
		Recipients: []string{identity.Recipient().String() + "\n", public, lockedPublic},
	}, data)
	if bytes.Contains(sealed, []byte("some data")) {
		t.Error("it is not encrypted")
	}
	for name, request := range map[string]helper.Request{
		"age":           {Identities: [][]byte{[]byte("# made by hand\n" + identity.String() + "\n")}},
		"SSH":           {Identities: [][]byte{private}},
		"encrypted SSH": {Identities: [][]byte{locked}, Passphrase: "open sesame"},
	} {
		if got := mustCall(t, helper.Open, request, sealed); !bytes.Equal(got, data) {
			t.Errorf("%s: %d of %d bytes", name, len(got), len(data))
		}
	}
	_, other := sshKey(t, "")
	damaged := bytes.Clone(sealed)
	damaged[len(damaged)-1] ^= 1
	for name, tt := range map[string]struct {
		request helper.Request
		sealed  []byte
		want    helper.Kind
	}{
		"another key":   {helper.Request{Identities: [][]byte{other}}, sealed, helper.WrongKey},
		"no passphrase": {helper.Request{Identities: [][]byte{locked}}, sealed, helper.Ask},
		"no identity":   {helper.Request{Identities: [][]byte{[]byte("nonsense")}}, sealed, helper.Usage},
		"damaged":       {helper.Request{Identities: [][]byte{private}}, damaged, helper.Damaged},
		"cut off":       {helper.Request{Identities: [][]byte{private}}, sealed[:len(sealed)-100_000], helper.Damaged},
		"cut at a chunk": {
			helper.Request{Identities: [][]byte{private}}, sealed[:len(sealed)-(len(data)%(64<<10)+16)], helper.Damaged,
		},
		"no backup": {helper.Request{Identities: [][]byte{private}}, []byte("hello"), helper.Damaged},
	} {
		if _, f := call(t, helper.Open, tt.request, tt.sealed); f.Kind != tt.want {
			t.Errorf("%s: got %+v, want %s", name, f, tt.want)
		}
	}
}

func TestAPassphraseSealsAndOpens(t *testing.T) {
	t.Parallel()
	sealed := mustCall(t, helper.Seal, helper.Request{Passphrase: "correct horse"}, []byte("data"))
	if got := mustCall(t, helper.Open, helper.Request{Passphrase: "correct horse"}, sealed); string(got) != "data" {
		t.Errorf("got %q", got)
	}
	if _, f := call(t, helper.Open, helper.Request{Passphrase: "incorrect horse"}, sealed); f.Kind != helper.WrongKey {
		t.Errorf("another passphrase: %+v", f)
	}
}

// A failure does not repeat what it was given, which may be a secret in the wrong place.
func TestMalformedRequestsAreRefusedWithoutShowingThem(t *testing.T) {
	t.Parallel()
	const secret = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
	for _, recipient := range []string{"", "nonsense", "age1", "ssh-ed25519 AAAA", secret, strings.ToLower(secret), strings.Repeat("x", 10_000)} {
		_, f := call(t, helper.Seal, helper.Request{Recipients: []string{recipient}}, nil)
		if f.Kind != helper.Usage || strings.Contains(strings.ToUpper(f.Message), "1GFPYYSJZGFP") {
			t.Errorf("%.20q: got %+v", recipient, f)
		}
	}
	var out, failures bytes.Buffer
	for _, in := range []string{"", "{}", "{\n", "null\n"} {
		if code := agestream.Serve("other", strings.NewReader(in), &out, &failures); code == 0 {
			t.Errorf("%q was accepted", in)
		}
	}
}

// Whoever gets a backup may guess for as long as they like: what age thinks right is what a passphrase is worth.
func TestAPassphraseCostsWhatAgeThinksRight(t *testing.T) {
	t.Parallel()
	sealed := mustCall(t, helper.Seal, helper.Request{Passphrase: "open sesame"}, []byte("data"))
	fields := strings.Fields(strings.SplitN(string(sealed), "\n", 3)[1])
	if len(fields) != 4 || fields[1] != "scrypt" || fields[3] != "18" {
		t.Errorf("the recipient is %q", fields)
	}
}

// full is a pipe whose other end has gone.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("nobody reads it") }

func TestWhatHasFailedIsSaidOnce(t *testing.T) {
	t.Parallel()
	passphrase := helper.Request{Passphrase: "correct horse"}
	sealed := mustCall(t, helper.Seal, passphrase, bytes.Repeat([]byte("some data "), 20_000))
	line, err := json.Marshal(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	var failures bytes.Buffer
	if code := agestream.Serve(helper.Open, bytes.NewReader(append(append(line, '\n'), sealed...)), full{}, &failures); code != 1 {
		t.Errorf("exit code %d", code)
	}
	var f helper.Failure
	if err := json.Unmarshal(failures.Bytes(), &f); err != nil || strings.Count(f.Message, "nobody reads it") != 1 {
		t.Errorf("%s: %v", failures.String(), err)
	}
}

// The work is what the file says. One that somebody has made up would have gigabytes taken before its passphrase is known to be wrong.
func TestAFileCannotAskForAnyAmountOfWork(t *testing.T) {
	t.Parallel()
	const work = 2
	line, err := json.Marshal(helper.Request{Passphrase: "correct horse"})
	if err != nil {
		t.Fatal(err)
	}
	sealed, failures := new(bytes.Buffer), new(bytes.Buffer)
	if agestream.ServeWith(work, helper.Seal, bytes.NewReader(append(line, "\nall of it"...)), sealed, failures) != 0 {
		t.Fatal(failures.String())
	}
	head, rest, _ := bytes.Cut(sealed.Bytes(), []byte(" 2\n"))
	for _, asked := range []string{"21", "22", "63"} {
		made := append(bytes.Clone(head), " "+asked+"\n"+string(rest)...)
		if _, f := call(t, helper.Open, helper.Request{Passphrase: "correct horse"}, made); f.Kind != helper.Damaged || !strings.Contains(f.Message, "work factor") {
			t.Errorf("2 to the power of %s: %+v", asked, f)
		}
	}
}
