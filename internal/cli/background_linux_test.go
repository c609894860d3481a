package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A file that cannot be shortened is not left open: here one of memory, sealed against it.
func TestMessagesThatCannotBeShortenedAreClosed(t *testing.T) {
	t.Parallel()
	const name = "authsome-messages-test"
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		t.Skip(err)
	}
	memory := os.NewFile(uintptr(fd), name)
	defer memory.Close()
	if err := memory.Truncate(maxMessages + 1); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.FcntlInt(memory.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK); err != nil {
		t.Skip(err)
	}
	f, _, err := openMessages(fmt.Sprintf("/proc/self/fd/%d", memory.Fd()))
	if err == nil {
		f.Close()
		t.Fatal("a file that cannot be shortened was opened")
	}
	if n := opened(t, name); n != 1 {
		t.Errorf("%d descriptors of the file are open, want the test's own", n)
	}
}

// opened counts the descriptors of this process whose file has a name.
func opened(t *testing.T, name string) (n int) {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && strings.Contains(to, name) {
			n++
		}
	}
	return n
}
