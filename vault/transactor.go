package vault

import "context"

// Transactor is a [Store] whose users can look and write at one moment. A vault in one keeps a list of its records,
// and so notices a record that was put back to an earlier state, or removed; see manifest.go.
type Transactor interface {
	// ListWith returns what List does, and the row of one more key if there is one, as all of them were at one moment.
	ListWith(ctx context.Context, prefix, also Key) ([]Row, error)
	// Update calls do while nobody else writes. What do does takes place as a whole when it returns nil, and not at all
	// when it fails or the process ends before.
	Update(ctx context.Context, do func(context.Context, Tx) error) error
}

// Tx is a write that has begun. Its methods fail as those of the [Store] and the [Batcher] do.
type Tx interface {
	// Get returns one row. It fails with ErrNotFound.
	Get(ctx context.Context, key Key) (Row, error)
	// List returns the rows whose keys begin with prefix, in the byte order of their keys.
	List(ctx context.Context, prefix Key) ([]Row, error)
	// Apply does the mutations in order. After a failure the whole write has failed.
	Apply(ctx context.Context, mutations []Mutation) error
	// Set writes rows as they are, in place of those with the same keys, whatever their versions are.
	Set(ctx context.Context, rows []Row) error
}

// Marker is a [Store] that can keep a few bytes in a second place, which is not replaced along with the first. A vault
// keeps there how far it has got.
type Marker interface {
	// Mark returns what SetMark has kept, or nothing.
	Mark(ctx context.Context) ([]byte, error)
	// SetMark replaces it in one step. With durable set it survives the death of the machine once SetMark has returned;
	// without, the one before may come back then.
	SetMark(ctx context.Context, mark []byte, durable bool) error
}
