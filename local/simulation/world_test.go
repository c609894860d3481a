package simulation

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"authsome"
	"authsome/local"
	"authsome/vault"
	"authsome/vault/storetest"
)

var acme = authsome.Ref{Profile: "default", Provider: "acme", Connection: "default"}

const (
	connectionKey = vault.Key("profile/default/provider/acme/connection/default")
	definition    = `{
	"schema_version": 1, "name": "acme", "display_name": "Acme", "auth_type": "oauth2", "flow": "pkce", "host_url": "api.acme.test",
	"oauth": {
		"authorization_url": "https://acme.test/authorize", "token_url": "https://acme.test/token", "scopes": ["read"],
		"pkce": "required", "client_auth": "post"
	}
}`
	redirectURI = "http://127.0.0.1:9/callback"
)

// scene is what all schedules share: a home that holds the definition and nothing else, and what the vault holds after a login.
// That one is done once for each kind of server, because it takes as long as the rest of a schedule.
type scene struct {
	home     string
	loggedIn map[issue]*shared
}

// issue is what the record of a login depends on.
type issue struct {
	life   time.Duration
	silent bool
}

// loginTook is how long the login of a scene took.
const loginTook = 20 * time.Millisecond

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{home: t.TempDir(), loggedIn: make(map[issue]*shared)}
	providers := filepath.Join(s.home, local.ProvidersDir)
	if err := os.MkdirAll(providers, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(providers, "acme.json"), []byte(definition), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, life := range lives {
		for _, silent := range []bool{false, true} {
			s.loggedIn[issue{life, silent}] = s.login(t, rules{life: life, silent: silent})
		}
	}
	return s
}

// login returns what an undisturbed login leaves in an empty vault.
func (s *scene) login(t *testing.T, r rules) (left *shared) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(s, 0)
		w.plan = plan{rules: r, machines: 1}
		w.server = newServer(w, r)
		w.calm = true
		w.populate()
		w.start(w.process(w.machines[0]), "login", authsome.CredentialOptions{})
		w.run()
		if w.violation != "" || w.current() == nil {
			t.Errorf("the first login: %s", w.violation)
		}
		left = w.store
		w.end()
	})
	return left
}

// world is one schedule. All but the processes' own doing happens on the goroutine of its scheduler.
type world struct {
	*scene
	plan

	rng   *rand.Rand
	began time.Time
	calm  bool // no more faults

	store    *shared
	server   *server
	machines []*machine
	procs    []*process
	asks     []*ask // that are not done
	asked    int    // how many there have been
	nextAsk  time.Time
	post     []parcel
	posted   int
	handed   []uint64 // generations that clients hold

	mu     sync.Mutex // guards parked
	parked []*turn

	oracle
	steps int
	hash  uint64
	trace *strings.Builder // nil: nobody will read it
}

// parcel is something that will happen.
type parcel struct {
	at  time.Time
	seq int
	do  func()
}

// result is what a schedule has come to.
type result struct {
	violation string
	trace     string
	hash      uint64
	steps     int
	sends     int
	lost      bool // the login, by a fault of the world
}

// simulate runs the schedule of a seed.
func (s *scene) simulate(t *testing.T, seed uint64, trace bool) (r result) {
	synctest.Test(t, func(*testing.T) {
		w := newWorld(s, seed)
		if trace {
			w.trace = &strings.Builder{}
		}
		w.plan = newPlan(w.rng)
		w.server = newServer(w, w.rules)
		w.tracef("seed %d: %s", seed, w.plan)
		w.begin()
		w.run()
		if w.violation == "" {
			w.finish()
		}
		w.end()
		r = result{violation: w.violation, hash: w.hash, steps: w.steps, sends: w.sends, lost: w.lost}
		if trace {
			r.trace = w.trace.String()
		}
	})
	return r
}

func newWorld(s *scene, seed uint64) *world {
	return &world{
		scene: s, rng: rand.New(rand.NewPCG(seed, 0x5eed)), began: time.Now(),
		store: &shared{rows: make(storetest.Rows), locks: make(map[vault.Key]*process)},
	}
}

// populate makes machines and a vault.
func (w *world) populate() {
	for i := range w.plan.machines {
		w.machines = append(w.machines, &machine{id: i})
	}
	w.oracle.open(w)
}

