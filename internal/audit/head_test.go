package audit

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A head is written and read without encoding/json, for whose sake a command would take longer, to the same.
func TestHeadIsEncodedAsEncodingJSONDoes(t *testing.T) {
	t.Parallel()
	keys, err := newKeys(make([]byte, KeySize))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 25, 10, 0, 0, 120_000_000, time.UTC)
	for name, h := range map[string]Head{
		"signed":     keys.sign(link{seq: 12, chain: "a-_b"}, at),
		"not signed": chainKeys{}.sign(link{seq: 1 << 63, chain: unkeyed + "x"}, at.Truncate(time.Second)),
		"none":       {},
	} {
		want, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(h.appendTo(nil))); diff != "" {
			t.Errorf("%s (-encoding/json +got):\n%s", name, diff)
		}
		path := filepath.Join(t.TempDir(), "head")
		if err := writeHead(path, h); err != nil {
			t.Fatal(err)
		}
		got, err := readHead(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(h, got); diff != "" {
			t.Errorf("%s, read again (-want +got):\n%s", name, diff)
		}
	}
}

// A signature asks the system for no random bytes: they would be the only ones that a command needs.
func TestHeadsAreSignedByTheirKeyAlone(t *testing.T) {
	t.Parallel()
	keys, err := newKeys(make([]byte, KeySize))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	first, again := keys.sign(link{seq: 3, chain: "c"}, at), keys.sign(link{seq: 3, chain: "c"}, at)
	if first.Signature != again.Signature || keys.check(first) != nil {
		t.Errorf("%+v is signed otherwise the second time, %+v", first, again)
	}
	if other := keys.sign(link{seq: 4, chain: "c"}, at); other.Signature == first.Signature || keys.check(other) != nil {
		t.Errorf("%+v is not signed for itself", other)
	}
}
