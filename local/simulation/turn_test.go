package simulation

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"authsome"
	"authsome/local"
	"authsome/vault"
	"authsome/vault/storetest"
)

// errDead is what a process that has died is told by everything it touches, so that its goroutines come to an end. What
// they do until then nobody can see.
var errDead = errors.New("the process is dead")

// kind is what a goroutine of a process is about to do.
type kind int

const (
	toRead   kind = iota
	toWrite       // the store has not changed yet
	hasWrote      // the store has changed, and nobody knows but the store
	toMark        // to read or write the mark of how far the store has got
	toLock
	toTry    // to lock, if nobody holds the lock
	toAwait  // until its holder lets go
	toSend   // the request has not left
	toListen // the request has left, the answer has not come
)

func (k kind) String() string {
	return [...]string{"read", "write", "have written", "mark", "lock", "try to lock", "await", "send", "listen"}[k]
}

// turn is a goroutine that waits to be let on.
type turn struct {
	kind kind
	proc *process
	ask  *ask // on whose behalf
	ctx  context.Context
	wake chan error

	do       func() error // what reading or writing does; the scheduler does it
	key      vault.Key    // to be locked
	locked   bool
	exchange *exchange
}

// machine has a clock of its own, which may jump, and sleeps now and then.
type machine struct {
	id     int
	offset time.Duration // of its clock from the true time
	asleep bool
	jumps  int // of its clock
}

// process is one process: a layer over the store that all share.
type process struct {
	id      int
	world   *world
	machine *machine
	layer   *local.Layer

	stopped bool // by SIGSTOP
	dead    bool
	full    bool // its disk
	lying   bool // its disk reports failure for what it has done
	faults  int  // how often its store has failed

	pending *rotation // whose answer it has and could not store
	session *session  // of the holder of the connection's lock
}

func (p *process) frozen() bool { return p.stopped || p.machine.asleep }

// now is the clock on the wall of the process's machine. It has no monotonic reading: machines that sleep do not have
// one that could be relied on.
func (p *process) now() time.Time {
	return time.Now().Round(0).Add(p.machine.offset)
}

// park waits until the scheduler lets the goroutine on.
func (w *world) park(t *turn) error {
	t.wake = make(chan error, 1)
	w.mu.Lock()
	if t.proc.dead {
		w.mu.Unlock()
		return errDead
	}
	w.parked = append(w.parked, t)
	w.mu.Unlock()
	return <-t.wake
}

// let lets a goroutine on.
func (w *world) let(t *turn, err error) {
	w.mu.Lock()
	w.parked = slices.DeleteFunc(w.parked, func(other *turn) bool { return other == t })
	w.mu.Unlock()
	t.wake <- err
}

// askKey is the key of an ask in a context.
type askKey struct{}

func asking(ctx context.Context) *ask {
	a, _ := ctx.Value(askKey{}).(*ask)
	return a
}

// shared is what all processes see of the store: the rows and who holds which lock.
type shared struct {
	mu    sync.Mutex // guards what follows; only the unlocking of a lock happens outside the scheduler
	rows  storetest.Rows
	mark  []byte
	locks map[vault.Key]*process
}

func (s *shared) holder(key vault.Key) *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.locks[key]
}

// free ends the locks of a process that has died, as the kernel does.
func (s *shared) free(p *process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, holder := range s.locks {
		if holder == p {
			delete(s.locks, key)
		}
	}
}

// disk is the store as one process sees it.
type disk struct {
	world *world
	proc  *process
}

var (
	_ vault.Store   = (*disk)(nil)
	_ vault.Awaiter = (*disk)(nil)
	_ vault.Marker  = (*disk)(nil)
)

func (d *disk) read(ctx context.Context, do func()) error {
	a := asking(ctx)
	if a == nil { // the vault is being opened
		do()
		return nil
	}
	return d.world.park(&turn{kind: toRead, proc: d.proc, ask: a, ctx: ctx, do: func() error { do(); return nil }})
}

// Get implements [vault.Store].
func (d *disk) Get(ctx context.Context, key vault.Key) (row vault.Row, err error) {
	var missing error
	err = d.read(ctx, func() { row, missing = d.world.store.rows.Get(context.Background(), key) })
	return row, errors.Join(err, missing)
}

