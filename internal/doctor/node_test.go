package doctor

import (
	"slices"
	"testing"
)

func TestVersionsOfNodeThatFollowTheProxy(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"v18.20.4": false, "v20.20.2": false, "v22.20.0": false, "v22.21.0": true, "v22.23.3": true, "v23.11.0": false,
		"v24.4.1": false, "v24.5.0": true, "v25.1.0-nightly": true, "v100.0.0": true,
	} {
		if got := followsProxy(version); got != want {
			t.Errorf("%s: %t", version, got)
		}
	}
}

func TestVersionsAreComparedByNumber(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		version, minimum string
		want             bool
	}{
		{"3.51.3", "3.51.3", true},
		{"3.51.2", "3.51.3", false},
		{"3.9.9", "3.51.3", false},
		{"3.100.0", "3.51.3", true},
		{"4", "3.51.3", true},
		{"", "3.51.3", true},
		{"unknown", "3.51.3", true},
	} {
		if got := atLeast(test.version, test.minimum); got != test.want {
			t.Errorf("atLeast(%q, %q) = %t", test.version, test.minimum, got)
		}
	}
}

func FuzzParseVersion(f *testing.F) {
	f.Add("v22.21.0-rc.1")
	f.Add("3.54.1")
	f.Fuzz(func(t *testing.T, s string) {
		if slices.ContainsFunc(parseVersion(s), func(n int) bool { return n < 0 }) {
			t.Errorf("%q has a negative number", s)
		}
	})
}
