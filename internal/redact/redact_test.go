package redact

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"authsome"
)

const secret = `ghp_16C7e42F292c6912E7/+<&>"710c838347Ae178B4a`

func setOf(values ...string) *Set {
	var forms []string
	for _, v := range values {
		forms = append(forms, Forms(v)...)
	}
	return New(forms)
}

func liveOf(s *Set) *Live {
	l := new(Live)
	l.Store(s)
	return l
}

// slow covers forms as their definition says, without any cleverness.
func slow(s *Set, body []byte) []byte {
	out := bytes.Clone(body)
	if s == nil {
		return out
	}
	for i := range body {
		for _, f := range s.tails {
			switch rest := body[i:]; {
			case bytes.HasPrefix(rest, []byte(f)):
				s.cover(out[i : i+len(f)])
			case len(rest) >= partial && strings.HasPrefix(f, string(rest)):
				s.cover(out[i:])
			}
		}
	}
	return out
}

func TestWhatEncodersMakeOfASecretIsCovered(t *testing.T) {
	t.Parallel()
	marshalled, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"as it is":            secret,
		"base64":              base64.StdEncoding.EncodeToString([]byte(secret)),
		"base64 for URLs":     base64.RawURLEncoding.EncodeToString([]byte(secret)),
		"base64 at offset 0":  base64.StdEncoding.EncodeToString([]byte("abc" + secret + "ta"))[4:],
		"base64 at offset 1":  base64.StdEncoding.EncodeToString([]byte("x" + secret + "!"))[1:],
		"base64 at offset 2":  base64.StdEncoding.EncodeToString([]byte("xy" + secret + "!"))[2:],
		"base64 in URL":       url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(secret))),
		"percent":             url.QueryEscape(secret),
		"percent in a path":   url.PathEscape(secret),
		"percent, lower case": lowerDigits(url.QueryEscape(secret)),
		"JSON":                string(marshalled),
		"JSON, slashes":       strings.NewReplacer("/", `\/`, `"`, `\"`).Replace(secret),
		"JSON, plain":         strings.ReplaceAll(secret, `"`, `\"`),
		"HTML":                html.EscapeString(secret),
		"hex":                 hex.EncodeToString([]byte(secret)),
		"HEX":                 strings.ToUpper(hex.EncodeToString([]byte(secret))),
	} {
		got, hits := setOf(secret).String("<" + text + ">")
		if hits == 0 || len(got) != len(text)+2 {
			t.Errorf("%s: %d hits, %d bytes of %d: %s", name, hits, len(got), len(text)+2, got)
		}
		shown := strings.Trim(strings.ReplaceAll(got, "*", ""), `<>"=%3Dd`)
		if len(shown) > 5 { // base64 at an offset leaves a character that only begins or ends in the secret
			t.Errorf("%s: %q is left of it", name, shown)
		}
	}
}

// Encoders differ in which characters they take for special, and one that takes some is no more careful than one that takes others.
func TestEncodersThatEscapeOtherCharactersAreKnown(t *testing.T) {
	t.Parallel()
	const value = "aB/cD+eF=gH'iJ&kL<mN=="
	wide := func(order binary.AppendByteOrder) string {
		var b []byte
		for _, c := range value {
			b = order.AppendUint16(b, uint16(c)) //nolint:gosec // it is ASCII
		}
		return string(b)
	}
	for name, text := range map[string]string{
		"System.Text.Json": `aB/cD\u002BeF=gH\u0027iJ\u0026kL\u003CmN==`,
		"Gson":             `aB/cD+eF\u003dgH\u0027iJ\u0026kL\u003cmN\u003d\u003d`,
		"HtmlEncoder":      `aB/cD&#x2B;eF=gH&#x27;iJ&amp;kL&lt;mN==`,
		"Handlebars":       `aB/cD+eF&#x3D;gH&#x27;iJ&amp;kL&lt;mN&#x3D;&#x3D;`,
		"UTF-16BE":         wide(binary.BigEndian),
		"UTF-16LE":         wide(binary.LittleEndian),
	} {
		got, hits := setOf(value).String("<" + text + ">")
		if shown := strings.Trim(strings.ReplaceAll(got, "*", ""), "<>\x00"); hits == 0 || shown != "" {
			t.Errorf("%s: %d hits, %q is left", name, hits, shown)
		}
	}
}

// What travels is as good as what it was made of, and an API that shows its requests may encode them.
func TestBasicCredentialsAsTheyTravelAreCovered(t *testing.T) {
	t.Parallel()
	const pair = "eC1hY2Nlc3MtdG9rZW46dG9rZW4tMTIzNDU2" // x-access-token:token-123456
	c := &authsome.Credential{
		Value: authsome.NewSecret("token-123456"), Inject: authsome.Injection{Prefix: "Bearer "},
		Variants: []authsome.CredentialVariant{{
			Inject: authsome.Injection{User: "x-access-token", Password: "{access_token}"},
		}},
	}
	set := New(FormsOf(c))
	for name, text := range map[string]string{
		"base64":          base64.StdEncoding.EncodeToString([]byte("Authorization: Basic " + pair)),
		"base64, aside":   base64.StdEncoding.EncodeToString([]byte("{Authorization: Basic " + pair)),
		"hex":             hex.EncodeToString([]byte(pair)),
		"UTF-16":          strings.Join(strings.Split(pair, ""), "\x00"),
		"as it is":        pair,
		"what it is of":   "x-access-token:token-123456",
		"the token alone": "token-123456",
	} {
		got, hits := set.String(text)
		if decoded, _ := base64.StdEncoding.DecodeString(got); hits == 0 || got == text || strings.Contains(string(decoded), pair[4:]) {
			t.Errorf("%s: %d hits, %q", name, hits, got)
		}
	}
}

