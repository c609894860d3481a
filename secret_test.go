package authsome_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"authsome"
)

const value = "hunter2-hunter2"

type holder struct {
	Exported   authsome.Secret
	unexported authsome.Secret
	pointer    *authsome.Secret
	list       []authsome.Secret
	byName     map[string]authsome.Secret
}

func newHolder() holder {
	s := authsome.NewSecret(value)
	return holder{s, s, &s, []authsome.Secret{s}, map[string]authsome.Secret{"k": s}}
}

func TestSecretIsHiddenUnderEveryVerb(t *testing.T) {
	t.Parallel()
	s := authsome.NewSecret(value)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%p", "%t", "%U", "%10.3s", "%T"} {
		for _, subject := range []any{s, &s, newHolder(), []any{s}, fmt.Errorf("wrapped: %v", s)} {
			if out := fmt.Sprintf(verb, subject); strings.Contains(out, value) || strings.Contains(out, "68756e74") {
				t.Errorf("%s of %T shows the secret: %s", verb, subject, out)
			}
		}
	}
}

func TestSecretIsHiddenByEveryEncoder(t *testing.T) {
	t.Parallel()
	h := newHolder()
	var logged bytes.Buffer
	log := slog.New(slog.NewTextHandler(&logged, nil))
	log.Info("m", "secret", h.Exported, "holder", h, slog.Group("g", "list", h.list))
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("m", "secret", h.Exported, "holder", h)
	asJSON, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	asXML, err := xml.Marshal(h.Exported)
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{logged.String(), string(asJSON), string(asXML)} {
		if strings.Contains(out, value) {
			t.Errorf("an encoder shows the secret: %s", out)
		}
	}
	if !strings.Contains(string(asJSON), authsome.Redacted) {
		t.Errorf("JSON does not say that something was there: %s", asJSON)
	}
}

func TestSecretRevealsWhatWasPutIn(t *testing.T) {
	t.Parallel()
	s := authsome.NewSecret(value)
	if s.Reveal() != value || s.IsZero() || !s.Equal(authsome.NewSecret(value)) || s.Equal(authsome.NewSecret("other")) {
		t.Error("a secret does not behave like its value")
	}
	var zero authsome.Secret
	if zero.Reveal() != "" || !zero.IsZero() || zero.String() != "" || authsome.NewSecret("") != zero {
		t.Error("the zero secret is not empty")
	}
}