// begin makes a world in which somebody has logged in.
func (w *world) begin() {
	stored := w.loggedIn[issue{w.life, w.silent}]
	w.store.rows, w.store.mark = maps.Clone(stored.rows), stored.mark
	w.populate()
	w.server.newGrant()
	time.Sleep(loginTook)
	w.committed(nil, nil)
	w.start(w.process(w.machines[0]), "get", authsome.CredentialOptions{})
	if w.skewed {
		for _, m := range w.machines {
			m.jump(w.jump())
		}
	}
	w.left = w.plan.asks
	w.nextAsk = time.Now().Add(w.gap())
}

// process starts one.
func (w *world) process(m *machine) *process {
	p := &process{id: len(w.procs), world: w, machine: m}
	layer, err := local.Open(context.Background(), local.Config{
		Home: w.home, Keys: plainKeys{}, Store: &disk{w, p}, HTTP: &http.Client{Transport: &transport{w, p}}, Now: p.now,
		Jitter: func() float64 { return 0.5 },
	})
	if err != nil {
		w.violated("a vault cannot be opened: %v", err)
	}
	p.layer = layer
	w.procs = append(w.procs, p)
	return p
}

// start lets a client ask.
func (w *world) start(p *process, what string, opts authsome.CredentialOptions) *ask {
	a := &ask{
		id: w.asked, what: what, proc: p, opts: opts, begun: time.Now(), from: len(w.history) - 1, read: -1, faults: p.faults,
	}
	a.ticks()
	w.asked++
	w.asks = append(w.asks, a)
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), askKey{}, a))
	a.cancel = cancel
	w.tracef("ask %d of process %d: %s %+v", a.id, p.id, what, opts)
	go func() {
		defer func() { a.done = true }()
		switch what {
		case "login":
			a.err = w.login(ctx, p)
		case "describe":
			a.connection, a.err = p.layer.Connection(ctx, acme, opts)
		default:
			a.credential, a.err = p.layer.Credential(ctx, acme, opts)
		}
	}()
	return a
}

// login is what the command does, the person being quick and the browser a function.
func (w *world) login(ctx context.Context, p *process) error {
	step, err := p.layer.Authorize(ctx, authsome.LoginRequest{
		Ref: acme, Force: true, RedirectURI: redirectURI,
		Fields: map[authsome.FieldName]authsome.Secret{
			authsome.FieldClientID: authsome.NewSecret("client"), authsome.FieldClientSecret: authsome.NewSecret("secret"),
		},
	})
	if err != nil {
		return err
	}
	u, err := url.Parse(step.URL)
	if err != nil {
		return err
	}
	w.mu.Lock()
	code := fmt.Sprintf("code-%d", len(w.server.codes))
	w.server.codes[code] = true
	w.mu.Unlock()
	_, err = p.layer.Complete(ctx, step.ID, redirectURI+"?code="+code+"&state="+url.QueryEscape(u.Query().Get("state")))
	return err
}

// maxSteps is more than any schedule needs.
const maxSteps = 20000

// run lets things happen, one at a time, until nothing is left to happen.
func (w *world) run() {
	for w.violation == "" {
		synctest.Wait()
		w.collect()
		if w.steps++; w.steps > maxSteps {
			w.violated("the schedule does not end")
		}
		if w.violation != "" || !w.calm && w.disturb() {
			continue
		}
		if !w.step() && !w.wait() {
			return
		}
	}
}

// step does one of the things that can happen now.
func (w *world) step() bool {
	now := time.Now()
	ready := w.ready()
	due := 0
	for due < len(w.post) && !w.post[due].at.After(now) {
		due++
	}
	choices := len(ready) + due
	ask := w.left > 0 && !w.nextAsk.After(now)
	if ask {
		choices++
	}
	if choices == 0 {
		return false
	}
	switch i := w.rng.IntN(choices); {
	case i < len(ready):
		w.advance(ready[i])
	case i < len(ready)+due:
		i -= len(ready)
		do := w.post[i].do
		w.post = slices.Delete(w.post, i, i+1)
		w.mix(uint64(i))
		do()
	default:
		w.left--
		w.nextAsk = now.Add(w.gap())
		w.someAsk()
	}
	return true
}

