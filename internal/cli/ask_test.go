package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"authsome"
	"authsome/local"
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

// What kept a login from going on is on record, whoever found out; what was wrong with its arguments is not.
func TestFailedLoginsAreRecorded(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	env := Env{
		Args: []string{"log", "--json"}, Environ: []string{local.EnvHome + "=" + t.TempDir()}, Stdout: &out, Stderr: &out, Now: time.Now,
	}
	a := newApp(env)
	for _, err := range []error{
		&authsome.Error{Kind: authsome.KindUsage, Message: "mistyped"},
		&authsome.Error{Kind: authsome.KindLoginFailed, Reason: "invalid_grant"},
		&authsome.Error{Kind: authsome.KindLoginFailed},
		fmt.Errorf("ask: %w", context.Canceled),
		errors.New("no more sockets"),
	} {
		a.recordFailedLogin(authsome.Ref{Profile: "default", Provider: "acme", Connection: "default"}, err, "what else is known", nil)
	}
	if err := a.close(); err != nil {
		t.Fatal(err)
	}
	if code := Run(t.Context(), env); code != 0 {
		t.Fatalf("exit code %d: %s", code, out.String())
	}
	var reasons []string
	for line := range strings.Lines(out.String()) {
		var e struct{ Event, Provider, Status, Reason string }
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Event != "login" || e.Provider != "acme" || e.Status != "failure" {
			t.Errorf("%v: %s", err, line)
		}
		reasons = append(reasons, e.Reason)
	}
	want := []string{"invalid_grant", "what else is known", "cancelled", "what else is known"}
	if !slices.Equal(reasons, want) {
		t.Errorf("reasons %q, want %q", reasons, want)
	}
}
