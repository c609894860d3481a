package simulation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"authsome"
)

// plan is what may happen in a schedule. Most allow few kinds of faults and many none at all: where nothing is to blame but
// the client, more can be asked of it.
type plan struct {
	rules
	machines int
	skewed   bool // their clocks differ, and are wrong
	asks     int
	left     int
	logins   bool // some people log in again
	hasty    bool // most clients come at once

	fates        []fate
	badNetwork   float64 // how likely each of what follows is at each step
	readFailures float64
	faults       []fault
}

// fault is something that happens to processes and machines.
type fault struct {
	name string
	rate float64
	do   func(w *world) bool
}

// everyFault are the faults there are.
func everyFault() []fault {
	return []fault{
		{"crash", 0.03, (*world).crash},
		{"stop", 0.02, (*world).stop},
		{"sleep", 0.015, (*world).sleep},
		{"jump", 0.02, (*world).clockJump},
		{"cancel", 0.05, (*world).giveUp},
		{"full", 0.02, (*world).fill},
		{"foreign", 0.01, (*world).foreign},
	}
}

// lives are how long access tokens may live.
var lives = []time.Duration{0, time.Minute, 5 * time.Minute, time.Hour, time.Hour, 8 * time.Hour}

func newPlan(r *rand.Rand) plan {
	maybe := func(p float64) bool { return r.Float64() < p }
	p := plan{
		rules: rules{
			reuse: reuse(r.IntN(int(reuses))),
			grace: []time.Duration{5 * time.Second, 30 * time.Second, time.Minute, 2 * time.Hour}[r.IntN(4)],
			life:  lives[r.IntN(len(lives))],
		},
		machines: 1 + r.IntN(2), asks: 2 + r.IntN(7), logins: maybe(0.2), hasty: maybe(0.5), skewed: maybe(0.1),
	}
	p.endsAccess, p.losersFail, p.refusalsFail = maybe(0.4), maybe(0.2), maybe(0.1)
	p.silent, p.oneLogin = maybe(0.1), maybe(0.3)
	if maybe(0.6) {
		p.badNetwork = []float64{0.1, 0.3, 0.6}[r.IntN(3)]
		for f := range fates {
			if f != arrives && maybe(0.3) {
				p.fates = append(p.fates, f)
			}
		}
		if len(p.fates) == 0 {
			p.badNetwork = 0
		}
	}
	if maybe(0.1) {
		p.readFailures = 0.02
	}
	for _, f := range everyFault() {
		if maybe(0.2) {
			p.faults = append(p.faults, f)
		}
	}
	return p
}

func (p plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "server %s grace %s life %s", p.reuse, p.grace, p.life)
	for name, is := range map[string]bool{
		"silent": p.silent, "ends access tokens": p.endsAccess, "500 for losers": p.losersFail, "500 for refusals": p.refusalsFail,
		"one login": p.oneLogin, "skewed clocks": p.skewed,
	} {
		if is {
			b.WriteString(", " + name)
		}
	}
	fmt.Fprintf(&b, "; %d machines, %d asks; network %v %v", p.machines, p.asks, p.badNetwork, p.fates)
	for _, f := range p.faults {
		b.WriteString(", " + f.name)
	}
	return b.String()
}

// disturb does something bad, now and then.
func (w *world) disturb() bool {
	for _, f := range w.faults {
		if w.chance(f.rate) && f.do(w) {
			w.mix(uint64(len(f.name)))
			return true
		}
	}
	return false
}

