package proxy

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"authsome"
)

const (
	// keepAtLeast is how long an answer of the source is used in any case, errors included: a source that hands out
	// what is no longer fresh, or nothing, is not asked for every request.
	keepAtLeast = time.Second
	// expiryMargin is how long a credential must still live to be used while a newer one is fetched. Of one whose window
	// is short, it is a quarter of the window.
	expiryMargin = 10 * time.Second
	// futileFor is how long nobody is asked again when a 401 could not be mended.
	futileFor = 30 * time.Second
)

// memory remembers the credentials of the routes' connections, so that a warm request asks nobody.
type memory struct {
	source authsome.CredentialSource
	now    func() time.Time
	ctx    context.Context //nolint:containedctx // calls of the source are shared by requests and outlive each of them
	wg     *sync.WaitGroup
	epoch  atomic.Uint64 // grows when what is stored may have changed
	ahead  sync.Once     // starts renewAhead
	landed chan struct{} // wakes it

	mu     sync.Mutex // guards all below, and covers of each slot
	slots  map[authsome.Ref]*slot
	covers map[string]*cover // by the names of their connections
}

// slot is what is remembered of one connection.
type slot struct {
	ref         authsome.Ref
	kept        atomic.Pointer[kept]
	futileUntil atomic.Int64 // Unix nanoseconds
	open        openExchanges
	handedOut   handedOut
	guard       atomic.Pointer[authsome.Guard]
	covers      []*cover // what holds its values; guarded by the memory's mutex

	known *kept // the last answer whose value is looked for; guarded by mu

	mu      sync.Mutex // guards flights, and the order of what is stored in kept
	flights map[question]*flight
}

// question is what the source is asked: the calls for one are shared.
type question struct {
	rejected uint64 // the generation that the API refused; 0 for none
	stored   bool   // what is stored now, without refreshing it
}

// kept is an answer of the source. It does not change.
type kept struct {
	cred *authsome.Credential
	form
	variants []form // in the order of the credential's
	err      error
	fresh    time.Time // zero: without limit
	usable   time.Time // zero: no longer than fresh
	epoch    uint64

	used  *atomic.Bool // some request has got this value; shared by all answers that hold the same one
	tries int          // how often in a row the source has answered with the same value, no longer fresh
}

// flight is a call of the source that any number of requests wait for.
type flight struct {
	epoch  uint64
	done   chan struct{}
	answer *kept // set when done is closed
}

func newMemory(ctx context.Context, wg *sync.WaitGroup, source authsome.CredentialSource, now func() time.Time) *memory {
	return &memory{
		source: source, now: now, ctx: ctx, wg: wg, slots: make(map[authsome.Ref]*slot), covers: make(map[string]*cover),
		landed: make(chan struct{}, 1),
	}
}

// routes gives each route the slot of its connection, whose guard is the route's.
func (m *memory) routes(routes []Route) []route {
	out := make([]route, len(routes))
	for i, r := range routes {
		out[i] = route{r, m.slot(r)}
		m.setGuard(out[i].slot, r.Guard)
	}
	return out
}

func (m *memory) slot(r Route) *slot {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.slots[r.Ref]
	if s == nil {
		s = &slot{ref: r.Ref, flights: make(map[question]*flight)}
		s.guard.Store(&r.Guard)
		m.slots[r.Ref] = s
	}
	return s
}

// all returns the slots that there are.
func (m *memory) all() []*slot {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Values(m.slots))
}

// watch looks at each tick what has become of the connections.
func (m *memory) watch(changed <-chan struct{}) {
	for {
		select {
		case <-m.ctx.Done():
			return
		case _, ok := <-changed:
			if !ok {
				return
			}
			m.review()
		}
	}
}

// review asks what is stored now in place of everything that is remembered. It asks in the background and causes no
// refresh: what is remembered is used on until the answer is there, which is a read of the vault away, so that the
// refresh of one connection makes no request of any other wait, nor of its own.
func (m *memory) review() {
	m.epoch.Add(1)
	m.askAgain()
	for _, s := range m.all() {
		s.futileUntil.Store(0)
		switch k := s.kept.Load(); {
		case k == nil:
		case k.err != nil:
			s.kept.CompareAndSwap(k, nil)
		default:
			m.fetch(s, question{stored: true})
		}
	}
}

// get returns a credential that is good now. One that is no longer fresh, and not yet about to expire, is returned
// while a newer one is fetched.
func (m *memory) get(ctx context.Context, s *slot) (*kept, error) {
	if k := s.kept.Load(); k != nil {
		now := m.now()
		if k.isFresh(now) {
			m.use(k)
			return k, k.err
		}
		if now.Before(k.usable) {
			m.use(k)
			m.fetch(s, question{})
			return k, nil
		}
	}
	k, err := m.wait(ctx, m.fetch(s, question{}))
	if err == nil {
		m.use(k)
	}
	return k, err
}

func (k *kept) isFresh(now time.Time) bool { return k.fresh.IsZero() || now.Before(k.fresh) }