// List implements [vault.Store].
func (d *disk) List(ctx context.Context, prefix vault.Key, others ...vault.Key) (found []vault.Row, err error) {
	err = d.read(ctx, func() { found, _ = d.world.store.rows.List(context.Background(), prefix, others...) })
	return found, err
}

// Update implements [vault.Store].
func (d *disk) Update(ctx context.Context, do func(context.Context, vault.Tx) error) error {
	a := asking(ctx)
	write := func() error { return d.world.write(d.proc, a, do) }
	if err := d.world.park(&turn{kind: toWrite, proc: d.proc, ask: a, ctx: ctx, do: write}); err != nil {
		return err
	}
	return d.world.park(&turn{kind: hasWrote, proc: d.proc, ask: a, ctx: ctx})
}

// Mark implements [vault.Marker].
func (d *disk) Mark(ctx context.Context) (mark []byte, err error) {
	err = d.atMark(ctx, func() error { mark = d.world.store.mark; return nil })
	return mark, err
}

// SetMark implements [vault.Marker].
func (d *disk) SetMark(ctx context.Context, mark []byte, _ bool) error {
	return d.atMark(ctx, func() error {
		if d.proc.full {
			return vault.ErrUnavailable
		}
		d.world.store.mark = slices.Clone(mark)
		return nil
	})
}

func (d *disk) atMark(ctx context.Context, do func() error) error {
	a := asking(ctx)
	if a == nil { // the vault is being opened, or the scheduler itself does what a process writes
		return do()
	}
	return d.world.park(&turn{kind: toMark, proc: d.proc, ask: a, ctx: ctx, do: do})
}

// update does all of it or nothing.
func (s *shared) update(ctx context.Context, do func(context.Context, vault.Tx) error) error {
	rows := maps.Clone(s.rows)
	if err := do(ctx, rows); err != nil {
		return err
	}
	s.rows = rows
	return nil
}

// Lock implements [vault.Store].
func (d *disk) Lock(ctx context.Context, key vault.Key) (func(), error) {
	return d.lock(ctx, toLock, key)
}

// LockOrAwait implements [vault.Awaiter].
func (d *disk) LockOrAwait(ctx context.Context, key vault.Key) (func(), error) {
	return d.lock(ctx, toTry, key)
}

func (d *disk) lock(ctx context.Context, how kind, key vault.Key) (func(), error) {
	t := &turn{kind: how, proc: d.proc, ask: asking(ctx), ctx: ctx, key: key}
	if err := d.world.park(t); err != nil || !t.locked {
		return nil, err
	}
	return sync.OnceFunc(func() {
		s := d.world.store
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.locks[key] == d.proc && !d.proc.dead {
			delete(s.locks, key)
		}
	}), nil
}

// Close implements [vault.Store].
func (d *disk) Close() error { return nil }

// plainKeys wraps the data key in nothing.
type plainKeys struct{}

func (plainKeys) Name() string                                       { return "plain" }
func (plainKeys) Wrap(_ context.Context, key []byte) ([]byte, error) { return slices.Clone(key), nil }

func (plainKeys) Unwrap(_ context.Context, wrapped []byte) ([]byte, error) {
	return slices.Clone(wrapped), nil
}

// ask is one client's wish.
type ask struct {
	id     int
	what   string
	proc   *process
	opts   authsome.CredentialOptions
	cancel context.CancelFunc
	begun  time.Time
	from   int // the version of the record that was stored when it began
	read   int // the one that it was decided on; -1: none yet

	clocks    [2]time.Time // between which the process's clock was
	faults    int          // what the process's store had failed by then
	cancelled bool
	unlocked  bool   // it has given up waiting for the lock
	sent      bool   // a request has left on its behalf
	late      *state // it has stored what an earlier ask of its process could not
	got       bool   // the server's answer to a login

	// What comes of it. The scheduler looks when everybody waits.
	done       bool
	credential *authsome.Credential
	connection *authsome.Connection
	err        error
}

// ticks widens the span of the clock that an ask has seen.
func (a *ask) ticks() {
	now := a.proc.now()
	if a.clocks[0].IsZero() || now.Before(a.clocks[0]) {
		a.clocks[0] = now
	}
	if now.After(a.clocks[1]) {
		a.clocks[1] = now
	}
}
