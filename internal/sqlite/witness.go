package sqlite

import (
	"context"
	"os"
	"path/filepath"
)

// Witnessed implements [vault.Witness] by a file that Options names.
func (s *Store) Witnessed(context.Context) []byte {
	if s.witness == "" {
		return nil
	}
	b, err := os.ReadFile(s.witness)
	if err != nil {
		return nil
	}
	return b
}

// Testify implements [vault.Witness].
func (s *Store) Testify(_ context.Context, mark []byte, durable bool) {
	if s.witness == "" || os.MkdirAll(filepath.Dir(s.witness), 0o700) != nil {
		return
	}
	_ = writeMark(s.witness, mark, durable)
}
