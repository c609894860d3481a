package cli

import (
	"context"
	"maps"
	"slices"
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

// follower gives a proxy that is open the routes of logins at providers that had none before. What was chosen when it was
// opened stays: neither another default nor a further login makes it act as somebody else.
type follower struct {
	app    *app
	layer  authsome.AuthLayer
	bounds *limits
	policy *policy.Policy // of the beginning: its counts go on
	proxy  *proxy.Proxy
	chosen *chosenRoutes
	learn  func(*chosenRoutes)
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

// look extends the proxy if there is a reason to.
func (f *follower) look(ctx context.Context) error {
	profile, err := f.app.profile()
	if err != nil {
		return err
	}
	all, err := f.layer.List(ctx, profile)
	if err != nil {
		return err
	}
	fresh := f.chosen.unserved(all, f.bounds)
	if len(fresh) == 0 {
		return nil
	}
	choices, err := f.bounds.choices()
	if err != nil {
		return err
	}
	next := f.chosen
	for _, name := range slices.Sorted(maps.Keys(fresh)) {
		more := next.without(name)
		err := more.addProvider(ctx, f.layer, fresh[name], choices)
		if err == nil {
			more.order()
			err = more.checkClaims()
		}
		if err != nil { // a run that is begun now would fail by it
			f.app.log.Warn("proxy: a new login is not used", "provider", string(name), "error", err)
			continue
		}
		next = more
	}
	if next != f.chosen {
		f.chosen = next
		f.proxy.Extend(next.routes, f.policy.WithSafePosts(next.safePosts), next.newCredentials)
		f.learn(next)
	}
	return nil
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

// without returns a copy that has no route of a provider.
func (r *chosenRoutes) without(name authsome.ProviderName) *chosenRoutes {
	c := *r
	c.routes = slices.DeleteFunc(slices.Clone(r.routes), func(x proxy.Route) bool { return x.Ref.Provider == name })
	c.definitions = slices.DeleteFunc(slices.Clone(r.definitions), func(p *authsome.Provider) bool { return p.Name == name })
	c.connections = maps.Clone(r.connections)
	maps.DeleteFunc(c.connections, func(ref authsome.Ref, _ authsome.Connection) bool { return ref.Provider == name })
	c.safePosts, c.newCredentials = slices.Clone(r.safePosts), slices.Clone(r.newCredentials)
	c.settings.Placeholders = slices.Clone(r.settings.Placeholders)
	c.settings.Withhold = slices.Clone(r.settings.Withhold)
	c.settings.Plain = slices.Clone(r.settings.Plain)
	return &c
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
