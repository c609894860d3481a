package doctor

import (
	"strings"
	"testing"

	"authsome/internal/sandbox"
)

func TestSandboxIsANote(t *testing.T) {
	for _, features := range [][]sandbox.Feature{
		nil,
		{{Name: "landlock", Detail: "the kernel has none", Hint: "another kernel"}},
		{{Name: "landlock", OK: true, Detail: "version 7"}, {Name: "seccomp", Detail: "none"}},
	} {
		e := examination{Config: Config{Sandbox: func() []sandbox.Feature { return features }}}
		checks := e.sandbox()
		if !OK(checks) || len(checks) != max(1, len(features)) {
			t.Errorf("%v became %v", features, checks)
		}
		for i, f := range features {
			said := strings.Contains(checks[i].Detail, "not available")
			if checks[i].Name != "sandbox_"+f.Name || checks[i].Hint != f.Hint || said == f.OK || !strings.Contains(checks[i].Detail, f.Detail) {
				t.Errorf("%v became %v", f, checks[i])
			}
		}
	}
	if checks := (&examination{}).sandbox(); checks != nil {
		t.Errorf("nobody has asked for %v", checks)
	}
}
