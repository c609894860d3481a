package agent

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// DefaultTimeout is how long a key stays that nobody uses.
	DefaultTimeout = time.Hour
	// DefaultLifetime is how long a key stays at all: a day's work.
	DefaultLifetime = 12 * time.Hour
)

// ErrRunning says that the home has an agent already.
var ErrRunning = errors.New("an agent is running")

// Config says how an agent behaves.
type Config struct {
	// Dir is the directory of the socket, which belongs to the user alone. It is created with mode 0700.
	Dir string
	// Timeout is how long a key stays that nobody uses; DefaultTimeout if zero.
	Timeout time.Duration
	// Lifetime is how long a key stays, used or not; DefaultLifetime if zero.
	Lifetime time.Duration
	// Linger is how long the agent stays without a key, unless it is locked and goes at once. 0 means that it stays in
	// either case.
	Linger time.Duration
	// Confirm has a person agree to each use; nobody is asked if nil.
	Confirm Asker
	// Now is the clock; time.Now if nil.
	Now func() time.Time
	// Ready is called once clients can come.
	Ready func()
}

// Run is the life of an agent. It ends when ctx does or, if Config.Linger says so, when there is nothing to keep. The keys
// are overwritten then. It fails with [ErrRunning].
func Run(ctx context.Context, cfg Config) (err error) {
	if err := protect(); err != nil {
		return err
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.Lifetime <= 0 {
		cfg.Lifetime = DefaultLifetime
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	keys, err := newKeyring(cfg.Timeout, cfg.Lifetime, cfg.Now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, keys.close()) }()
	var g *gate
	if cfg.Confirm != nil {
		g = newGate(cfg.Confirm, cfg.Now)
	}
	s, err := newServer(keys, g, identify)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	e, err := listen(cfg.Dir)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var serving sync.WaitGroup
	serving.Go(func() { s.serve(ctx, e) })
	if cfg.Ready != nil {
		cfg.Ready()
	}
	s.watch(ctx, cfg.Linger)
	cancel()
	err = e.Close()
	serving.Wait()
	return err
}
