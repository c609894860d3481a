package proxy

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"authsome"
)

const (
	// keepAtLeast is how long an answer of the source is used in any case, errors included: a source that hands out
	// what is no longer fresh, or nothing, is not asked for every request.
	keepAtLeast = time.Second
	// expiryMargin is how long a credential must still live to be used while a newer one is fetched.
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
	epoch  atomic.Uint64 // grows when everything remembered is out of date
	slots  map[authsome.Ref]*slot
}

// slot is what is remembered of one connection.
type slot struct {
	ref         authsome.Ref
	kept        atomic.Pointer[kept]
	futileUntil atomic.Int64 // Unix nanoseconds

	mu      sync.Mutex         // guards flights
	flights map[uint64]*flight // by the generation that was rejected, 0 for none
}

// kept is an answer of the source. It does not change.
type kept struct {
	cred   *authsome.Credential
	fields http.Header // what Apply would set; shared by requests, never written to. Nil: each request is authenticated by itself
	err    error
	fresh  time.Time // zero: without limit
	usable time.Time // zero: no longer than fresh
	epoch  uint64
}

// flight is a call of the source that any number of requests wait for.
type flight struct {
	epoch  uint64
	done   chan struct{}
	answer *kept // set when done is closed
}

func newMemory(ctx context.Context, wg *sync.WaitGroup, source authsome.CredentialSource, now func() time.Time) *memory {
	return &memory{source: source, now: now, ctx: ctx, wg: wg, slots: make(map[authsome.Ref]*slot)}
}

// routes gives each route the slot of its connection.
func (m *memory) routes(routes []Route) []route {
	out := make([]route, len(routes))
	for i, r := range routes {
		s := m.slots[r.Ref]
		if s == nil {
			s = &slot{ref: r.Ref, flights: make(map[uint64]*flight)}
			m.slots[r.Ref] = s
		}
		out[i] = route{r, s}
	}
	return out
}

// watch forgets everything at each tick.
func (m *memory) watch(changed <-chan struct{}) {
	for {
		select {
		case <-m.ctx.Done():
			return
		case _, ok := <-changed:
			if !ok {
				return
			}
			m.forget()
		}
	}
}

func (m *memory) forget() {
	m.epoch.Add(1)
	for _, s := range m.slots {
		s.kept.Store(nil)
		s.futileUntil.Store(0)
	}
}

// get returns a credential that is good now. One that is no longer fresh, and not yet about to expire, is returned
// while a newer one is fetched.
func (m *memory) get(ctx context.Context, s *slot) (*kept, error) {
	if k := s.kept.Load(); k != nil && k.epoch == m.epoch.Load() {
		now := m.now()
		if k.fresh.IsZero() || now.Before(k.fresh) {
			return k, k.err
		}
		if now.Before(k.usable) {
			m.fetch(s, 0)
			return k, nil
		}
	}
	return m.wait(ctx, m.fetch(s, 0))
}

// replace returns the credential that takes the place of one that the API has refused, or nil if there is none.
func (m *memory) replace(ctx context.Context, s *slot, refused *kept) *kept {
	generation := refused.cred.Generation
	if k := s.kept.Load(); k != nil && k.err == nil && k.epoch == m.epoch.Load() && k.cred.Generation != generation {
		return k
	}
	if generation == 0 || m.now().UnixNano() < s.futileUntil.Load() {
		return nil
	}
	k, err := m.wait(ctx, m.fetch(s, generation))
	if err != nil || k.cred.Generation == generation {
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

// fetch joins the call under way or starts one.
func (m *memory) fetch(s *slot, rejected uint64) *flight {
	s.mu.Lock()
	defer s.mu.Unlock()
	epoch := m.epoch.Load()
	if f := s.flights[rejected]; f != nil && f.epoch == epoch {
		return f
	}
	f := &flight{epoch: epoch, done: make(chan struct{})}
	s.flights[rejected] = f
	m.wg.Go(func() {
		opts := authsome.CredentialOptions{Rejected: rejected, Background: true}
		cred, err := m.source.Credential(m.ctx, s.ref, opts)
		f.answer = m.answer(cred, err, epoch)
		m.land(s, f, rejected)
		close(f.done)
	})
	return f
}

func (m *memory) answer(cred *authsome.Credential, err error, epoch uint64) *kept {
	k := &kept{cred: cred, err: err, epoch: epoch}
	least := m.now().Add(keepAtLeast)
	if err == nil && cred.HeaderOnly() {
		k.fields, k.err = cred.Header()
		for name := range cred.Inject.Defaults { // these depend on the request
			k.fields.Del(name)
		}
	}
	if k.err != nil {
		k.cred, k.fresh = nil, least
		return k
	}
	if !cred.ExpiresAt.IsZero() {
		k.usable = cred.ExpiresAt.Add(-expiryMargin)
	}
	k.fresh = cred.FreshUntil
	if k.fresh.IsZero() {
		k.fresh = cred.ExpiresAt
	}
	if !k.fresh.IsZero() && k.fresh.Before(least) {
		k.fresh = least
	}
	return k
}

// land keeps the answer of a call, unless the world or a newer answer has overtaken it.
func (m *memory) land(s *slot, f *flight, rejected uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flights[rejected] == f {
		delete(s.flights, rejected)
	}
	if f.epoch != m.epoch.Load() || rejected != 0 && f.answer.err != nil {
		return
	}
	old := s.kept.Load()
	if old == nil || old.err != nil || old.epoch != f.epoch {
		s.kept.Store(f.answer)
		return
	}
	switch {
	case f.answer.err == nil && old.cred.Generation > f.answer.cred.Generation:
	case isPassing(f.answer.err) && m.now().Before(old.usable):
		again := *old
		again.fresh = f.answer.fresh
		s.kept.Store(&again)
	default:
		s.kept.Store(f.answer)
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
