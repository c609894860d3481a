package authsome_test

import (
	"bufio"
	"bytes"
	"os/exec"
	"strings"
	"testing"
)

// Where anything looks a method up by a name that is not known when the program is linked, the linker has to keep every
// exported method there is: a tenth of the program, which each start pays for.
func TestLinkerMayDropMethods(t *testing.T) {
	if testing.Short() {
		t.Skip("it links the program")
	}
	link := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -dumpdep", "-o", t.TempDir(), "./cmd/authsome")
	link.Env = append(link.Environ(), "CGO_ENABLED=0")
	out, err := link.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	edges := 0
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		from, _, isEdge := strings.Cut(lines.Text(), " -> ")
		if isEdge {
			edges++
		}
		if isEdge && strings.HasSuffix(from, "<ReflectMethod>") {
			t.Fatalf("%s looks up methods by their names", from)
		}
	}
	if edges < 1000 {
		t.Errorf("the linker tells of %d edges only", edges)
	}
}
