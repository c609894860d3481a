package authsome_test

import (
	"testing"

	"authsome"
)

func TestPathsAreDecodedAsOftenAsServersMight(t *testing.T) {
	t.Parallel()
	for escaped, want := range map[string]struct {
		decoded string
		stable  bool
	}{
		"":                    {"", true},
		"/a/b":                {"/a/b", true},
		"/a%2fb":              {"/a/b", true},
		"/a%2Fb":              {"/a/b", true},
		"/%252e":              {"/.", true},
		"/100%":               {"/100%", true},
		"/%zz%2e":             {"/%zz%2e", true},
		"/%25zz":              {"/%zz", true},
		"/%25252e":            {"/.", true},
		"/%2525252e":          {"/.", false}, // which nobody has seen by then
		"/%2525252525252525e": {"/%25252525e", false},
	} {
		decoded, stable := authsome.DecodePath(escaped)
		if decoded != want.decoded || stable != want.stable {
			t.Errorf("%s: got %q, %t, want %q, %t", escaped, decoded, stable, want.decoded, want.stable)
		}
	}
}
