package mcp_test

import (
	"os"
	"testing"

	"authsome/tests/internal/process"
)

// TestMain makes this binary the MCP client, too, which runs as the child of authsome run.
func TestMain(m *testing.M) {
	if endpoint := os.Getenv(envEndpoint); endpoint != "" {
		os.Exit(client(endpoint))
	}
	os.Exit(process.Main(m))
}