// one picks one of the processes that fit; nil if there are none.
func (w *world) one(fits func(*process) bool) *process {
	var all []*process
	for _, p := range w.procs {
		if !p.dead && fits(p) {
			all = append(all, p)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all[w.rng.IntN(len(all))]
}

func (w *world) isBusy(p *process) bool {
	return slices.ContainsFunc(w.asks, func(a *ask) bool { return a.proc == p })
}

func (w *world) crash() bool {
	p := w.one(w.isBusy)
	if p == nil {
		return false
	}
	w.tracef("process %d is killed", p.id)
	w.kill(p)
	return true
}

func (w *world) stop() bool {
	p := w.one(func(p *process) bool { return !p.stopped && w.isBusy(p) })
	if p == nil {
		return false
	}
	d := w.span(time.Second, 3*time.Hour)
	w.tracef("process %d is stopped for %s", p.id, d)
	p.stopped = true
	w.mail(d, func() { p.stopped = false; w.tracef("process %d goes on", p.id) })
	return true
}

func (w *world) sleep() bool {
	m := w.machines[w.rng.IntN(len(w.machines))]
	if m.asleep {
		return false
	}
	d := w.span(time.Second, 12*time.Hour)
	w.tracef("machine %d sleeps for %s", m.id, d)
	m.asleep = true
	w.mail(d, func() { m.asleep = false; w.tracef("machine %d awakes", m.id) })
	return true
}

func (w *world) clockJump() bool {
	m := w.machines[w.rng.IntN(len(w.machines))]
	for _, a := range w.asks {
		if a.proc.machine == m {
			a.ticks()
		}
	}
	d := w.jump()
	w.tracef("the clock of machine %d jumps by %s", m.id, d)
	m.jump(d)
	for _, a := range w.asks {
		if a.proc.machine == m {
			a.ticks()
		}
	}
	return true
}

func (m *machine) jump(d time.Duration) {
	m.offset += d
	m.jumps++
}

func (w *world) jump() time.Duration {
	d := w.span(time.Second, 400*24*time.Hour)
	if w.chance(0.5) {
		return -d
	}
	return d
}

func (w *world) giveUp() bool {
	if len(w.asks) == 0 {
		return false
	}
	a := w.asks[w.rng.IntN(len(w.asks))]
	if a.cancelled || a.proc.frozen() || a.what == "login" {
		return false
	}
	w.tracef("ask %d of process %d is cancelled", a.id, a.proc.id)
	a.cancelled = true
	a.cancel()
	return true
}

func (w *world) fill() bool {
	p := w.one(func(p *process) bool { return !p.full })
	if p == nil {
		return false
	}
	p.full, p.lying = true, w.chance(0.3)
	d := w.span(10*time.Millisecond, time.Hour)
	w.tracef("the disk of process %d is full for %s", p.id, d)
	w.mail(d, func() { p.full = false; w.tracef("the disk of process %d has room", p.id) })
	return true
}

func (w *world) gap() time.Duration {
	longest := 2 * time.Hour
	if w.life > 0 {
		longest = 2 * w.life
	}
	switch p := w.rng.Float64(); {
	case p < 0.4 || w.hasty && p < 0.75:
		return time.Duration(w.rng.IntN(50)) * time.Millisecond
	case p < 0.8:
		return w.span(50*time.Millisecond, 30*time.Second)
	default:
		return w.span(30*time.Second, longest)
	}
}

// someAsk lets a client ask for something: one of a process that runs already, or the command.
func (w *world) someAsk() {
	p := w.one(func(p *process) bool { return !p.frozen() })
	m := w.machines[w.rng.IntN(len(w.machines))]
	if p == nil || w.chance(0.4) {
		if m.asleep {
			return
		}
		p = w.process(m)
	}
	var opts authsome.CredentialOptions
	switch i := w.rng.IntN(20); {
	case i < 8:
	case i < 11:
		opts.Refresh = true
	case i < 13:
		opts.Background = true
	case i < 16 && len(w.handed) > 0:
		opts.Rejected, opts.Background = w.handed[w.rng.IntN(len(w.handed))], w.chance(0.5)
	case i < 18:
		w.start(p, "describe", opts)
		return
	case w.logins:
		w.start(p, "login", opts)
		return
	}
	w.start(p, "get", opts)
}