// replace returns the credential that takes the place of one that the API has refused, or nil if there is none.
func (m *memory) replace(ctx context.Context, s *slot, refused *kept) *kept {
	generation := refused.cred.Generation
	if k := s.kept.Load(); k != nil && k.err == nil && !k.sameValue(refused) {
		return k
	}
	if generation == 0 || m.now().UnixNano() < s.futileUntil.Load() {
		return nil
	}
	k, err := m.wait(ctx, m.fetch(s, question{rejected: generation}))
	if err != nil || k.sameValue(refused) {
		m.futile(s)
		return nil
	}
	return k
}

// futile notes that asking for another credential has not helped: the API's 401 has another cause, and each further
// question could cost a refresh.
func (m *memory) futile(s *slot) { s.futileUntil.Store(m.now().Add(futileFor).UnixNano()) }

func (m *memory) wait(ctx context.Context, f *flight) (*kept, error) {
	select {
	case <-f.done:
		return f.answer, f.answer.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// fetch joins the call under way or starts one, unless one has landed since the caller looked.
func (m *memory) fetch(s *slot, q question) *flight {
	s.mu.Lock()
	defer s.mu.Unlock()
	epoch := m.epoch.Load()
	if f := s.flights[q]; f != nil && f.epoch == epoch {
		return f
	}
	f := &flight{epoch: epoch, done: make(chan struct{})}
	if k := s.kept.Load(); q == (question{}) && k != nil && k.epoch == epoch && k.isFresh(m.now()) {
		f.answer = k
		close(f.done)
		return f
	}
	s.flights[q] = f
	m.wg.Go(func() {
		opts := authsome.CredentialOptions{Rejected: q.rejected, Stored: q.stored, Background: true}
		cred, err := m.source.Credential(m.ctx, s.ref, opts)
		f.answer = m.answer(cred, err, epoch)
		m.land(s, f, q)
		close(f.done)
		m.wake()
	})
	return f
}

func (m *memory) answer(cred *authsome.Credential, err error, epoch uint64) *kept {
	k := &kept{cred: cred, err: err, epoch: epoch, used: new(atomic.Bool)}
	now := m.now()
	least := now.Add(keepAtLeast)
	if err == nil {
		k.err = k.prepare()
	}
	if k.err != nil {
		k.cred, k.fresh = nil, least
		return k
	}
	k.fresh, k.usable = cred.FreshUntil, time.Time{}
	if k.fresh.IsZero() {
		k.fresh = cred.ExpiresAt
	}
	if !cred.ExpiresAt.IsZero() {
		k.usable = cred.ExpiresAt.Add(-min(expiryMargin, cred.ExpiresAt.Sub(k.fresh)/4))
		if now.Before(k.usable) && k.usable.Before(least) {
			least = k.usable
		}
	}
	if !k.fresh.IsZero() && k.fresh.Before(least) {
		k.fresh = least
	}
	return k
}

// land keeps the answer of a call, unless the world or a newer answer has overtaken it.
func (m *memory) land(s *slot, f *flight, q question) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flights[q] == f {
		delete(s.flights, q)
	}
	if f.answer.err == nil {
		m.watchFor(s, f.answer) // also if it is not kept: requests that have waited for it get it
	}
	if f.epoch != m.epoch.Load() || q.rejected != 0 && f.answer.err != nil {
		return
	}
	old := s.kept.Load()
	if old == nil || old.err != nil {
		if f.answer.err == nil || !q.stored { // that nothing good is stored need not mean that there is nothing to be had
			s.kept.Store(f.answer)
		}
		return
	}
	switch {
	case f.answer.err != nil && isPassing(f.answer.err) && m.now().Before(old.usable):
		again := *old
		again.fresh, again.epoch, again.tries = f.answer.fresh, f.epoch, old.tries+1
		s.kept.Store(&again)
	case f.answer.err == nil && old.epoch == f.epoch && old.cred.Generation > f.answer.cred.Generation:
	case f.answer.err != nil && q.stored && !isGone(f.answer.err):
		s.kept.Store(nil) // it has run out: whoever wants one has it refreshed
	default:
		f.answer.succeed(old, m.now())
		s.kept.Store(f.answer)
		if f.answer.endsLineOf(old) {
			s.open.cut()
		}
	}
}

// watchFor has a value looked for in answers. It comes before any request can have the value.
func (m *memory) watchFor(s *slot, k *kept) {
	s.handedOut.add(k.cred, m.now())
	if s.known == nil || !s.known.sameValue(k) {
		for _, c := range m.coversOf(s) {
			c.renew()
		}
		s.known = k
	}
}

// isPassing reports whether an error says nothing about the connection, so that a credential which still lives can be
// used on.
func isPassing(err error) bool {
	if err == nil {
		return false
	}
	switch authsome.KindOf(err) {
	case authsome.KindVaultUnavailable, authsome.KindUnreachable, authsome.KindInternal:
		return true
	}
	return false
}
