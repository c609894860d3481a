//go:build !windows

package doctor

import (
	"os"
	"path/filepath"
	"testing"
)

func TestInterpretersThatNeedHelpAreNoted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := &examination{Config: Config{Environ: []string{"PATH=" + dir}}}
	for _, c := range []Check{e.python(), e.java()} {
		if !c.OK || c.Detail != "not installed" {
			t.Errorf("%+v", c)
		}
	}
	for _, name := range []string{"python3", "java"} {
		// Neither is started: Java takes long.
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/false\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	python, java := e.python(), e.java()
	if !python.OK || !java.OK {
		t.Errorf("%+v, %+v", python, java)
	}
	mustContain(t, python.Detail, "aiohttp and urllib3 there by PYTHONPATH")
	mustContain(t, python.Hint, "python -I")
	if recognizes() {
		mustContain(t, java.Detail, "knows Java by its environment")
	} else {
		mustContain(t, java.Hint, "Authenticator")
	}
	e.Environ = []string{"JAVA_HOME=/jdk"}
	if c := e.java(); c.Detail == "not installed" {
		t.Errorf("%+v", c)
	}
}
