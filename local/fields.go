package local

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"authsome"
	"authsome/internal/provider"
)

// clientFields is what a person is asked for when no client is registered, or another one is wanted. The secret of one
// that is known already may be left out.
func clientFields(p *authsome.Provider, spec *authsome.OAuth, known bool) []authsome.Field {
	env := authsome.ClientEnv{}
	if p.Client != nil {
		env = *p.Client
	}
	fields := []authsome.Field{{Name: authsome.FieldClientID, Label: "Client ID", Env: env.ClientIDEnv}}
	if spec.ClientAuth != authsome.ClientAuthNone {
		fields = append(fields, authsome.Field{
			Name: authsome.FieldClientSecret, Label: "Client secret", Secret: true, Env: env.ClientSecretEnv,
			Optional: known || spec.SecretOptional || spec.ClientAuth == "",
		})
	}
	return fields
}

// keyFields describes what a provider's credential consists of to the person who is asked for it.
func keyFields(p *authsome.Provider) []authsome.Field {
	var fields []authsome.Field
	for _, f := range p.KeyFields() {
		fields = append(fields, authsome.Field{
			Name: f.Name, Label: f.Label, Secret: !f.Public, Optional: f.Optional, Env: f.EnvVar, Pattern: f.Pattern,
			PatternHint: f.PatternHint,
		})
	}
	return fields
}

// baseURL completes a request by the address of the person's own instance, or asks for it where the definition depends on
// one.
func baseURL(p *authsome.Provider, req *authsome.LoginRequest) (*authsome.Authorization, error) {
	given := cmp.Or(req.BaseURL, req.Fields[authsome.FieldBaseURL].Reveal())
	if given == "" && provider.NeedsBaseURL(p) {
		return &authsome.Authorization{Provider: p, Fields: []authsome.Field{{
			Name: authsome.FieldBaseURL, Label: "Address of your instance", PatternHint: "https://acme.example.com",
		}}}, nil
	}
	if given != "" && !strings.Contains(given, "://") {
		given = "https://" + given
	}
	if given != "" {
		if _, _, err := provider.Patterns(p, given, ""); err != nil {
			return nil, err
		}
	}
	req.BaseURL = given
	return nil, nil //nolint:nilnil // nothing to ask
}

// checkField refuses what does not look like the value that was asked for, and what no header field can carry. The
// value itself is not in the error.
func checkField(f authsome.Field, value authsome.Secret) error {
	v := value.Reveal()
	problem := ""
	switch {
	case slices.ContainsFunc([]rune(v), func(r rune) bool { return r < ' ' || r == 0x7f }):
		problem = "it contains a control character, such as a line break"
	case f.Pattern != "":
		re, err := regexp.Compile(`\A(?:` + f.Pattern + `)\z`)
		if err != nil {
			return &authsome.Error{Kind: authsome.KindInternal, Message: "the key pattern of the definition: " + err.Error()}
		}
		if !re.MatchString(v) {
			problem = "it does not look like one"
			if f.PatternHint != "" {
				problem += ": " + f.PatternHint
			}
		}
	}
	if problem == "" {
		return nil
	}
	return &authsome.Error{
		Kind: authsome.KindLoginFailed, Message: fmt.Sprintf("the %s was not accepted: %s", f.Label, problem),
		Hint: "copy it again from the provider's page",
	}
}
