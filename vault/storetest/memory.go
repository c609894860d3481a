package storetest

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"sync"

	"authsome/vault"
)

// Memory is a [vault.Store] in memory, for the tests of what lies above. Its rows outlive Close, so that opening it
// again stands for another process. Use [NewMemory].
type Memory struct {
	mu     sync.Mutex // guards what follows
	rows   Rows
	locks  map[vault.Key]chan struct{}
	writes uint64
}

var (
	_ vault.Store   = (*Memory)(nil)
	_ vault.Stamper = (*Memory)(nil)
)

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{rows: make(Rows), locks: make(map[vault.Key]chan struct{})}
}

// Get implements [vault.Store].
func (m *Memory) Get(ctx context.Context, key vault.Key) (vault.Row, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rows.Get(ctx, key)
}

// List implements [vault.Store].
func (m *Memory) List(ctx context.Context, prefix vault.Key, others ...vault.Key) ([]vault.Row, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rows.List(ctx, prefix, others...)
}

// Update implements [vault.Store].
func (m *Memory) Update(ctx context.Context, do func(context.Context, vault.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	rows := maps.Clone(m.rows)
	if err := do(context.WithoutCancel(ctx), rows); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	m.rows = rows
	m.writes++
	return nil
}

// Lock implements [vault.Store] among the users of this Memory.
func (m *Memory) Lock(ctx context.Context, key vault.Key) (func(), error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("lock %s: %w", key, err)
	}
	m.mu.Lock()
	held := m.locks[key]
	if held == nil {
		held = make(chan struct{}, 1)
		m.locks[key] = held
	}
	m.mu.Unlock()
	select {
	case held <- struct{}{}:
		return sync.OnceFunc(func() { <-held }), nil
	case <-ctx.Done():
		return nil, fmt.Errorf("lock %s: %w", key, ctx.Err())
	}
}

// Stamp implements [vault.Stamper].
func (m *Memory) Stamp(context.Context) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return strconv.FormatUint(m.writes, 10), nil
}

// Close does nothing.
func (m *Memory) Close() error { return nil }
