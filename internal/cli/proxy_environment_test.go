package cli

import "testing"

func TestVariablesAreQuotedForEachShell(t *testing.T) {
	t.Parallel()
	c := change{name: "X", value: `it's ‘all’ \ here`}
	for format, want := range map[string]string{
		"shell":      `export X='it'\''s ‘all’ \ here';` + "\n",
		"fish":       `set -gx X 'it\'s ‘all’ \\ here';` + "\n",
		"powershell": `$Env:X = 'it''s ‘‘all’’ \ here';` + "\n",
	} {
		if got := c.line(format); got != want {
			t.Errorf("%s: got %q, want %q", format, got, want)
		}
	}
}
