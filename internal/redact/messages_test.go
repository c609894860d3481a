package redact

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// limit is that of the tests.
const limit = 1 << 18

func message(flags byte, payload []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(payload))), payload...)
}

func gzipped(t testing.TB, payload string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := io.WriteString(z, payload)
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func unpacked(t testing.TB, stream io.Reader) ([]byte, error) {
	t.Helper()
	r, err := Messages(stream, "gzip", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.(*messages).limit = limit
	return io.ReadAll(r)
}

func TestCompressedMessagesAreDecodedAndOthersPass(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("compressible ", 10_000)
	var stream, want []byte
	for _, payload := range []string{"plain", "", long, "last"} {
		stream = append(append(stream, message(1, gzipped(t, payload))...), message(0, []byte(payload))...)
		want = append(append(want, message(0, []byte(payload))...), message(0, []byte(payload))...)
	}
	stream = append(stream, message(0x81, gzipped(t, "grpc-status: 0"))...) // the trailers of gRPC-Web
	want = append(want, message(0x80, []byte("grpc-status: 0"))...)
	stream = append(stream, message(1, nil)...) // nothing at all is nothing in any coding
	want = append(want, message(0, nil)...)
	for name, src := range map[string]io.Reader{
		"whole": bytes.NewReader(stream), "byte by byte": iotest.OneByteReader(bytes.NewReader(stream)),
		"with its end": iotest.DataErrReader(bytes.NewReader(stream)),
	} {
		got, err := unpacked(t, src)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v; want %d", name, len(got), err, len(want))
		}
	}
}

func TestMessageLeavesWhenItHasArrived(t *testing.T) {
	t.Parallel()
	in, out := io.Pipe()
	defer in.Close()
	r, err := Messages(in, "gzip", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	for _, piece := range []string{"one", "two"} {
		go func() { _, _ = out.Write(message(1, gzipped(t, piece))) }()
		n, err := r.Read(buf) // the next message has not come
		if want := message(0, []byte(piece)); err != nil || !bytes.Equal(buf[:n], want) {
			t.Errorf("got %q, %v, want %q", buf[:n], err, want)
		}
	}
}

func TestMessagesThatCannotBeDecodedEndTheStream(t *testing.T) {
	t.Parallel()
	whole := gzipped(t, "payload")
	for name, stream := range map[string][]byte{
		"garbage":   message(1, []byte("no gzip")),
		"cut short": message(1, whole[:len(whole)-4]),
		"too long":  message(1, gzipped(t, strings.Repeat("\x00", limit+1))),
	} {
		got, err := unpacked(t, bytes.NewReader(append(message(0, []byte("first")), stream...)))
		if err == nil || !bytes.Equal(got, message(0, []byte("first"))) {
			t.Errorf("%s: got %.40q, %v", name, got, err)
		}
	}
	if _, err := Messages(nil, "snappy", nil, nil); err == nil {
		t.Error("a coding that nobody knows is taken")
	}
	if got, err := unpacked(t, bytes.NewReader([]byte{0, 0})); err != nil || len(got) != 2 {
		t.Errorf("a stream that is none: %q, %v", got, err)
	}
	broken := iotest.TimeoutReader(iotest.OneByteReader(bytes.NewReader(message(0, []byte("x")))))
	if _, err := unpacked(t, broken); !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("the source failed, and the error is %v", err)
	}
}

// FuzzMessages: whatever arrives, in whatever pieces, no message of what leaves is compressed, as far as there are messages.
func FuzzMessages(f *testing.F) {
	f.Add(append(message(1, gzipped(f, "a")), message(0, []byte("b"))...), 3)
	f.Add(message(0x81, gzipped(f, "")), 1)
	f.Add([]byte{1, 0, 0, 0, 1, 0}, 2)
	f.Fuzz(func(t *testing.T, stream []byte, piece int) {
		got, err := unpacked(t, &chopped{stream, max(1, piece%64)})
		again, sameErr := unpacked(t, bytes.NewReader(stream))
		if !bytes.Equal(got, again) || (err == nil) != (sameErr == nil) {
			t.Fatalf("%q, %v in pieces of %d; %q, %v whole", got, err, piece, again, sameErr)
		}
		for len(got) >= prefixSize {
			if got[0]&1 != 0 {
				t.Fatalf("a compressed message leaves: %q", got)
			}
			n := int64(binary.BigEndian.Uint32(got[1:]))
			got = got[min(int64(len(got)), prefixSize+n):]
		}
	})
}

type chopped struct {
	rest  []byte
	piece int
}

func (c *chopped) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.rest[:min(c.piece, len(c.rest))])
	c.rest = c.rest[n:]
	return n, nil
}
