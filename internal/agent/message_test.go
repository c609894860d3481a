package agent

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

func TestRequestsAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	long := string(bytes.Repeat([]byte{'x'}, maxID))
	for _, r := range []request{
		{op: opGet, id: "a"},
		{op: opGet, id: long},
		{op: opPut, id: long, key: bytes.Repeat([]byte{7}, maxKey)},
		{op: opLock},
		{op: opStatus},
		{op: opKeep, id: long},
	} {
		b, err := appendRequest(nil, r)
		if err != nil {
			t.Fatal(err)
		}
		message, err := readMessage(bytes.NewReader(b), make([]byte, maxMessage))
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseRequest(message)
		if err != nil || got.op != r.op || got.id != r.id || !bytes.Equal(got.key, r.key) {
			t.Errorf("%+v was read as %+v, error %v", r, got, err)
		}
	}
	if _, err := appendRequest(nil, request{op: opGet, id: long + "x"}); !errors.Is(err, errMalformed) {
		t.Errorf("an id that is too long: %v", err)
	}
}

func TestMalformedRequestsAreRefused(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]string{
		"empty":              "",
		"version only":       "\x01",
		"no id":              "\x01\x01",
		"get without an id":  "\x01\x01\x00\x00",
		"get with a key":     "\x01\x01\x01a\x01k",
		"put without a key":  "\x01\x02\x01a\x00",
		"lock with an id":    "\x01\x03\x01a\x00",
		"status with a key":  "\x01\x04\x00\x01k",
		"unknown operation":  "\x01\x06\x00\x00",
		"keep without an id": "\x01\x05\x00\x00",
		"keep with a key":    "\x01\x05\x01a\x01k",
		"operation 0":        "\x01\x00\x00\x00",
		"cut":                "\x01\x01\x02a",
		"more behind":        "\x01\x03\x00\x00\x00",
		"an id beyond limit": "\x01\x01\x81" + string(make([]byte, 0x81)) + "\x00",
		"a key beyond limit": "\x01\x02\x01a\x41" + string(make([]byte, 0x41)),
	} {
		if r, err := parseRequest([]byte(b)); !errors.Is(err, errMalformed) {
			t.Errorf("%s was read as %+v, error %v", name, r, err)
		}
	}
	if _, err := parseRequest([]byte("\x02\x01\x01a\x00")); !errors.Is(err, errVersion) {
		t.Errorf("another version: %v", err)
	}
	for name, b := range map[string]string{"length 0": "\x00\x00", "too long": "\xff\xff", "one too long": "\x00\xc5"} {
		if _, err := readMessage(bytes.NewReader([]byte(b+string(make([]byte, 1<<16)))), make([]byte, maxMessage)); !errors.Is(err, errMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStatusIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	want := Status{PID: 1 << 22, Keys: 2, Confirm: true, Timeout: time.Hour, Left: 90 * time.Second}
	if got, err := parseStatus(want.encode()); err != nil || got != want {
		t.Errorf("%+v was read as %+v, error %v", want, got, err)
	}
	s := Status{Left: time.Millisecond}
	if got, _ := parseStatus(s.encode()); got.Left != time.Second {
		t.Errorf("a millisecond is told as %v", got.Left)
	}
}

// Whatever is read as a request is written as the same bytes: there is one form of each.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{"\x01\x01\x01a\x00", "\x01\x02\x01a\x01k", "\x01\x03\x00\x00", "\x01\x04\x00\x00", "\x01\x05\x01a\x00", "\x02"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseRequest(b)
		if err != nil {
			return
		}
		again, err := appendRequest(nil, r)
		if err != nil || !bytes.Equal(again[headerSize:], b) {
			t.Errorf("%q was read as %+v, which is written as %q, error %v", b, r, again, err)
		}
	})
}

// The same for answers and what they carry.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{"\x01\x01\x00", "\x01\x01\x01k", "\x01\x06\x01\x01", "\x01\x03\x00"} {
		f.Add([]byte(seed))
	}
	f.Add(append([]byte{1, 1, statusSize}, Status{Keys: 1, Left: time.Hour}.encode()...))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := parseAnswer(b)
		if err != nil || a.code == codeVersion {
			return
		}
		if again := appendAnswer(nil, a); !bytes.Equal(again[headerSize:], b) {
			t.Errorf("%q was read as %+v, which is written as %q", b, a, again)
		}
		if s, err := parseStatus(a.value); err == nil && !bytes.Equal(s.encode(), a.value) {
			t.Errorf("%q was read as %+v, which is written as %q", a.value, s, s.encode())
		}
	})
}
