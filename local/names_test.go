package local_test

import (
	"testing"

	"authsome"
)

// Names of profiles and providers are part of the keys of the vault. None of them may be taken for a part of the tree.
func TestNamesThatTheVaultUsesItself(t *testing.T) {
	t.Parallel()
	for _, name := range []authsome.ProfileName{"registration", "connection", "settings", "provider"} {
		t.Run(string(name), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			l := w.process()
			w.login(l)
			ref := authsome.Ref{Profile: name, Provider: "acme", Connection: authsome.ConnectionName(name)}
			if _, err := w.tryLogin(l, authsome.LoginRequest{Ref: ref, Fields: fields(clientID, clientSecret)}); err != nil {
				t.Fatal(err)
			}
			if _, err := l.Credential(t.Context(), ref, authsome.CredentialOptions{}); err != nil {
				t.Error(err)
			}
			if all, err := l.List(t.Context(), name); err != nil || len(all) != 1 {
				t.Errorf("the profile has %d connections, error %v", len(all), err)
			}
		})
	}
}
