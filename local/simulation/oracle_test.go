package simulation

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"authsome"
	"authsome/vault"
)

// oracle knows what must hold, in words of its own:
//
//   - A login that the server's rules allow to survive, survives. The server refuses the refresh token that the vault holds only
//     if the world is to blame: the answer that held its successor was lost or late, or the process that had it died or could
//     not write before it was stored, or the network doubled or delayed a request. And then the client has done what could be
//     done: an ideal one would have sent the same token again at once (mustReplay), and at every later opportunity (pendingOutcome).
//   - A token is handed out only if the vault held it while its caller waited.
//   - The token endpoint is called only by the holder of the lock, after an intent is stored, with the token that the vault holds,
//     and if somebody waits for whom docs/refresh.md wants it; again only if the outcome is unknown.
//   - A connection becomes invalid only if the very token it holds was refused, and nothing is sent from then on.
//   - Nobody gets an error while the stored token is good, or anything but a token or a reason.
type oracle struct {
	violation string
	history   []*state // of the connection's record
	vault     *vault.Vault
	refused   map[string]bool // refresh tokens that were truly refused, and the client knows
	sends     int
	lost      bool
}

// state is the record of the connection, as far as it matters.
type state struct {
	AccessToken  string    `json:"access_token"`
	RefreshToken string    `json:"refresh_token"`
	Generation   uint64    `json:"generation"`
	ExpiresAt    time.Time `json:"expires_at"`
	ObtainedAt   time.Time `json:"obtained_at"`
	Lifetime     int64     `json:"lifetime"`
	Invalid      bool      `json:"invalid"`
	Refresh      struct {
		LastAt        time.Time `json:"last_at"`
		IntentAt      time.Time `json:"intent_at"`
		NextAttemptAt time.Time `json:"next_attempt_at"`
		AnswerLost    bool      `json:"answer_lost"`
		Reason        string    `json:"reason"`
	} `json:"refresh"`
}

// pendingOutcome says that a refresh token was sent, and nobody knows what became of it.
func (s *state) pendingOutcome() bool { return !s.Refresh.IntentAt.IsZero() || s.Refresh.AnswerLost }

// freshUntil is the first table of docs/refresh.md.
func (s *state) freshUntil() time.Time {
	if s.Lifetime > 0 && s.Lifetime <= 300 {
		return s.ExpiresAt.Add(-time.Duration(s.Lifetime) * time.Second / 5)
	}
	return s.ExpiresAt.Add(-300 * time.Second)
}

// session is what the holder of the connection's lock has done with it.
type session struct {
	ask        *ask
	jumps      int // of the clock, when it began
	intentAt   time.Time
	sends      int
	unknown    bool // the outcome of the last request
	mustReplay bool
	refused    bool
	stolen     bool // the record was replaced by somebody who knows no locks
}

// peekStore is the store as the oracle's own vault sees it, which waits for nobody.
type peekStore struct{ *shared }

func (s peekStore) Get(ctx context.Context, key vault.Key) (vault.Row, error) {
	return s.rows.Get(ctx, key)
}

func (s peekStore) List(ctx context.Context, prefix vault.Key, others ...vault.Key) ([]vault.Row, error) {
	return s.rows.List(ctx, prefix, others...)
}

func (s peekStore) Update(ctx context.Context, do func(context.Context, vault.Tx) error) error {
	return s.update(ctx, do)
}

func (peekStore) Lock(context.Context, vault.Key) (func(), error) { return func() {}, nil }
func (peekStore) Close() error                                    { return nil }

func (o *oracle) open(w *world) {
	o.refused = make(map[string]bool)
	v, err := vault.Open(context.Background(), peekStore{w.store}, plainKeys{})
	if err != nil {
		o.violated("the vault cannot be made: %v", err)
	}
	o.vault = v
}

func (o *oracle) violated(format string, args ...any) {
	if o.violation == "" {
		o.violation = fmt.Sprintf(format, args...)
	}
}

// current returns what is stored.
func (o *oracle) current() *state {
	if len(o.history) == 0 {
		return nil
	}
	return o.history[len(o.history)-1]
}

// value returns the connection's record as it is stored.
func (o *oracle) value() []byte {
	rec, err := o.vault.Get(context.Background(), connectionKey)
	if err != nil {
		o.violated("what was written cannot be read: %v", err)
	}
	return rec.Value
}

