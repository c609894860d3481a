package cli

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"authsome"
)

// A form waits for a person, but not for ever: a login that nobody watches must end.
func TestFormIsGivenUp(t *testing.T) {
	t.Parallel()
	var left time.Duration
	ctx, cancel := context.WithCancel(t.Context())
	s := &loginSession{app: newApp(Env{Stdout: io.Discard, Stderr: io.Discard, Now: time.Now, UI: UI{
		OpenBrowser: func(opened context.Context, _ string) error {
			if deadline, ok := opened.Deadline(); ok {
				left = time.Until(deadline)
			}
			cancel()
			return nil
		},
	}})}
	defer s.close()
	field := authsome.Field{Name: authsome.FieldAPIKey, Label: "API key"}
	step := &authsome.Authorization{Provider: &authsome.Provider{Name: "acme"}, Fields: []authsome.Field{field}}
	err := s.askInBrowser(ctx, step, step.Fields, nil)
	if authsome.KindOf(err) != authsome.KindCancelled || !errors.Is(err, context.Canceled) {
		t.Errorf("the form ends with %v, want that it was cancelled", err)
	}
	if left <= 0 || left > visitTimeout {
		t.Errorf("the form is waited for for %v, want %v at most", left, visitTimeout)
	}
}
