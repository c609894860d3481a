package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"authsome"
	"authsome/internal/policy"
	"authsome/internal/proxy"
)

// How long the first and any further attempt to read the connections waits after one that failed.
const (
	soon      = time.Second
	notSoSoon = 30 * time.Second
)

// follower has a proxy that is open go by what a person changes: it gives it the routes of logins at providers that had none before,
// and has it heed what is changed about the connections that were chosen, about definitions, and about the project's file. Who was
// chosen when it was opened stays: neither another default nor a further login makes it act as somebody else.
type follower struct {
	app    *app
	layer  authsome.AuthLayer
	bounds *limits
	policy *policy.Policy // of the bounds
	proxy  *proxy.Proxy
	chosen *chosenRoutes
	learn  func(*chosenRoutes)
	closed bool // nobody agrees to what the bounds say any more
}

// run looks whenever what is stored has changed, until ctx ends.
func (f *follower) run(ctx context.Context, changed <-chan struct{}) {
	again := time.NewTimer(0) // once now: something may have come since the routes were chosen
	defer again.Stop()
	wait := soon
	for {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-changed:
			if !ok {
				return
			}
		case <-again.C:
		}
		if err := f.look(ctx); err != nil {
			f.app.log.Warn("proxy: look for new logins", "error", err)
			again.Reset(wait)
			wait = min(2*wait, notSoSoon)
			continue
		}
		wait = soon
	}
}

// look has the proxy go by what there is now, if that has changed.
func (f *follower) look(ctx context.Context) error {
	bounds, withdrawn, err := f.app.renewed(f.bounds)
	if err != nil {
		return err
	}
	profile, err := f.app.profile()
	if err != nil {
		return err
	}
	all, err := f.layer.List(ctx, profile)
	if err != nil {
		return err
	}
	next, err := f.choose(ctx, all, bounds)
	if err != nil {
		return err
	}
	rules := f.policy
	if bounds != f.bounds || !next.same(f.chosen) {
		rules = f.policy.Renew(bounds.configuration(next, f.app.env.Now))
	} else if withdrawn == f.closed {
		f.learned(next)
		return nil
	}
	f.bounds, f.policy, f.closed = bounds, rules, withdrawn
	if withdrawn {
		nothing, err := bounds.nothing()
		if err != nil {
			return err
		}
		rules = policy.New(nothing)
	}
	f.proxy.Extend(next.routes, rules, next.newCredentials)
	f.learned(next)
	return nil
}

func (f *follower) learned(next *chosenRoutes) {
	f.chosen = next
	f.learn(next)
}

// choose returns what is chosen now: at each provider the connections that were, by what is known of them now, and at providers
// that had none, what a run would choose that begins.
func (f *follower) choose(ctx context.Context, all []authsome.Connection, bounds *limits) (*chosenRoutes, error) {
	choices, err := bounds.choices()
	if err != nil {
		return nil, err
	}
	before, err := f.bounds.choices()
	if err != nil {
		return nil, err
	}
	connected := make(map[authsome.ProviderName][]authsome.Connection)
	for _, c := range all {
		connected[c.Provider] = append(connected[c.Provider], c)
	}
	next := f.chosen
	put := func(name authsome.ProviderName, part *chosenRoutes, err error) {
		parts := maps.Clone(next.parts)
		if delete(parts, name); part != nil {
			parts[name] = part
		}
		var joined *chosenRoutes
		if err == nil {
			joined, err = join(parts)
		}
		if err != nil { // a run that is begun now would fail by it
			f.app.log.Warn("proxy: a change is not heeded", "provider", string(name), "error", err)
			return
		}
		next = joined
	}
	for _, name := range slices.Sorted(maps.Keys(next.parts)) {
		switch {
		case !policy.Permits(string(name), bounds.flags, bounds.file):
			put(name, nil, nil)
		case !sameChoices(before, choices, name) && len(connected[name]) > 0:
			put(name, nil, nil) // first: if it cannot be had, nobody's credential is used
			part, err := choosePart(ctx, f.layer, connected[name], choices)
			put(name, part, err)
		default:
			part, err := next.parts[name].again(ctx, f.layer, connected[name])
			put(name, part, err)
		}
	}
	fresh := next.unserved(all, bounds)
	for _, name := range slices.Sorted(maps.Keys(fresh)) {
		part, err := choosePart(ctx, f.layer, fresh[name], choices)
		put(name, part, err)
	}
	masking := *next // others may be reading what was chosen before
	masking.settings.Masked = leftOut(ctx, f.layer, connected, bounds)
	return &masking, nil
}

// again makes the same choice by what is known now. Connections that are gone stay as they were: whoever asks for them is told.
func (r *chosenRoutes) again(ctx context.Context, layer authsome.AuthLayer, all []authsome.Connection) (*chosenRoutes, error) {
	next := newChosenRoutes()
	for _, p := range r.picks {
		c := p.connection
		if i := slices.IndexFunc(all, func(now authsome.Connection) bool { return now.Ref == c.Ref }); i >= 0 {
			c = all[i]
		}
		var err error
		if p.choice.where != nil {
			err = next.addRoute(ctx, layer, c, p.choice)
		} else {
			err = next.add(ctx, layer, c)
		}
		if err != nil {
			return nil, err
		}
	}
	return next, nil
}

// same reports whether a proxy does the same by both.
func (r *chosenRoutes) same(other *chosenRoutes) bool { return r.text() == other.text() }

// text writes down what a proxy goes by.
func (r *chosenRoutes) text() string {
	var b strings.Builder
	for _, route := range r.routes {
		fmt.Fprintln(&b, route.Ref, route.Hosts, route.Excluded, route.Only, route.Guard)
	}
	fmt.Fprintln(&b, r.safePosts, r.unsafeGets)
	for _, rule := range r.newCredentials {
		fmt.Fprintln(&b, rule.String())
	}
	return b.String()
}

// sameChoices reports whether two lists of choices say the same about a provider.
func sameChoices(a, b []choice, name authsome.ProviderName) bool {
	text := func(all []choice) string {
		var b strings.Builder
		for _, c := range all {
			if c.provider == name {
				fmt.Fprintln(&b, c.connection, c.where)
			}
		}
		return b.String()
	}
	return text(a) == text(b)
}

// unserved returns the connections of providers that may be used and have no route, or none but those of connections that are
// gone.
func (r *chosenRoutes) unserved(all []authsome.Connection, bounds *limits) map[authsome.ProviderName][]authsome.Connection {
	served := make(map[authsome.ProviderName]bool)
	found := make(map[authsome.ProviderName][]authsome.Connection)
	for _, c := range all {
		if _, ok := r.connections[c.Ref]; ok {
			served[c.Provider] = true
		}
		if policy.Permits(string(c.Provider), bounds.flags, bounds.file) {
			found[c.Provider] = append(found[c.Provider], c)
		}
	}
	maps.DeleteFunc(found, func(p authsome.ProviderName, _ []authsome.Connection) bool { return served[p] })
	return found
}

// split passes on what a channel receives to two, until ctx ends. Of nil it makes nil.
func split(ctx context.Context, in <-chan struct{}) (a, b <-chan struct{}) {
	if in == nil {
		return nil, nil
	}
	first, second := make(chan struct{}, 1), make(chan struct{}, 1)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case _, ok := <-in:
				if !ok {
					return
				}
			}
			for _, out := range []chan struct{}{first, second} {
				select {
				case out <- struct{}{}:
				default: // one is waiting already
				}
			}
		}
	}()
	return first, second
}
