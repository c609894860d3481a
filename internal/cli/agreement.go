package cli

import (
	"context"
	"os"
	"path/filepath"

	"authsome"
	"authsome/internal/policy"
	"authsome/internal/poll"
	"authsome/internal/trust"
	"authsome/local"
)

// agreements returns a channel that receives when the list of trusted files has been written, until ctx ends.
func (a *app) agreements(ctx context.Context) <-chan struct{} {
	home, err := a.homeDir()
	if err != nil {
		return nil
	}
	path := filepath.Join(home, local.TrustFile)
	last, _ := os.Stat(path)
	return poll.Changes(ctx, func() bool {
		now, _ := os.Stat(path)
		changed := !sameFile(last, now)
		last = now
		return changed
	})
}

func sameFile(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// renewed returns what holds for a proxy that was opened with l: l itself, or what a person has agreed to since. What is written
// into the project's file counts for nothing: the proxy goes by what was agreed to, as long as it is. withdrawn reports that it is
// not, and that nothing has taken its place.
func (a *app) renewed(l *limits) (now *limits, withdrawn bool, err error) {
	if l.given.noFile || l.dir == "" {
		return l, false, nil
	}
	list, err := a.trustList()
	if err != nil {
		return nil, false, err
	}
	path, err := list.Find(l.dir, a.userHome())
	if err != nil {
		return nil, false, err
	}
	agreed := l.path == "" || list.State(l.path, l.content) == trust.Trusted
	if path == "" || path == l.path && agreed {
		return l, !agreed, nil
	}
	next := &limits{flags: l.flags, given: l.given, dir: l.dir}
	switch err := a.readProjectFileIn(next, list); {
	case authsome.KindOf(err) == authsome.KindDenied: // of a file that nobody has agreed to
		return l, !agreed, nil
	case err != nil:
		return nil, false, err
	}
	next.config, err = policy.Combine(next.flags, next.file)
	if err != nil {
		return nil, false, fileError(next.path, err)
	}
	return next, false, nil
}

// nothing is the configuration of a policy under which nothing may be requested, since the agreement to the file is gone.
func (l *limits) nothing() (policy.Config, error) {
	rule, err := policy.ParseRule("*", l.path+", which is no longer trusted")
	return policy.Config{Deny: []policy.Rule{rule}}, err
}
