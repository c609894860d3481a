package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"authsome/internal/agent"
	"authsome/local"
)

const (
	// lockPatience is how long a lock may be held before it is worth a word: most are held for the length of a request.
	lockPatience = time.Second
	lockPause    = 50 * time.Millisecond
)

// locks examines the lock files of connections. A lock ends with its holder, so what a crashed process has left is only
// a file; one that is held has a living holder.
func (e *examination) locks(ctx context.Context) Check {
	const name = "locks"
	files, err := e.lockFiles()
	if err != nil {
		return failed(name, fmt.Sprintf("the locks cannot be listed: %v", err), "")
	}
	held, err := stillHeld(ctx, files)
	if err != nil {
		return failed(name, fmt.Sprintf("the locks cannot be tried: %v", err), "authsome cannot refresh a token without a lock")
	}
	if len(held) == 0 {
		return passed(name, fmt.Sprintf("none of %d is held", len(files)))
	}
	lines := make([]string, len(held))
	for i, path := range held {
		lines[i] = filepath.Base(path) + " is held by " + holder(path)
	}
	return noted(name, strings.Join(lines, "\n"),
		"another authsome is at work, perhaps waiting for a provider; a lock ends with its holder")
}

// lockFiles lists the lock files anywhere below the run directory.
func (e *examination) lockFiles() (files []string, err error) {
	err = filepath.WalkDir(e.in(local.RunDir), func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // nobody has locked anything yet, or a run has ended
		}
		// The agent holds its own for as long as it lives, which is no news.
		if err == nil && entry.Type().IsRegular() && strings.HasSuffix(path, ".lock") && entry.Name() != agent.LockFile {
			files = append(files, path)
		}
		return err
	})
	return files, err
}

// stillHeld returns the locks that cannot be had within lockPatience. The ones it gets it gives back at once.
func stillHeld(ctx context.Context, files []string) (held []string, err error) {
	ticker := time.NewTicker(lockPause)
	defer ticker.Stop()
	for left := lockPatience / lockPause; ; left-- {
		if held, err = heldNow(files); err != nil || len(held) == 0 || left == 0 {
			return held, err
		}
		files = held
		select {
		case <-ctx.Done():
			return held, nil
		case <-ticker.C:
		}
	}
}

func heldNow(files []string) (held []string, err error) {
	for _, path := range files {
		lock := flock.New(path, flock.SetFlag(os.O_RDONLY)) // makes no file
		got, err := lock.TryLock()
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, err
		case !got:
			held = append(held, path)
		}
		_ = lock.Unlock() // closes the file in any case
	}
	return held, nil
}

// holder names the process that holds a lock, where the system tells.
func holder(path string) string {
	if pid := lockHolder(path); pid > 0 {
		return fmt.Sprintf("process %d", pid)
	}
	return "another process"
}
