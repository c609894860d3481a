package keysource_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"authsome/internal/keysource"
	"authsome/vault"
)

var dataKey = bytes.Repeat([]byte{7}, 32)

func wantError(t *testing.T, what string, got error, want ...error) {
	t.Helper()
	for _, w := range want {
		if !errors.Is(got, w) {
			t.Errorf("%s: got error %v, want %v", what, got, w)
		}
	}
}

func roundTrip(t *testing.T, wrapper, unwrapper vault.KeySource) {
	t.Helper()
	wrapped, err := wrapper.Wrap(t.Context(), dataKey)
	if err != nil {
		t.Fatalf("wrap: %v", err)
	}
	if bytes.Contains(wrapped, dataKey) {
		t.Error("the wrapped key holds the data key in the clear")
	}
	got, err := unwrapper.Unwrap(t.Context(), wrapped)
	if err != nil || !bytes.Equal(got, dataKey) {
		t.Errorf("unwrap: got %x, error %v; want %x", got, err, dataKey)
	}
}

func TestEnvironmentAcceptsEveryBase64(t *testing.T) {
	t.Parallel()
	key := bytes.Repeat([]byte{0xfb, 0xff}, 16) // its encoding has the characters in which the alphabets differ
	first, err := keysource.Environment(base64.StdEncoding.EncodeToString(key))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"standard":   base64.StdEncoding.EncodeToString(key),
		"raw":        base64.RawStdEncoding.EncodeToString(key),
		"URL":        base64.URLEncoding.EncodeToString(key),
		"raw URL":    base64.RawURLEncoding.EncodeToString(key),
		"with space": " " + base64.StdEncoding.EncodeToString(key) + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, err := keysource.Environment(value)
			if err != nil {
				t.Fatal(err)
			}
			roundTrip(t, first, source)
		})
	}
}

func TestEnvironmentRefusesWhatIsNoKeyWithoutShowingIt(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		"", "c2hvcnQ=", "not base64 at all!", base64.StdEncoding.EncodeToString(make([]byte, 31)),
		base64.StdEncoding.EncodeToString(make([]byte, 33)), strings.Repeat("ab", 32), "+-" + strings.Repeat("A", 41),
	} {
		_, err := keysource.Environment(value)
		wantError(t, fmt.Sprintf("%q", value), err, keysource.ErrMalformed, vault.ErrUnavailable)
		if err == nil {
			continue
		}
		if !strings.Contains(err.Error(), "AUTHSOME_MASTER_KEY") || value != "" && strings.Contains(err.Error(), value) {
			t.Errorf("%q: the error %q does not name the variable, or shows its value", value, err)
		}
	}
}

func TestAnotherKeyDoesNotUnwrap(t *testing.T) {
	t.Parallel()
	one, _ := keysource.Environment(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32)))
	two, _ := keysource.Environment(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{2}, 32)))
	wrapped, err := one.Wrap(t.Context(), dataKey)
	if err != nil {
		t.Fatal(err)
	}
	_, err = two.Unwrap(t.Context(), wrapped)
	wantError(t, "another key", err, vault.ErrWrongKey)
	for i := range wrapped {
		damaged := bytes.Clone(wrapped)
		damaged[i] ^= 1
		if _, err := one.Unwrap(t.Context(), damaged); err == nil {
			t.Errorf("unwrap accepts byte %d flipped", i)
		}
		if _, err := one.Unwrap(t.Context(), wrapped[:i]); err == nil {
			t.Errorf("unwrap accepts %d of %d bytes", i, len(wrapped))
		}
	}
}

func TestPrintingASourceShowsNoKey(t *testing.T) {
	t.Parallel()
	source, err := keysource.Environment(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("K"), 32)))
	if err != nil {
		t.Fatal(err)
	}
	nested := struct{ unexported any }{source}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		got := fmt.Sprintf(verb+verb, source, nested)
		for _, key := range []string{"75 75", "KK", "4b4b", "0x4b, 0x4b"} {
			if strings.Contains(got, key) {
				t.Errorf("%s prints %s", verb, got)
			}
		}
	}
}
