package cli

import (
	"fmt"
	"strings"
	"testing"
)

// Every exit code has a row in docs/commands.md, and its kind is known to whoever reads the code of another process.
func TestExitCodesAreDocumented(t *testing.T) {
	t.Parallel()
	_, table, _ := strings.Cut(pages(t)["commands.md"], "\n## Exit codes\n")
	table, _, _ = strings.Cut(table, "\n## ")
	for code := range 11 {
		if !strings.Contains(table, fmt.Sprintf("\n| %d | ", code)) {
			t.Errorf("exit code %d is not documented", code)
		}
		if code > 0 && exitCode(kindOfExit(code)) != code {
			t.Errorf("exit code %d stands for the kind %s, whose code is %d", code, kindOfExit(code), exitCode(kindOfExit(code)))
		}
	}
	if strings.Contains(table, "\n| 11 | ") {
		t.Error("a code is documented that there is not")
	}
}