func TestPairOfBasicCredentialsIsCovered(t *testing.T) {
	t.Parallel()
	c := &authsome.Credential{
		AuthType: authsome.AuthTypeBasic, Value: authsome.NewSecret("p-word-1"),
		Fields: map[authsome.FieldName]authsome.Secret{authsome.FieldUsername: authsome.NewSecret("alice@example.test")},
		Inject: authsome.Injection{User: "{username}", Password: "{password}"},
	}
	set := New(FormsOf(c))
	pair := base64.StdEncoding.EncodeToString([]byte("alice@example.test:p-word-1"))
	if got, n := set.String("Basic " + pair); n == 0 || strings.Trim(got[6:], "*=") != "" {
		t.Errorf("got %q", got)
	}
	if got, n := set.String("hello alice@example.test"); n != 0 {
		t.Errorf("a user name was covered: %q", got)
	}
}

func TestShortValuesAreNotLookedFor(t *testing.T) {
	t.Parallel()
	if s := setOf("admin"); s != nil {
		t.Errorf("a set of %q", s.tails)
	}
	if got, n := (*Set)(nil).String("admin"); got != "admin" || n != 0 {
		t.Errorf("got %q", got)
	}
}

func TestFillerIsInNoForm(t *testing.T) {
	t.Parallel()
	s := New([]string{"ab*cd*", "12345678"})
	if got, _ := s.String("ab12345678cd"); strings.Contains(got, "*") {
		t.Errorf("got %q", got)
	}
}

// TestOnlyTheBeginningOfASecretIsHeldBack is about latency: an event leaves when it is there.
func TestOnlyTheBeginningOfASecretIsHeldBack(t *testing.T) {
	t.Parallel()
	pr, pw := io.Pipe()
	defer pr.Close()
	r := NewReader(pr, liveOf(setOf("secret-value-12345")))
	buf := make([]byte, 4096)
	for _, event := range []struct{ written, passed string }{
		{"data: one\n\n", "data: one\n\n"},
		{"data: secret-val", "data: "},
		{"ue-12345\n\n", "******************\n\n"},
		{"data: secret-val", "data: "},
		{"id\n\n", "secret-valid\n\n"},
	} {
		go func() { _, _ = io.WriteString(pw, event.written) }()
		n, err := r.Read(buf)
		if err != nil || string(buf[:n]) != event.passed {
			t.Errorf("of %q, %q was passed on (%v), want %q", event.written, buf[:n], err, event.passed)
		}
	}
}

