package sqlite

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"authsome/vault"
)

// Lock implements [vault.Store] with one lock file per key, which the operating system unlocks when its holder dies.
// Lock files are never deleted: a process could go on waiting for one that others no longer see.
func (s *Store) Lock(ctx context.Context, key vault.Key) (unlock func(), err error) {
	return s.lock(ctx, key, (*flock.Flock).Lock)
}

// LockOrAwait implements [vault.Awaiter]. Who waits takes the lock file's shared lock for a moment, which the system gives to
// all of them at once.
func (s *Store) LockOrAwait(ctx context.Context, key vault.Key) (unlock func(), err error) {
	return s.lock(ctx, key, (*flock.Flock).RLock)
}

// lock takes the lock of a key, or what wait takes when it is held by another process.
func (s *Store) lock(ctx context.Context, key vault.Key, wait func(*flock.Flock) error) (unlock func(), err error) {
	turn := s.turn(key)
	select {
	case turn <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("lock %s: %w", key, ctx.Err())
	}
	endTurn := func() { <-turn }
	if err := ctx.Err(); err != nil {
		endTurn()
		return nil, fmt.Errorf("lock %s: %w", key, err)
	}
	file := flock.New(filepath.Join(s.lockDir, lockName(key)), flock.SetPermissions(0o600))
	if err := s.acquire(ctx, file, wait, endTurn); err != nil {
		return nil, failed(ctx, "lock "+string(key), err)
	}
	release := sync.OnceFunc(func() {
		_ = file.Unlock() // closing the file, its last step, unlocks in any case
		endTurn()
	})
	if !file.Locked() {
		release()
		return nil, nil
	}
	return release, nil
}

// turn returns the semaphore of a key. It keeps all but one goroutine of this store from occupying a thread of the
// operating system while they wait.
func (s *Store) turn(key vault.Key) chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.turns[key] == nil {
		s.turns[key] = make(chan struct{}, 1)
	}
	return s.turns[key]
}

// acquire locks a file or ends the turn. It waits inside the operating system, which wakes one waiter at once and in
// order; polling would cost hundreds of waiting processes most of the processor.
func (s *Store) acquire(ctx context.Context, file *flock.Flock, wait func(*flock.Flock) error, endTurn func()) error {
	locked, err := file.TryLock()
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(s.lockDir, 0o700); err == nil {
			locked, err = file.TryLock()
		}
	}
	if err != nil {
		endTurn()
		return err
	}
	if locked {
		return nil
	}
	granted := make(chan error, 1)
	go func() { granted <- uninterrupted(wait, file) }()
	select {
	case err := <-granted:
		if err != nil {
			endTurn()
		}
		return err
	case <-ctx.Done():
		go func() { // the system call cannot be called off, so what it gets is given back
			if <-granted == nil {
				_ = file.Unlock()
			}
			endTurn()
		}()
		return ctx.Err()
	}
}

func uninterrupted(wait func(*flock.Flock) error, file *flock.Flock) error {
	for {
		if err := wait(file); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// pollPause is how often LockAll looks whether a lock is free.
const pollPause = 50 * time.Millisecond

// LockAll takes every lock that has ever been taken in a directory of lock files, one after the other: when it returns, nobody is
// in the middle of what they hold one for. It gives up when ctx ends.
func LockAll(ctx context.Context, lockDir string) (unlock func(), err error) {
	entries, err := os.ReadDir(lockDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, failed(ctx, "lock the vault", err)
	}
	var held []*flock.Flock
	unlock = func() {
		for _, file := range held {
			_ = file.Unlock()
		}
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), lockSuffix) {
			continue
		}
		file := flock.New(filepath.Join(lockDir, e.Name()), flock.SetPermissions(0o600))
		if _, err := file.TryLockContext(ctx, pollPause); err != nil {
			unlock()
			return nil, failed(ctx, "lock "+e.Name(), err)
		}
		held = append(held, file)
	}
	return unlock, nil
}

// lockSuffix ends the names of lock files.
const lockSuffix = ".lock"

// lockName makes a file name of a key: the hash tells keys apart on file systems that fold case, the rest is for people.
func lockName(key vault.Key) string {
	const readable = 80
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_', r == '@', r == '+':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, string(key))
	sum := sha256.Sum256([]byte(key))
	return name[:min(len(name), readable)] + "-" + hex.EncodeToString(sum[:8]) + lockSuffix
}
