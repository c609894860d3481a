package simulation

import (
	"context"
	"encoding/json"
	"time"

	"authsome"
)

// foreign lets a program that knows no locks replace the login, such as an earlier version, or a restored backup.
func (w *world) foreign() bool {
	row := w.store.rows[connectionKey]
	var fields map[string]any
	if err := json.Unmarshal(w.value(), &fields); err != nil {
		w.violated("%v", err)
		return true
	}
	refresh, access := w.server.newGrant()
	fields["access_token"], fields["refresh_token"] = access.value, refresh.value
	fields["generation"] = w.current().Generation + 1
	fields["obtained_at"] = time.Now().UTC()
	if w.life > 0 {
		fields["expires_at"], fields["lifetime"] = time.Now().Add(w.life).UTC(), int(w.life/time.Second)
	}
	delete(fields, "invalid")
	delete(fields, "refresh")
	value, err := json.Marshal(fields)
	if err != nil {
		w.violated("%v", err)
		return true
	}
	w.tracef("a foreign program logs in")
	if _, err := w.vault.Put(context.Background(), connectionKey, value, row.Version); err != nil {
		w.violated("%v", err)
	}
	w.committed(nil, nil)
	return true
}

// finish ends all faults, and looks whether the login is of use.
func (w *world) finish() {
	w.tracef("calm")
	w.calm = true
	for _, m := range w.machines {
		m.asleep = false
	}
	for _, p := range w.procs {
		p.stopped, p.full = false, false
	}
	w.run()
	asker := w.one(func(*process) bool { return true })
	if asker == nil || w.chance(0.5) {
		asker = w.process(w.machines[w.rng.IntN(len(w.machines))])
	}
	if w.chance(0.5) {
		w.final(asker, "get", authsome.CredentialOptions{})
	}
	a := w.lastAsk(asker)
	if w.violation != "" || a == nil {
		return
	}
	cur := w.current()
	switch works := w.server.works(cur.RefreshToken); {
	case a.err == nil && a.credential.Warning == nil && !w.server.accepts(a.credential.Value.Reveal()):
		w.violated("at last, %s is handed out, and the API does not accept it", a.credential.Value.Reveal())
	case a.err == nil && a.credential.Warning == nil:
		return
	case works:
		w.violated("the login lives, and cannot be used: %s", a.outcome())
	case !cur.Invalid && !w.refusalsFail:
		w.violated("the login is dead, and not invalid")
	default:
		w.lost = true
		w.final(asker, "get", authsome.CredentialOptions{}) // checkSend fails if that sends anything
	}
}

// final asks, and waits for the answer.
func (w *world) final(p *process, what string, opts authsome.CredentialOptions) *ask {
	if w.violation != "" {
		return nil
	}
	a := w.start(p, what, opts)
	w.run()
	return a
}

// lastAsk asks for a token that must be good, in one of the ways there are.
func (w *world) lastAsk(p *process) *ask {
	w.pass(10*time.Minute, "") // longer than any pause
	background := w.chance(0.5)
	var a *ask
	if w.chance(0.5) {
		a = w.final(p, "get", authsome.CredentialOptions{Refresh: true, Background: background})
		if !w.silent { // the answer may be a token that could not be stored before, and nobody knows how old is too old
			return a
		}
	} else {
		w.pass(w.life, "the token expires")
		a = w.final(p, "get", authsome.CredentialOptions{Background: background})
	}
	for range 2 {
		if w.violation != "" || a.err != nil || a.credential.Warning != nil || w.server.accepts(a.credential.Value.Reveal()) {
			return a
		}
		// A token that the vault takes for good and the API does not: a clock was wrong, a later request has ended it, or
		// nobody has said how long it lives. The API's 401 tells; for a token that seems to be new, the second one does.
		w.pass(2*time.Minute, "the API answers 401")
		a = w.final(p, "get", authsome.CredentialOptions{Rejected: a.credential.Generation, Background: background})
	}
	return a
}

func (w *world) pass(d time.Duration, why string) {
	w.tracef("+%s %s", d, why)
	time.Sleep(d)
}