func TestStreamThatBreaksOffEndsWithoutThePartOfASecret(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	r := NewReader(io.MultiReader(strings.NewReader("ok secret-va"), iotest.ErrReader(broken)),
		liveOf(setOf("secret-value-12345")))
	got, err := io.ReadAll(r)
	if !errors.Is(err, broken) || string(got) != "ok " {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestStreamThatBeginsWithinASecret(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"ret-value-12345 and more": "*************** and more",
		"12345 and more":           "12345 and more", // too little to tell
		"ret-value-12345":          "***************",
		"":                         "",
	} {
		r := NewReader(iotest.OneByteReader(strings.NewReader(body)), liveOf(setOf("secret-value-12345")))
		r.Partway()
		if got, err := io.ReadAll(r); err != nil || string(got) != want {
			t.Errorf("of %q: %q, %v", body, got, err)
		}
	}
}

func TestSetMayChangeWithinAStream(t *testing.T) {
	t.Parallel()
	live := new(Live)
	r := NewReader(iotest.OneByteReader(strings.NewReader("token-one token-two")), live)
	first := make([]byte, 10)
	if _, err := io.ReadFull(r, first); err != nil {
		t.Fatal(err)
	}
	live.Store(New([]string{"token-two"}))
	rest, err := io.ReadAll(r)
	if err != nil || string(first)+string(rest) != "token-one *********" || r.Hits() != 1 {
		t.Errorf("got %q%q, %v, %d hits", first, rest, err, r.Hits())
	}
}

func TestReadAllocatesNothing(t *testing.T) {
	body := bytes.Repeat([]byte(`{"name":"value","list":[1,2,3]},`), 2000)
	src := bytes.NewReader(body)
	r := NewReader(src, liveOf(setOf(secret)))
	buf := make([]byte, 32<<10)
	allocs := testing.AllocsPerRun(100, func() {
		src.Reset(body)
		r.err = nil
		for r.err == nil {
			_, _ = r.Read(buf)
		}
	})
	if allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// cut returns the pieces in which a stream arrives, and the sizes in which it is asked for, as the bytes of plan say.
type cut struct {
	src  io.Reader
	plan []byte
	i    int
}

func (c *cut) size() int {
	if len(c.plan) == 0 {
		return 1 << 16
	}
	c.i++
	return int(c.plan[c.i%len(c.plan)])%97 + 1
}

func (c *cut) Read(p []byte) (int, error) { return c.src.Read(p[:min(len(p), c.size())]) }

func readCut(r io.Reader, c *cut) ([]byte, error) {
	var out bytes.Buffer
	for {
		p := make([]byte, c.size())
		n, err := r.Read(p)
		out.Write(p[:n])
		if errors.Is(err, io.EOF) {
			return out.Bytes(), nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// FuzzReader holds the promises of the package, for any secrets, bodies and pieces. In the body, @0, @1 … stand for
// forms, and #0, #1 … for the beginnings of some.
func FuzzReader(f *testing.F) {
	f.Add("secret-value-12345", "second!", "a @0 b @1@2#3", []byte{3, 1, 7})
	f.Add("aaaaaaaa", "aaaaaab", "aaaaaaaaaaaaaaaaaaaab aaaaaaaabaaaaaaa", []byte{1})
	f.Add("abcabcab", "bcabcabcab", "@0cabcab@1@0", []byte{5, 2})
	f.Add(secret, "***###", "@0@1@2@3@4@5@6@7@8@9", []byte{50})
	f.Add("abcdefgh", "defghijkl", "abcdefghijkl", []byte{4})
	f.Fuzz(func(t *testing.T, one, two, body string, plan []byte) {
		if len(one)+len(two) > 300 || len(body) > 4000 {
			return
		}
		set := setOf(one, two)
		text := []byte(expand(body, set))
		want := slow(set, text)
		pieces := &cut{src: bytes.NewReader(text), plan: plan}
		r := NewReader(pieces, liveOf(set))
		got, err := readCut(r, pieces)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("in pieces:\n%q\nat once:\n%q\nof\n%q", got, want, text)
		}
		if set == nil {
			return
		}
		for _, form := range set.tails {
			if strings.IndexByte(strings.Join(set.tails, ""), set.filler) < 0 && bytes.Contains(got, []byte(form)) {
				t.Fatalf("%q came through in %q", form, got)
			}
		}
		if (r.Hits() == 0) != bytes.Equal(got, text) {
			t.Fatalf("%d hits, yet %q became %q", r.Hits(), text, got)
		}
		whole := bytes.Clone(text)
		set.Bytes(whole)
		if !bytes.Equal(whole, want) {
			t.Fatalf("Bytes made %q of it, the definition %q", whole, want)
		}
	})
}

func expand(body string, set *Set) string {
	if set == nil {
		return body
	}
	var pairs []string
	for i := range 10 {
		form := set.tails[i%len(set.tails)]
		pairs = append(pairs, fmt.Sprint("@", i), form, fmt.Sprint("#", i), form[:len(form)*(i+1)/11])
	}
	return strings.NewReplacer(pairs...).Replace(body)
}

func BenchmarkReader(b *testing.B) {
	token := "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
	clean := bytes.Repeat([]byte(`{"id":1296269,"name":"Hello-World","html_url":"https://github.com/octocat","private":false},`), 12000)
	random := make([]byte, 1<<20)
	for i, x := 0, uint64(1); i < len(random); i++ {
		x = x*6364136223846793005 + 1442695040888963407
		random[i] = byte(x >> 56)
	}
	encoded := []byte(base64.StdEncoding.EncodeToString(random))
	dense := bytes.Repeat([]byte(token[:39]+"b "), 20000)
	for name, body := range map[string][]byte{"json": clean, "random": random, "base64": encoded, "near": dense} {
		for kind, set := range map[string]*Set{
			"token": setOf(token), "short": setOf("passwd"),
			"eight": setOf(token, token[1:]+"x", token[2:]+"yy", token[3:]+"zzz", "a"+token, "bb"+token, "ccc"+token, "d"+token),
		} {
			b.Run(name+"/"+kind, func(b *testing.B) {
				buf := make([]byte, 32<<10)
				b.SetBytes(int64(len(body)))
				b.ReportAllocs()
				for b.Loop() {
					r := NewReader(bytes.NewReader(body), liveOf(set))
					for r.err == nil {
						_, _ = r.Read(buf)
					}
				}
			})
		}
	}
}

// BenchmarkConnections looks through the same text for the values of one connection, and of several.
func BenchmarkConnections(b *testing.B) {
	body := bytes.Repeat([]byte(`{"id":1296269,"name":"Hello-World","html_url":"https://github.com/octocat","private":false},`), 12000)
	for _, n := range []int{1, 2, 8} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			var tokens []string
			for range n {
				tokens = append(tokens, "ghp_"+rand.Text()+rand.Text()[:10])
			}
			live := liveOf(setOf(tokens...))
			buf := make([]byte, 32<<10)
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				r := NewReader(bytes.NewReader(body), live)
				for r.err == nil {
					_, _ = r.Read(buf)
				}
			}
		})
	}
}
