package redact

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// maxWindow is how far back zstd may refer, RFC 9659 section 3. It bounds the memory that a stream can make a decoder use.
const maxWindow = 8 << 20

// Decodes reports whether a content coding (RFC 9110 section 8.4.1) can be decoded by [Decode].
func Decodes(coding string) bool {
	switch strings.ToLower(coding) {
	case "gzip", "x-gzip", "deflate", "br", "zstd", "identity":
		return true
	}
	return false
}

// Decode returns what body is in a content coding. It reads nothing before the first Read, holds a bounded amount whatever
// the body becomes, and returns what has been decoded when no more has arrived. Close releases the decoder, not the body.
func Decode(body io.Reader, coding string) (io.ReadCloser, error) {
	coding = strings.ToLower(coding)
	if !Decodes(coding) {
		return nil, fmt.Errorf("decode a body: the content coding %q is unknown", coding)
	}
	return &decoder{src: body, coding: coding}, nil
}

// decoder makes the decoder proper when it is first read from: that may wait for the body.
type decoder struct {
	src    io.Reader
	coding string
	r      io.Reader
	close  func()
	err    error
}

// Read returns decoded bytes.
func (d *decoder) Read(p []byte) (int, error) {
	if d.r == nil && d.err == nil {
		d.err = d.begin()
	}
	if d.err != nil {
		return 0, d.err
	}
	n, err := d.r.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // EOF itself is the end
		err = fmt.Errorf("decode a body in %s: %w", d.coding, err)
	}
	d.err = err
	return n, err
}

// Close releases what the decoder holds.
func (d *decoder) Close() error {
	if d.close != nil {
		d.close()
		d.close = nil
	}
	if d.err == nil {
		d.err = io.ErrClosedPipe
	}
	return nil
}

func (d *decoder) begin() error {
	src := bufio.NewReader(d.src)
	if d.coding != "identity" {
		if _, err := src.Peek(1); err != nil {
			return err // an empty body is none in any coding
		}
	}
	var err error
	switch d.coding {
	case "gzip", "x-gzip":
		d.r, err = gzip.NewReader(src)
	case "deflate":
		d.r, err = inflate(src)
	case "br":
		d.r = brotli.NewReader(src)
	case "zstd":
		var z *zstd.Decoder
		z, err = zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(2*maxWindow))
		if err == nil {
			d.r, d.close = z, z.Close
		}
	default:
		d.r = src
	}
	if err != nil {
		return fmt.Errorf("decode a body in %s: %w", d.coding, err)
	}
	return nil
}

// inflate reads deflate, which is zlib's format (RFC 9110 section 8.4.1.2), or, as some servers send it, without that.
func inflate(src *bufio.Reader) (io.Reader, error) {
	head, err := src.Peek(2)
	if err == nil && head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		return zlib.NewReader(src)
	}
	return flate.NewReader(src), nil
}
