package storetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"authsome/vault"
)

// Memory is a [vault.Store] in memory, for the tests of what lies above. Its rows outlive Close, so that opening it
// again stands for another process. Use [NewMemory].
type Memory struct {
	mu     sync.Mutex // guards what follows
	rows   map[vault.Key]vault.Row
	locks  map[vault.Key]chan struct{}
	writes uint64
}

var (
	_ vault.Store    = (*Memory)(nil)
	_ vault.Batcher  = (*Memory)(nil)
	_ vault.Rewriter = (*Memory)(nil)
	_ vault.Stamper  = (*Memory)(nil)
)

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{rows: make(map[vault.Key]vault.Row), locks: make(map[vault.Key]chan struct{})}
}

// Get implements [vault.Store].
func (m *Memory) Get(ctx context.Context, key vault.Key) (vault.Row, error) {
	if err := ctx.Err(); err != nil {
		return vault.Row{}, fmt.Errorf("read %s: %w", key, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	row, ok := m.rows[key]
	if !ok {
		return vault.Row{}, fmt.Errorf("read %s: %w", key, vault.ErrNotFound)
	}
	return clone(row), nil
}

// Put implements [vault.Store].
func (m *Memory) Put(ctx context.Context, row vault.Row) error {
	return m.Batch(ctx, []vault.Mutation{{Row: row}})
}

// Delete implements [vault.Store].
func (m *Memory) Delete(ctx context.Context, key vault.Key) error {
	return m.Batch(ctx, []vault.Mutation{{Row: vault.Row{Key: key}, Delete: true}})
}

// List implements [vault.Store].
func (m *Memory) List(ctx context.Context, prefix vault.Key) ([]vault.Row, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("list %q: %w", prefix, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []vault.Row
	for _, key := range slices.Sorted(maps.Keys(m.rows)) {
		if strings.HasPrefix(string(key), string(prefix)) {
			found = append(found, clone(m.rows[key]))
		}
	}
	return found, nil
}

// Batch implements [vault.Batcher].
func (m *Memory) Batch(ctx context.Context, mutations []vault.Mutation) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	rows := maps.Clone(m.rows)
	for _, mutation := range mutations {
		if err := mutate(rows, mutation); err != nil {
			return fmt.Errorf("write %s: %w", mutation.Key, err)
		}
	}
	m.rows = rows
	m.writes++
	return nil
}

// Rewrite implements [vault.Rewriter].
func (m *Memory) Rewrite(ctx context.Context, change func([]vault.Row) ([]vault.Row, error)) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("rewrite: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []vault.Row
	for _, key := range slices.Sorted(maps.Keys(m.rows)) {
		all = append(all, clone(m.rows[key]))
	}
	changed, err := change(all)
	if err != nil {
		return fmt.Errorf("rewrite: %w", err)
	}
	rows := maps.Clone(m.rows)
	for _, row := range changed {
		if _, ok := rows[row.Key]; !ok {
			return fmt.Errorf("rewrite %s: %w", row.Key, vault.ErrConflict)
		}
		rows[row.Key] = clone(row)
	}
	m.rows = rows
	m.writes++
	return nil
}

func mutate(rows map[vault.Key]vault.Row, m vault.Mutation) error {
	stored := rows[m.Key].Version // 0 if absent
	switch {
	case m.Check:
		if m.Version != stored || stored == 0 {
			return vault.ErrConflict
		}
	case m.Delete && (m.Version == 0 || m.Version == stored):
		delete(rows, m.Key)
	case !m.Delete && m.Version == stored+1:
		rows[m.Key] = clone(m.Row)
	default:
		return vault.ErrConflict
	}
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

func clone(row vault.Row) vault.Row {
	row.Sealed = slices.Clone(row.Sealed)
	return row
}
