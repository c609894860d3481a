package redact

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

func TestMembersThatHoldFreshCredentials(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		m        Members
		in, want string
	}{
		{Members{}, `{"id":1,"token":"ghs_x","note":"token"}`, `{"id":1,"token":"*****","note":"token"}`},
		{
			Members{},
			`{"a":{"secret_access_key" : "a\"b\\","x":"y"},"private-key":["l1","l2"],"z":"k"}`,
			`{"a":{"secret_access_key" : "******","x":"y"},"private-key":["**","**"],"z":"k"}`,
		},
		{
			Members{},
			`[{"value":"v","key":{"id":"k"}},"token",{"x":["token","y"]}]`,
			`[{"value":"*","key":{"id":"k"}},"token",{"x":["token","y"]}]`,
		},
		{Members{}, `{"token":null,"apiKey":12345,"ok":true}`, `{"token":null,"apiKey":11111,"ok":true}`},
		{
			Members{TopLevel: true},
			`{"access_token":"at","token":"t","data":{"access_token":"at"}}`,
			`{"access_token":"**","token":"t","data":{"access_token":"at"}}`,
		},
		{Members{TopLevel: true}, `[{"access_token":"at"}]`, `[{"access_token":"at"}]`},
		{
			Members{XML: true},
			`<R><Credentials a="b"><AccessKeyId>A</AccessKeyId><SecretAccessKey>s3c/r</SecretAccessKey></Credentials>` +
				`<ns:SessionToken x="1">tt</ns:SessionToken></R>`,
			`<R><Credentials a="b"><AccessKeyId>A</AccessKeyId><SecretAccessKey>*****</SecretAccessKey></Credentials>` +
				`<ns:SessionToken x="1">**</ns:SessionToken></R>`,
		},
	} {
		for _, size := range []int{1, 3, 1000} {
			m := tc.m
			got := []byte(tc.in)
			for rest := got; len(rest) > 0; {
				n := min(size, len(rest))
				m.Cover(rest[:n])
				rest = rest[n:]
			}
			if string(got) != tc.want || (m.Hits() > 0) != (tc.in != tc.want) && !strings.Contains(tc.in, "12345") {
				t.Errorf("in pieces of %d: got %s (%d hits), want %s", size, got, m.Hits(), tc.want)
			}
		}
	}
}

// FuzzMembers: what is valid JSON stays valid, no length changes, and pieces make no difference.
func FuzzMembers(f *testing.F) {
	f.Add(`{"token":"x","a":[{"key":"y\\\""}]}`, 3)
	f.Add(`{"token":-1.5e7,"a":{"value":true}}`, 1)
	f.Fuzz(func(t *testing.T, doc string, size int) {
		whole, pieces := []byte(doc), []byte(doc)
		new(Members).Cover(whole)
		m := new(Members)
		for rest := pieces; len(rest) > 0; {
			n := min(max(1, size), len(rest))
			m.Cover(rest[:n])
			rest = rest[n:]
		}
		if !bytes.Equal(whole, pieces) {
			t.Fatalf("%q and %q of %q", whole, pieces, doc)
		}
		if json.Valid([]byte(doc)) && !json.Valid(whole) {
			t.Fatalf("%q became %q", doc, whole)
		}
	})
}

// encoders are the content codings, with a way to send what has been written so far.
var encoders = map[string]func(io.Writer) interface {
	io.WriteCloser
	Flush() error
}{
	"gzip": func(w io.Writer) interface {
		io.WriteCloser
		Flush() error
	} {
		return gzip.NewWriter(w)
	},
	"deflate": func(w io.Writer) interface {
		io.WriteCloser
		Flush() error
	} {
		return zlib.NewWriter(w)
	},
	"br": func(w io.Writer) interface {
		io.WriteCloser
		Flush() error
	} {
		return brotli.NewWriter(w)
	},
	"zstd": func(w io.Writer) interface {
		io.WriteCloser
		Flush() error
	} {
		e, _ := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
		return e
	},
}

func TestCodingsStream(t *testing.T) {
	t.Parallel()
	for coding, encoder := range encoders {
		t.Run(coding, func(t *testing.T) {
			t.Parallel()
			pr, pw := io.Pipe()
			step := make(chan struct{}, 3) // an encoder may still be writing what nobody needs to read yet
			go func() {
				e := encoder(pw)
				for range 3 {
					_, _ = io.WriteString(e, "data: event\n\n")
					_ = e.Flush()
					<-step
				}
				_ = e.Close()
				_ = pw.Close()
			}()
			d, err := Decode(iotest.OneByteReader(pr), coding)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			buf := make([]byte, 100)
			for range 3 {
				n, err := io.ReadFull(d, buf[:13])
				if err != nil || string(buf[:n]) != "data: event\n\n" {
					t.Fatalf("got %q, %v", buf[:n], err)
				}
				step <- struct{}{}
			}
			if rest, err := io.ReadAll(d); len(rest) != 0 || err != nil {
				t.Errorf("at the end: %q, %v", rest, err)
			}
		})
	}
}

func TestUnknownCodingIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := Decode(strings.NewReader(""), "compress"); err == nil {
		t.Error("no error")
	}
	d, err := Decode(strings.NewReader("this is no gzip"), "gzip")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(d); err == nil {
		t.Error("no error")
	}
}