// committed looks at what a process has written.
func (w *world) committed(p *process, a *ask) {
	fresh := &state{}
	if err := json.Unmarshal(w.value(), fresh); err != nil {
		w.violated("the record that was written is no record: %v", err)
		return
	}
	old := w.current()
	w.history = append(w.history, fresh)
	w.tracef("  stored: %+v", *fresh)
	for _, other := range w.procs {
		if other == p {
			continue
		}
		w.notStored(other)
		other.pending = nil
		if p == nil && other.session != nil {
			other.session.stolen = true
		}
	}
	if p == nil || old == nil {
		return
	}
	if w.store.holder(connectionKey) != p {
		w.violated("process %d writes the connection without its lock", p.id)
	}
	if a != nil && a.what == "login" {
		p.session = nil
		return
	}
	w.checkChange(p, a, old, fresh)
}

// checkChange compares a record with the one before.
func (w *world) checkChange(p *process, a *ask, old, fresh *state) {
	s := p.session
	switch {
	case fresh.AccessToken != old.AccessToken:
		w.checkRotation(p, old, fresh)
		if a != nil && !a.sent {
			a.late = fresh
		}
	case fresh.RefreshToken != old.RefreshToken:
		w.violated("a refresh token was stored without its access token")
	case fresh.Invalid && !old.Invalid && !w.refused[fresh.RefreshToken]:
		w.violated("the connection was made invalid, and %s was never refused", fresh.RefreshToken)
	case !fresh.Refresh.IntentAt.IsZero() && !fresh.Refresh.IntentAt.Equal(old.Refresh.IntentAt):
		s.intentAt = p.now()
		w.checkIntent(p, a, old)
	case fresh.Refresh.Reason != "" && s.mustReplay && s.jumps == p.machine.jumps && !s.stolen:
		w.violated("process %d gives up after %d requests, the last of which was not answered", p.id, s.sends)
	}
}

// checkRotation is about a new token that was stored.
func (w *world) checkRotation(p *process, old, fresh *state) {
	r := p.pending
	if r == nil || r.access.value != fresh.AccessToken || r.to.value != fresh.RefreshToken {
		w.violated("process %d stores tokens that it did not get: %s and %s", p.id, fresh.AccessToken, fresh.RefreshToken)
		return
	}
	if r.from.value != old.RefreshToken {
		w.violated("%s, which was stored, is overwritten by the successor of %s", old.RefreshToken, r.from.value)
	}
	if fresh.Generation != old.Generation+1 {
		w.violated("generation %d follows %d", fresh.Generation, old.Generation)
	}
	r.committed = true
	p.pending = nil
}

// checkIntent fails when a refresh begins that nobody needs.
func (w *world) checkIntent(p *process, a *ask, old *state) {
	if old.Invalid {
		w.violated("an invalid connection is refreshed")
	}
	wants := func(a *ask) bool { return a != nil && a.proc == p && w.wants(a, old) }
	if !wants(a) && !slices.ContainsFunc(w.asks, wants) {
		w.violated("process %d refreshes, and nobody needs it", p.id)
	}
}

// wants reports whether docs/refresh.md wants a refresh of what is stored for an ask.
func (w *world) wants(a *ask, old *state) bool {
	a.ticks()
	from, to := a.clocks[0], a.clocks[1]
	seen := old
	if a.read >= 0 {
		seen = w.history[a.read]
	}
	if a.opts.Background && to.Before(old.Refresh.NextAttemptAt) && !from.Before(old.Refresh.LastAt) {
		return false
	}
	age := to.Sub(old.ObtainedAt)
	switch {
	case !old.ExpiresAt.IsZero() && !to.Before(old.freshUntil()), old.pendingOutcome():
		return true
	case a.opts.Refresh && (seen.Generation == old.Generation || a.late == old):
		return true
	case a.opts.Rejected == old.Generation:
		return old.ExpiresAt.IsZero() || age >= time.Minute || from.Before(old.ObtainedAt)
	default:
		return false
	}
}

// checkSend is about a refresh token that is about to leave.
func (w *world) checkSend(t *turn) {
	token := t.exchange.form.Get("refresh_token")
	if token == "" {
		return
	}
	w.sends++
	t.ask.sent = true
	p, cur := t.proc, w.current()
	s := p.session
	switch {
	case w.store.holder(connectionKey) != p || s == nil:
		w.violated("process %d sends a refresh token without the lock", p.id)
		return
	case s.stolen:
	case token != cur.RefreshToken:
		w.violated("process %d sends %s, and the vault holds %s", p.id, token, cur.RefreshToken)
	case cur.Refresh.IntentAt.IsZero():
		w.violated("process %d sends a refresh token without a stored intent", p.id)
	case cur.Invalid, s.refused:
		w.violated("process %d sends %s, which was refused already", p.id, token)
	case p.pending != nil && p.pending.from.value == token:
		w.violated("process %d sends %s, and has the answer already", p.id, token)
	case s.sends > 0 && !s.unknown:
		w.violated("process %d sends %s again, and knows the outcome", p.id, token)
	case s.sends == 3:
		w.violated("process %d sends %s for the fourth time", p.id, token)
	}
	s.sends++
	s.mustReplay = false
}

