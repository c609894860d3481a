package attack_test

import (
	"path/filepath"
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
	early := read(t, vault)
	h.Must(t, "get", "acme", "--refresh")
	late, lateMark := read(t, vault), read(t, mark)
	sent := p.TokenRequests()

	for name, mark := range map[string][]byte{"beside its mark": lateMark, "without a mark": nil, "with an emptied mark": {}} {
		put(t, vault, early)
		put(t, filepath.Join(h.Dir, "vault.db.mark"), mark)
		for _, args := range [][]string{{"get", "acme", "--refresh"}, show, {"list"}} {
			if r := h.Try(t, args...); r.Code != 7 {
				t.Errorf("%s, %s: not noticed: %s", name, args[0], r)
			}
		}
	}
	if n := p.TokenRequests(); n != sent {
		t.Errorf("%d requests were sent with tokens of the old vault", n-sent)
	}
	put(t, vault, late)
	put(t, mark, lateMark)
	h.Must(t, "get", "acme", "--refresh")
}
