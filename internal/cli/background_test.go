package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Of processes that are started at the same moment each learns what its own has said, whoever opens the file meanwhile.
func TestMessagesOfAnotherStartStay(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "messages")
	if err := os.WriteFile(path, []byte("Error: of yesterday\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	first, before, err := openMessages(path)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if _, err := first.WriteString("Error: " + alreadyRunning + "\n"); err != nil {
		t.Fatal(err)
	}
	second, after, err := openMessages(path)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	b := background{what: "it", messages: first, before: before}
	if err := b.failure(t.Context(), "", 2); !strings.HasSuffix(err.Error(), alreadyRunning) {
		t.Errorf("the first start is told %q", err)
	}
	b = background{what: "it", messages: second, before: after}
	if err := b.failure(t.Context(), "", 2); !strings.HasSuffix(err.Error(), "without a word") {
		t.Errorf("the second start is told %q", err)
	}
}

func TestMessagesDoNotGrowForEver(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "messages")
	if err := os.WriteFile(path, make([]byte, maxMessages+1), 0o600); err != nil {
		t.Fatal(err)
	}
	f, before, err := openMessages(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Size() != 0 || before != 0 {
		t.Errorf("%d bytes, %d before; %v", info.Size(), before, err)
	}
}
