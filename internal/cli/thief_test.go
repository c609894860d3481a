package cli

import (
	"encoding/base64"
	"encoding/hex"
	"testing"
)

// The thief of the scripts would find what there is to be found.
func TestTheThiefFindsWhatIsThere(t *testing.T) {
	t.Parallel()
	const text = "one.tenants.acme.test"
	for _, around := range []string{"", "x", "xy", "xyz"} {
		for _, content := range []string{
			around + text + around, base64.StdEncoding.EncodeToString([]byte(around + text + around)),
			base64.RawURLEncoding.EncodeToString([]byte(around + text)), hex.EncodeToString([]byte(around + text)),
		} {
			if found([]byte("before"+content+"after"), text) == "" {
				t.Errorf("not in %q", content)
			}
		}
	}
	if form := found([]byte("one.tenants.acme.tes"), text); form != "" {
		t.Errorf("found as %s where it is not", form)
	}
}
