package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"authsome"
	"authsome/internal/loopback"
	"authsome/local"
)

// ask fills in the fields of a login: from the environment variables that the definition names, else in a form in the
// browser, else at the terminal.
func (s *loginSession) ask(
	ctx context.Context, step *authsome.Authorization, into map[authsome.FieldName]authsome.Secret,
) error {
	var missing []authsome.Field
	required, supplied := false, false
	for _, f := range step.Fields {
		if !into[f.Name].IsZero() {
			continue
		}
		value, err := s.fromEnvironment(f)
		if err != nil {
			return err
		}
		if !value.IsZero() {
			into[f.Name] = value
			supplied = true
			if f.Name == authsome.FieldClientSecret {
				s.secretFrom = f.Env
			}
			continue
		}
		into[f.Name] = authsome.Secret{} // there, though empty: an optional one may stay so
		missing = append(missing, f)
		required = required || !f.Optional
	}
	ui := s.app.env.UI
	switch {
	case len(missing) == 0, !required && supplied:
		return nil
	case ui.OpenBrowser != nil && !s.options.noBrowser:
		return s.askInBrowser(ctx, step, missing, into)
	case ui.ReadSecret != nil:
		return s.askAtTerminal(ctx, step, missing, into)
	case !required:
		return nil
	default:
		return nobodyToAsk(step.Provider, s.ref, missing)
	}
}

// fromEnvironment returns what a variable supplies: the value, or for a file its content.
func (s *loginSession) fromEnvironment(f authsome.Field) (authsome.Secret, error) {
	value := ""
	if f.Env != "" {
		value = s.app.env.getenv(f.Env)
	}
	if value == "" || !f.File {
		return authsome.NewSecret(value), nil
	}
	return readSecretFile(f, value)
}

// maxSecretFile bounds a key file, in bytes.
const maxSecretFile = 64 << 10

// readSecretFile reads the file whose content a field wants.
func readSecretFile(f authsome.Field, path string) (authsome.Secret, error) {
	content, err := os.ReadFile(path)
	var problem string
	switch {
	case err != nil:
		problem = err.Error()
	case len(content) > maxSecretFile:
		problem = fmt.Sprintf("%s is larger than %d bytes", path, maxSecretFile)
	case len(bytes.TrimSpace(content)) == 0:
		problem = path + " is empty"
	default:
		return authsome.NewSecret(string(content)), nil
	}
	return authsome.Secret{}, &authsome.Error{
		Kind: authsome.KindUsage, Message: fmt.Sprintf("the %s cannot be read: %s", f.Label, problem),
		Hint: "give the path of the file that was downloaded from the provider", Err: err,
	}
}

func (s *loginSession) askInBrowser(
	ctx context.Context, step *authsome.Authorization, fields []authsome.Field,
	into map[authsome.FieldName]authsome.Secret,
) error {
	form, err := loopback.ServeForm(loopback.FormConfig{
		Title: "Log in to " + step.Provider.DisplayName, Provider: step.Provider.DisplayName, Docs: step.Provider.KeyPage(),
		RedirectURI: step.RedirectURI, Fields: fields,
	})
	if err != nil {
		return err
	}
	s.pages = append(s.pages, form)
	s.app.tell("Opening a form in the browser: %s", form.URL())
	waiting, cancel := context.WithTimeout(ctx, visitTimeout)
	defer cancel()
	if err := s.app.env.UI.OpenBrowser(waiting, form.URL()); err != nil {
		switch {
		case s.app.env.UI.ReadSecret != nil:
			s.app.tell("The browser cannot be opened: %v", err)
			return s.askAtTerminal(ctx, step, fields, into)
		case !s.watched() && len(required(fields)) == 0:
			return nil
		case !s.watched():
			return nobodyToAsk(step.Provider, s.ref, fields)
		}
		s.app.tell("The browser cannot be opened (%v). Open the address above.", err)
	}
	answers, err := form.Wait(waiting)
	if err != nil {
		return err
	}
	for name, value := range answers {
		into[name] = value
	}
	return nil
}

func (s *loginSession) askAtTerminal(
	ctx context.Context, step *authsome.Authorization, fields []authsome.Field, into map[authsome.FieldName]authsome.Secret,
) error {
	if page := step.Provider.KeyPage(); page != "" {
		s.app.tell("Where to find it: %s", page)
	}
	if step.RedirectURI != "" {
		s.app.tell("Redirect URI to register there: %s", step.RedirectURI)
	}
	for _, f := range fields {
		value, err := s.prompt(ctx, f)
		if authsome.KindOf(err) == authsome.KindUsage {
			return err
		}
		if err != nil {
			return &authsome.Error{
				Kind: authsome.KindCancelled, Message: "the login was given up at the prompt", Err: err,
			}
		}
		if !value.IsZero() {
			into[f.Name] = value
		}
	}
	return nil
}

func (s *loginSession) prompt(ctx context.Context, f authsome.Field) (authsome.Secret, error) {
	label := f.Label
	if f.PatternHint != "" {
		label += " (" + f.PatternHint + ")"
	}
	if f.Optional {
		label += " [none]"
	}
	if f.File {
		path, err := s.app.env.UI.ReadLine(ctx, label+", path of the file")
		if err != nil || path == "" {
			return authsome.Secret{}, err
		}
		return readSecretFile(f, path)
	}
	if f.Secret {
		return s.app.env.UI.ReadSecret(ctx, label)
	}
	line, err := s.app.env.UI.ReadLine(ctx, label)
	return authsome.NewSecret(line), err
}

// labels is what people call the fields.
func labels(fields []authsome.Field) string {
	all := make([]string, len(fields))
	for i, f := range fields {
		all[i] = f.Label
	}
	return strings.Join(all, " and ")
}

// required are the fields that must not stay empty.
func required(fields []authsome.Field) []authsome.Field {
	return slices.DeleteFunc(slices.Clone(fields), func(f authsome.Field) bool { return f.Optional })
}

// and makes a list in a sentence longer.
func and(all, one string) string {
	if all == "" {
		return one
	}
	return all + " and " + one
}

// nobodyToAsk says how a process without a person gives what is needed.
func nobodyToAsk(p *authsome.Provider, ref authsome.Ref, missing []authsome.Field) error {
	names, login := labels(required(missing)), "authsome login "+local.Arguments(ref)
	hint, besides := "", ""
	for _, f := range missing {
		switch {
		case f.Env == "":
		case f.Optional:
			besides = and(besides, "$"+f.Env)
		default:
			hint = and(hint, "$"+f.Env)
		}
	}
	if hint != "" && besides != "" {
		hint += ", and " + besides + " where there is one"
	}
	switch {
	case missing[0].Name == authsome.FieldBaseURL:
		hint = login + " --base-url " + missing[0].PatternHint
	case hint != "" && p.AuthType == authsome.AuthTypeAPIKey && len(missing) == 1:
		hint = fmt.Sprintf("set %s, or %s --with-token < FILE", hint, login)
	case hint != "":
		hint = "set " + hint
	case p.AuthType == authsome.AuthTypeAPIKey:
		hint = login + " --with-token < FILE"
	default:
		hint = "run it at a terminal"
	}
	return &authsome.Error{
		Kind: authsome.KindLoginFailed, Ref: authsome.Ref{Provider: p.Name}, Hint: hint,
		Message: fmt.Sprintf("the login to %s needs the %s, and there is nobody to ask", p.Name, names),
	}
}