// late is about a request whose time was up before it left, because its machine slept.
func (w *world) late(t *turn) {
	if s := t.proc.session; s != nil {
		s.mustReplay = false
	}
}

// heard is about the outcome of a request that a process learns.
func (w *world) heard(t *turn) {
	x := t.exchange
	w.tracef("  hears %d %s %v", x.answer.status, x.answer.body, x.answer.failure)
	if x.abandoned {
		w.violated("process %d abandons a request in flight", t.proc.id)
	}
	t.ask.got = t.ask.got || x.answer.admitted
	s := t.proc.session
	if x.form.Get("refresh_token") == "" || s == nil {
		return
	}
	s.unknown = !x.answer.clear
	s.mustReplay = s.unknown && s.sends < 3 && t.proc.now().Sub(s.intentAt) <= 15*time.Second
	if x.answer.refused != "" {
		w.refused[x.answer.refused] = true
		s.refused = true
	}
	if x.answer.rotation != nil {
		t.proc.pending = x.answer.rotation
	}
}

// notStored is what becomes of an answer whose holder dies or cannot write.
func (w *world) notStored(p *process) {
	if p.pending != nil {
		p.pending.faulty = true
	}
}

// checkAnswer is about what a client gets.
func (w *world) checkAnswer(a *ask) {
	if a.cancelled {
		if a.err != nil && authsome.KindOf(a.err) != authsome.KindCancelled && a.proc.faults == a.faults {
			w.violated("a cancelled ask fails with %v", a.err)
		}
		return
	}
	broken := a.proc.faults > 0
	switch {
	case a.what == "login":
		if a.err != nil && !broken && a.got && !a.unlocked {
			w.violated("ask %d: the server has let the client in, and yet: %v", a.id, a.err)
		}
	case a.err == nil && a.credential != nil:
		w.checkCredential(a)
	case a.err == nil:
	case authsome.KindOf(a.err) == authsome.KindVaultUnavailable && broken:
	case authsome.KindOf(a.err) != authsome.KindRefreshFailed || a.what == "describe":
		w.violated("ask %d fails with %v", a.id, a.err)
	case w.alwaysGood(a):
		w.violated("ask %d fails with %v, and the stored token is good", a.id, a.err)
	}
}

// alwaysGood reports whether the stored token could be used as long as a client waited.
func (w *world) alwaysGood(a *ask) bool {
	return !slices.ContainsFunc(w.history[max(a.from, 0):], func(s *state) bool {
		return !s.ExpiresAt.IsZero() && !a.clocks[1].Before(s.ExpiresAt)
	})
}

// checkCredential is about a token that is handed out.
func (w *world) checkCredential(a *ask) {
	c := a.credential
	w.handed = append(w.handed, c.Generation)
	held, settled := false, false
	for _, s := range w.history[a.from:] {
		if s.AccessToken == c.Value.Reveal() {
			held = true
			settled = settled || !s.pendingOutcome()
		}
	}
	began := w.history[a.from]
	if a.read >= 0 {
		began = w.history[a.read]
	}
	age := a.clocks[0].Sub(began.ObtainedAt)
	switch {
	case !held:
		w.violated("ask %d gets %s, which the vault did not hold", a.id, c.Value.Reveal())
	case !c.ExpiresAt.IsZero() && a.proc.machine.jumps == 0 && !a.clocks[0].Before(c.ExpiresAt):
		w.violated("ask %d gets a token that has expired", a.id)
	case c.Warning != nil:
	case !settled:
		w.violated("ask %d gets %s without a warning, and the outcome of a refresh is not known", a.id, c.Value.Reveal())
	case a.opts.Refresh && c.Generation <= began.Generation:
		w.violated("ask %d wants another token than generation %d, and gets it", a.id, c.Generation)
	case a.opts.Rejected == c.Generation && began.Generation == c.Generation && a.opts.Rejected != 0 && age >= time.Minute:
		w.violated("ask %d gets generation %d, which the API has rejected", a.id, c.Generation)
	}
}
