package local_test

import (
	"slices"
	"testing"

	"authsome"
)

// What a definition calls public is told apart from secrets in the credential, too: answers are not searched for it.
func TestCredentialSaysWhichOfItsValuesArePublic(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	_, err := l.Register(t.Context(), []byte(`{
		"schema_version": 1, "name": "desk", "display_name": "Desk", "auth_type": "api_key", "flow": "api_key",
		"host_url": "api.desk.test",
		"api_key": {"fields": [{"name": "team", "public": true}, {"name": "second_key"}]},
		"inject": {"headers": {"X-Key": "{api_key}", "X-Team": "{team}", "X-Second": "{second_key}"}}
	}`), false)
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.Authorize(t.Context(), authsome.LoginRequest{
		Ref: authsome.Ref{Provider: "desk"},
		Fields: map[authsome.FieldName]authsome.Secret{
			authsome.FieldAPIKey: authsome.NewSecret("key-of-the-desk"), "team": authsome.NewSecret("everybody"),
			"second_key": authsome.NewSecret("second-of-the-desk"),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := l.Credential(t.Context(), authsome.Ref{Provider: "desk"}, authsome.CredentialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.Public, []authsome.FieldName{"team"}) || len(c.Fields) != 2 {
		t.Errorf("public are %v of %v", c.Public, c.Fields)
	}
}