// ready returns the goroutines that can go on, in an order that does not depend on when they came to wait.
func (w *world) ready() []*turn {
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.SortStableFunc(w.parked, func(a, b *turn) int {
		if a.ask.id != b.ask.id {
			return a.ask.id - b.ask.id
		}
		return int(a.kind) - int(b.kind)
	})
	var ready []*turn
	for _, t := range w.parked {
		if !t.proc.frozen() && t.canGoOn(w) {
			ready = append(ready, t)
		}
	}
	return ready
}

func (t *turn) canGoOn(w *world) bool {
	switch t.kind {
	case toLock, toAwait:
		return t.ctx.Err() != nil || w.store.holder(t.key) == nil
	case toListen:
		return t.ctx.Err() != nil || t.exchange.answer != nil
	default:
		return true
	}
}

// advance lets a goroutine do what it is about to do.
func (w *world) advance(t *turn) {
	t.ask.ticks()
	w.mix(uint64(t.kind), uint64(t.ask.id))
	w.tracef("ask %d of process %d: %s%s", t.ask.id, t.proc.id, t.kind, t.note())
	gone := t.ctx.Err()
	switch t.kind {
	case toRead, toWrite, toMark:
		if gone == nil {
			gone = w.touch(t)
		}
		w.let(t, gone)
	case hasWrote:
		w.let(t, nil)
	case toTry:
		if gone == nil && w.store.holder(t.key) != nil {
			t.kind = toAwait
			return
		}
		w.lock(t, gone)
	case toLock, toAwait:
		w.lock(t, gone)
	case toSend:
		if gone != nil {
			w.late(t)
			w.let(t, gone)
			return
		}
		w.checkSend(t)
		w.send(t)
	case toListen:
		w.listen(t, gone)
	}
}

func (t *turn) note() string {
	if t.key != "" {
		return " " + string(t.key)
	}
	return ""
}

// touch reads or writes.
func (w *world) touch(t *turn) error {
	if t.kind == toRead {
		if t.ask.read < 0 {
			t.ask.read = len(w.history) - 1
		}
		if !w.calm && w.chance(w.readFailures) {
			t.proc.faults++
			return fmt.Errorf("%w: simulated", vault.ErrUnavailable)
		}
	}
	return t.do()
}

func (w *world) lock(t *turn, gone error) {
	if gone != nil && (w.store.holder(t.key) != nil || w.chance(0.5)) {
		t.ask.unlocked = true
		w.let(t, gone)
		return
	}
	if t.kind == toAwait {
		w.let(t, nil)
		return
	}
	t.locked = true
	w.store.mu.Lock()
	w.store.locks[t.key] = t.proc
	w.store.mu.Unlock()
	if t.key == connectionKey {
		t.proc.session = &session{ask: t.ask, jumps: t.proc.machine.jumps}
	}
	w.let(t, nil)
}

// listen ends an exchange: by its answer, or because the time is up.
func (w *world) listen(t *turn, gone error) {
	x := t.exchange
	if gone != nil && (x.answer == nil || w.chance(0.5)) {
		x.end(gone)
		x.answer = &answer{failure: gone}
	} else {
		x.end(nil)
	}
	w.heard(t)
	w.let(t, nil)
}

// write is a write reaching the disk of a process.
func (w *world) write(p *process, a *ask, do func(context.Context, vault.Tx) error) error {
	broken := fmt.Errorf("%w: simulated", vault.ErrUnavailable)
	if p.full && !p.lying {
		p.faults++
		w.notStored(p)
		w.tracef("  the disk of process %d is full", p.id)
		return broken
	}
	before := w.store.rows[connectionKey]
	if err := w.store.update(context.Background(), do); err != nil {
		w.tracef("  %v", err)
		return err
	}
	if after := w.store.rows[connectionKey]; after.Version != before.Version {
		w.committed(p, a)
	}
	if p.full {
		p.faults++
		w.tracef("  the disk of process %d says that it is full", p.id)
		return broken
	}
	return nil
}

// mail makes something happen later.
func (w *world) mail(after time.Duration, do func()) {
	p := parcel{at: time.Now().Add(after), seq: w.posted, do: do}
	w.posted++
	i, _ := slices.BinarySearchFunc(w.post, p, func(a, b parcel) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return a.seq - b.seq
	})
	w.post = slices.Insert(w.post, i, p)
}

