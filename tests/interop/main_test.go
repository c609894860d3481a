// Package interop_test logs in to authorization servers that others have written.
package interop_test

import (
	"log/slog"
	"os"
	"testing"

	"authsome/tests/internal/process"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // the servers log every request
	os.Exit(process.Main(m))
}
