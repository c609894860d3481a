package local_test

import (
	"testing"

	"authsome/local"
	"authsome/vault"
)

// What is lost is named so that the hint can be pasted.
func TestLostRecordsAreDescribed(t *testing.T) {
	t.Parallel()
	for key, want := range map[vault.Key][2]string{
		"profile/default/provider/acme/connection/default": {"the connection acme (default)", "authsome login acme"},
		"profile/default/provider/acme/connection/work":    {"the connection acme (work)", "authsome login acme --connection work"},
		"profile/home/provider/acme/connection/work": {
			"the connection acme (work) of the profile home", "authsome login acme --connection work --profile home",
		},
		"profile/default/provider/acme/registration/0123456789abcdef": {"a client registered with acme", "authsome login acme --force"},
		"profile/default/provider/acme/settings":                      {"the settings of acme", "authsome connection list"},
		"something/else":                                              {"the record something/else", ""},
	} {
		what, mend := local.DescribeLost(key)
		if what != want[0] || mend != want[1] {
			t.Errorf("%s: got %q and %q, want %q", key, what, mend, want)
		}
	}
}
