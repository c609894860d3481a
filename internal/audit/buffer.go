package audit

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"time"

	"authsome"
)

const (
	// writeEvery is how long an entry may wait in a Buffer for others to share its write.
	writeEvery = 50 * time.Millisecond
	// maxPending is how many bytes of entries wait before Record does: about five thousand entries.
	maxPending = 1 << 20
	// retryEvery is how often a Buffer that fails to write tries again by itself.
	retryEvery = time.Second
)

// ErrClosed is returned by [Buffer.Record] after Close.
var ErrClosed = errors.New("audit buffer is closed")

// Buffer is a recorder that writes behind: Record only formats the event into memory, and a goroutine appends what has
// gathered, at the latest 50 ms after the first of it. So a process that is killed loses its last 50 ms of entries; one
// that ends must call Close.
//
// Nothing is dropped silently. When the disk cannot keep up Record waits for it. When the disk fails, entries are kept
// and tried again, with the next and each second; once the memory for them is full, Record returns the failure instead of taking more.
type Buffer struct {
	log   *Log
	wake  chan struct{} // there is something to write
	hurry chan struct{} // and it should be written now
	done  chan struct{} // the goroutine has ended

	health chan struct{} // a failure to write has begun, or is over

	mu       sync.Mutex // guards what follows
	attempt  sync.Cond  // an attempt to write has ended, or the Buffer is closed
	pending  []byte     // lines to be written next
	spare    []byte     // the memory of an earlier batch
	accepted uint64     // bytes that Record has taken, ever
	written  uint64     // bytes of them that are in the file
	attempts uint64
	err      error // of the last attempt
	closed   bool
}

var _ authsome.Recorder = (*Buffer)(nil)

// Buffered returns a recorder over the log that does not touch the disk in its caller. Close it when done.
func (l *Log) Buffered() *Buffer {
	b := &Buffer{log: l, wake: make(chan struct{}, 1), hurry: make(chan struct{}, 1), done: make(chan struct{}), health: make(chan struct{}, 1)}
	b.attempt.L = &b.mu
	go b.run()
	return b
}

// Record takes an event that is written soon. It fails after Close, and when the disk has failed for so long that
// there is no room left.
func (b *Buffer) Record(e authsome.Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.pending) >= maxPending && b.err == nil && !b.closed {
		notify(b.hurry)
		b.attempt.Wait()
	}
	if b.closed {
		return ErrClosed
	}
	notify(b.wake)
	if len(b.pending) >= maxPending {
		return fmt.Errorf("audit entry %s is lost: %w", e.Name, b.err)
	}
	if b.pending == nil {
		b.pending, b.spare = b.spare, nil
	}
	before := len(b.pending)
	b.pending = appendEntry(b.pending, e, b.log.now())
	b.accepted += uint64(len(b.pending) - before)
	if len(b.pending) >= maxPending/2 {
		notify(b.hurry)
	}
	return nil
}

// Flush writes what has been recorded so far. When that fails it returns why, and the entries are kept.
func (b *Buffer) Flush() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	target, attempts := b.accepted, b.attempts
	for b.written < target && !b.closed && (b.err == nil || b.attempts == attempts) {
		notify(b.wake)
		notify(b.hurry)
		b.attempt.Wait()
	}
	if b.written < target {
		return b.err
	}
	return nil
}

// Close writes what is left and ends the goroutine. When that fails it returns why, and how many entries are lost.
// Closing again does nothing.
func (b *Buffer) Close() error {
	b.mu.Lock()
	b.closed = true
	notify(b.wake)
	notify(b.hurry)
	b.attempt.Broadcast()
	b.mu.Unlock()
	<-b.done
	b.mu.Lock()
	defer b.mu.Unlock()
	lost := bytes.Count(b.pending, []byte{'\n'})
	b.pending = nil
	if lost > 0 {
		return fmt.Errorf("%d audit entries are lost: %w", lost, b.err)
	}
	return nil
}

// run writes batches until the Buffer is closed.
func (b *Buffer) run() {
	defer close(b.done)
	linger := time.NewTimer(writeEvery)
	defer linger.Stop()
	for {
		b.rest()
		linger.Reset(writeEvery)
		select {
		case <-b.hurry:
		case <-linger.C:
		}
		if closed := b.writeBatch(); closed {
			return
		}
	}
}

// rest waits until there is something to write, or to be tried again.
func (b *Buffer) rest() {
	if b.Failing() == nil {
		<-b.wake
		return
	}
	retry := time.NewTimer(retryEvery)
	defer retry.Stop()
	select {
	case <-b.wake:
	case <-retry.C:
	}
}

// Failing returns why the last attempt to write has failed, or nil. While it does, entries are in memory only.
func (b *Buffer) Failing() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// Health returns a channel that receives when a failure to write has begun, and when it is over: see [Buffer.Failing].
func (b *Buffer) Health() <-chan struct{} { return b.health }

// writeBatch tries once to write what is pending, and reports whether that was the last time.
func (b *Buffer) writeBatch() (closed bool) {
	b.mu.Lock()
	batch, healthy := b.pending, b.err == nil
	b.pending, closed = nil, b.closed
	b.mu.Unlock()

	var err error
	if len(batch) > 0 {
		err = b.log.write(batch)
	}
	if err != nil && healthy && b.log.OnError != nil {
		b.log.OnError(err)
	}

	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		b.pending = append(batch, b.pending...)
	} else {
		b.written += uint64(len(batch))
		b.spare = batch[:0]
	}
	b.attempts++
	b.err = err
	if healthy != (err == nil) {
		notify(b.health)
	}
	b.attempt.Broadcast()
	return closed
}

func notify(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
