package redact

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
)

// However many streams there are, they hold no more than the budget; one that gets no message gets an error, and no part of it.
func TestStreamsShareABudget(t *testing.T) {
	t.Parallel()
	const size, streams = 1 << 20, 64
	budget := NewBudget(size)
	payload := strings.Repeat("compressible ", 20_000) // 260 kB
	packed := message(1, gzipped(t, payload))
	want := message(0, []byte(payload))
	first := make([]io.ReadCloser, streams)
	refused := 0
	for i := range first {
		first[i], _ = Messages(bytes.NewReader(packed), "gzip", budget, nil)
		n, err := first[i].Read(make([]byte, 1))
		switch {
		case n == 0 && errors.Is(err, ErrTooMuch):
			refused++
		case n != 1 || err != nil:
			t.Fatalf("%d, %v", n, err)
		}
	}
	if left := budget.Left(); left < 0 || refused < streams-4 || refused == streams {
		t.Errorf("%d of %d were refused, %d bytes are left", refused, streams, left)
	}
	for _, s := range first {
		_ = s.Close()
	}
	if left := budget.Left(); left != size {
		t.Errorf("after closing %d bytes are left", left)
	}
	var wg sync.WaitGroup
	for range 8 { // that use what others give back
		wg.Go(func() {
			for range 20 {
				s, _ := Messages(bytes.NewReader(packed), "gzip", budget, nil)
				got, err := io.ReadAll(s)
				if !errors.Is(err, ErrTooMuch) && (err != nil || !bytes.Equal(got, want)) || err != nil && len(got) > 0 {
					t.Errorf("%d bytes, %v", len(got), err)
				}
				_ = s.Close()
			}
		})
	}
	wg.Wait()
	if left := budget.Left(); left != size {
		t.Errorf("in the end %d bytes are left", left)
	}
}

func TestStreamEndsWithTheLastMessage(t *testing.T) {
	t.Parallel()
	last := message(0x80, []byte("grpc-status: 8\r\n"))
	stream := append(message(0, []byte("plain")), message(1, gzipped(t, strings.Repeat("x", 1<<20)))...)
	s, _ := Messages(bytes.NewReader(stream), "gzip", NewBudget(1<<19), last)
	got, err := io.ReadAll(s)
	if want := append(message(0, []byte("plain")), last...); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %q, %v", got, err)
	}
}