// wait lets time pass until something can happen. It reports false when nothing ever will.
func (w *world) wait() bool {
	now := time.Now()
	next := now.Add(time.Duration(math.MaxInt64 / 2))
	sooner := func(at time.Time) {
		if at.Before(next) {
			next = at
		}
	}
	if len(w.post) > 0 {
		sooner(w.post[0].at)
	}
	if w.left > 0 {
		sooner(w.nextAsk)
	}
	w.mu.Lock()
	parked := slices.Clone(w.parked)
	w.mu.Unlock()
	for _, t := range parked {
		if deadline, ok := t.ctx.Deadline(); ok && !t.proc.frozen() && (t.kind == toLock || t.kind == toAwait || t.kind == toListen) {
			sooner(deadline.Add(time.Millisecond))
		}
	}
	if w.pausing(parked) {
		sooner(now.Add(100 * time.Millisecond))
	}
	d := next.Sub(now)
	if d > 20*365*24*time.Hour {
		if len(w.asks) > 0 || len(parked) > 0 {
			w.violated("ask %d waits for ever", append(w.asks, parked[0].ask)[0].id)
		}
		return false
	}
	time.Sleep(max(d, time.Microsecond))
	w.mix(uint64(d))
	w.tracef("+%s", d)
	return true
}

// pausing reports whether a process waits for a timer of its own.
func (w *world) pausing(parked []*turn) bool {
	waits := func(p *process) bool {
		return slices.ContainsFunc(parked, func(t *turn) bool { return t.proc == p })
	}
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	for _, p := range w.store.locks {
		if !waits(p) {
			return true
		}
	}
	return slices.ContainsFunc(w.asks, func(a *ask) bool { return !waits(a.proc) })
}

// collect looks at the asks that have been answered.
func (w *world) collect() {
	for _, a := range w.asks {
		if !a.done || a.proc.dead {
			continue
		}
		a.ticks()
		a.cancel()
		w.mix(uint64(a.id))
		w.tracef("ask %d of process %d is answered: %s", a.id, a.proc.id, a.outcome())
		w.checkAnswer(a)
	}
	w.asks = slices.DeleteFunc(w.asks, func(a *ask) bool { return a.done || a.proc.dead })
}

func (a *ask) outcome() string {
	switch {
	case a.err != nil:
		return a.err.Error()
	case a.credential != nil && a.credential.Warning != nil:
		return a.credential.Value.Reveal() + ", warning: " + a.credential.Warning.Error()
	case a.credential != nil:
		return a.credential.Value.Reveal()
	default:
		return "done"
	}
}

// end brings all goroutines to an end.
func (w *world) end() {
	for _, p := range w.procs {
		w.kill(p)
	}
	time.Sleep(time.Minute) // nobody pauses for longer
}

// kill ends a process, as SIGKILL does.
func (w *world) kill(p *process) {
	w.mu.Lock()
	p.dead = true
	var its []*turn
	for _, t := range w.parked {
		if t.proc == p {
			its = append(its, t)
		}
	}
	w.mu.Unlock()
	w.store.free(p)
	w.notStored(p)
	for _, t := range its {
		if t.exchange != nil {
			t.exchange.end(errDead)
			t.exchange.answer = &answer{failure: errDead}
		}
		w.let(t, errDead)
	}
}

func (w *world) chance(p float64) bool { return p > 0 && w.rng.Float64() < p }

// span returns a time between two, short ones being as likely as long ones.
func (w *world) span(from, to time.Duration) time.Duration {
	return time.Duration(float64(from) * math.Pow(float64(to)/float64(from), w.rng.Float64()))
}

func (w *world) tracef(format string, args ...any) {
	if w.trace != nil {
		fmt.Fprintf(w.trace, "%12s  ", time.Since(w.began).Round(time.Millisecond))
		fmt.Fprintf(w.trace, format+"\n", args...)
	}
}

// mix makes the fingerprint of a schedule.
func (w *world) mix(values ...uint64) {
	for _, v := range values {
		w.hash = (w.hash ^ v) * 0x100000001b3
	}
}
