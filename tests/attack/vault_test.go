package attack_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"authsome/internal/authserver"
	"authsome/tests/internal/acme"
	"authsome/tests/internal/process"
)

// 39: an old copy of the vault is put in place. Its refresh token has been used since, and this provider ends a login whose
// old refresh token comes back.
func vaultRolledBack(t *testing.T) {
	h := process.NewHome(t)
	p := acme.Start(t, authserver.Config{Consent: authserver.ConsentApprove, Rotation: authserver.RotateStrict}, nil)
	p.Register(t, h)
	p.Login(t, h)
	vault, mark := filepath.Join(h.Dir, "vault.db"), filepath.Join(h.Dir, "vault.db.mark")
	early, earlyMark := read(t, vault), read(t, mark)
	h.Must(t, "get", "acme", "--refresh")
	late, lateMark := read(t, vault), read(t, mark)
	sent := p.TokenRequests()

	noticed := func(name string, with []byte) {
		put(t, vault, early)
		put(t, mark, with)
		for _, args := range [][]string{{"get", "acme", "--refresh"}, show, {"list"}} {
			if r := h.Try(t, args...); r.Code != 7 {
				t.Errorf("%s, %s: not noticed: %s", name, args[0], r)
			}
		}
	}
	if runtime.GOOS != "windows" { // where the programs of these tests are told no place for it
		noticed("with the mark of then", earlyMark)
	}
	for _, dir := range []string{".local", "Library"} { // what this machine knows; the home alone has to show it from here on
		if err := os.RemoveAll(filepath.Join(filepath.Dir(h.Dir), dir)); err != nil {
			t.Fatal(err)
		}
	}
	noticed("beside its mark", lateMark)
	noticed("without a mark", nil)
	noticed("with an emptied mark", []byte{})
	if n := p.TokenRequests(); n != sent {
		t.Errorf("%d requests were sent with tokens of the old vault", n-sent)
	}
	put(t, vault, late)
	put(t, mark, lateMark)
	h.Must(t, "get", "acme", "--refresh")
}
