//go:build !windows

package doctor

import (
	"os"
	"path/filepath"
	"testing"

	"authsome"
)

// withNode puts a program called node on the PATH.
func withNode(t *testing.T, cfg *Config, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "node"), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	cfg.Environ = append(cfg.Environ, "PATH="+dir)
}

func TestNodeThatIgnoresTheProxyIsNotedAndNoFailure(t *testing.T) {
	t.Parallel()
	cfg := newHome(t)
	withNode(t, &cfg, "echo v20.20.2")
	c := only(t, cfg)["node"]
	mustContain(t, c.Detail, "v20.20.2 ignores the proxy; authsome run leads it there by NODE_OPTIONS")
	mustContain(t, c.Hint, "22.21")
}

func TestNodeThatFollowsTheProxyNeedsNoHint(t *testing.T) {
	t.Parallel()
	cfg := newHome(t)
	withNode(t, &cfg, "echo v24.21.0")
	if c := only(t, cfg)["node"]; c.Hint != "" {
		t.Errorf("%+v", c)
	}
}

func TestNodeThatDoesNotAnswerIsNoFailure(t *testing.T) {
	t.Parallel()
	cfg := newHome(t)
	withNode(t, &cfg, "exit 3")
	mustContain(t, only(t, cfg)["node"].Detail, "does not tell its version")
}

func TestProgramsThatAreAskedDoNotSeeTheMasterKey(t *testing.T) {
	t.Parallel()
	cfg := Config{
		UserHome: t.TempDir(), MasterKey: authsome.NewSecret("secret"), Environ: []string{"AUTHSOME_MASTER_KEY=secret"},
	}
	withNode(t, &cfg, `echo "key: ${AUTHSOME_MASTER_KEY:-none}"`)
	out, err := (&examination{Config: cfg}).output(t.Context(), "node")
	if err != nil || string(out) != "key: none\n" {
		t.Errorf("%q, %v", out, err)
	}
}
