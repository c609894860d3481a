package local

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"authsome"
)

// authorizeKey stores what needs no authorization server: a key, a user and password, a signing key.
func (l *Layer) authorizeKey(
	ctx context.Context, p *authsome.Provider, h *holding, req authsome.LoginRequest,
) (*authsome.Authorization, error) {
	if req.Flow != p.Flow {
		return nil, unsupportedFlow(p, req.Flow, p.Flow)
	}
	fields := keyFields(p)
	given, err := fromStdin(p, fields, req.Fields)
	if err != nil {
		return nil, err
	}
	for _, f := range fields {
		value, there := given[f.Name]
		if value.IsZero() && !(f.Optional && there) {
			return &authsome.Authorization{Provider: p, Fields: fields}, nil
		}
		if value.IsZero() {
			continue
		}
		if err := checkField(f, value); err != nil {
			return nil, err
		}
	}
	c := l.newRecord(h, req)
	c.AuthType, c.TokenType = p.AuthType, ""
	c.keep(p, given)
	done, err := l.connected(ctx, p, h, newLogin{connection: c})
	if err != nil {
		return nil, err
	}
	l.learnAccount(ctx, p, h, c, nil)
	done.Connection.Account = c.Account
	return done, nil
}

// keep puts the values of a credential into the record. What is public tells accounts apart.
func (c *connectionRecord) keep(p *authsome.Provider, given map[authsome.FieldName]authsome.Secret) {
	for _, f := range p.KeyFields() {
		value := given[f.Name]
		switch {
		case value.IsZero():
		case f.Name == p.AuthType.SecretField():
			c.AccessToken = sealed{value}
		case f.Public:
			if c.Public == nil {
				c.Public = make(map[authsome.FieldName]string)
			}
			c.Public[f.Name] = value.Reveal()
			if c.Account.Label == "" && !f.Optional {
				c.Account.Label = value.Reveal()
			}
		default:
			if c.Fields == nil {
				c.Fields = make(map[authsome.FieldName]sealed)
			}
			c.Fields[f.Name] = sealed{value}
		}
	}
}

// values are the fields of a credential besides the main one.
func (c *connectionRecord) values() map[authsome.FieldName]authsome.Secret {
	if len(c.Fields)+len(c.Public) == 0 || c.AuthType == authsome.AuthTypeOAuth2 {
		return nil
	}
	all := make(map[authsome.FieldName]authsome.Secret, len(c.Fields)+len(c.Public))
	for name, v := range c.Fields {
		all[name] = v.Secret
	}
	for name, v := range c.Public {
		all[name] = authsome.NewSecret(v)
	}
	return all
}

// fromStdin adds what came from standard input to what was entered: the one value that is missing, or several as a JSON
// object or as lines NAME=value, by the names of the fields or of their variables.
func fromStdin(
	p *authsome.Provider, fields []authsome.Field, entered map[authsome.FieldName]authsome.Secret,
) (map[authsome.FieldName]authsome.Secret, error) {
	given := make(map[authsome.FieldName]authsome.Secret)
	for name, value := range entered {
		given[name] = value
	}
	stdin := entered[authsome.FieldAccessToken]
	if stdin.IsZero() {
		return given, nil
	}
	var missing []authsome.Field
	for _, f := range fields {
		if given[f.Name].IsZero() && !f.Optional {
			missing = append(missing, f)
		}
	}
	if len(missing) == 1 && len(fields) == 1 {
		given[missing[0].Name] = stdin
		return given, nil
	}
	named := namedValues(fields, stdin)
	if len(named) == 0 && len(missing) == 1 {
		given[missing[0].Name] = stdin
		return given, nil
	}
	for name, value := range named {
		given[name] = value
	}
	for _, f := range missing {
		if given[f.Name].IsZero() {
			return nil, severalWanted(p, fields, f)
		}
	}
	for _, f := range fields {
		if _, there := given[f.Name]; !there {
			given[f.Name] = authsome.Secret{} // optional, and left out
		}
	}
	return given, nil
}

// namedValues reads several values out of one text.
func namedValues(fields []authsome.Field, text authsome.Secret) map[authsome.FieldName]authsome.Secret {
	byName := make(map[string]string)
	if json.Unmarshal([]byte(text.Reveal()), &byName) != nil {
		lines := bufio.NewScanner(strings.NewReader(text.Reveal()))
		for lines.Scan() {
			if name, value, ok := strings.Cut(strings.TrimSpace(lines.Text()), "="); ok {
				byName[strings.TrimSpace(name)] = strings.TrimSpace(value)
			}
		}
	}
	named := make(map[authsome.FieldName]authsome.Secret)
	for _, f := range fields {
		for _, name := range []string{string(f.Name), f.Env} {
			if value := byName[name]; name != "" && value != "" {
				named[f.Name] = authsome.NewSecret(value)
			}
		}
	}
	return named
}

// severalWanted says how several values are given on standard input.
func severalWanted(p *authsome.Provider, fields []authsome.Field, missing authsome.Field) error {
	var names []string
	for _, f := range fields {
		if !f.Optional {
			names = append(names, string(f.Name))
		}
	}
	return &authsome.Error{
		Kind: authsome.KindUsage, Ref: authsome.Ref{Provider: p.Name},
		Message: fmt.Sprintf("the login to %s needs the %s too: give %s", p.Name, missing.Label, strings.Join(names, " and ")),
		Hint:    "standard input takes lines such as " + string(missing.Name) + "=VALUE, or one JSON object",
	}
}
