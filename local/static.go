package local

import (
	"bufio"
	"context"
	"encoding/json"
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
	given := fromStdin(p, fields, req.Fields)
	var missing []authsome.Field
	for _, f := range fields {
		value, there := given[f.Name]
		switch {
		case value.IsZero() && !(f.Optional && there):
			missing = append(missing, f)
		case value.IsZero():
		default:
			if err := checkField(f, value); err != nil {
				return nil, err
			}
		}
	}
	if missing != nil {
		return &authsome.Authorization{Provider: p, Fields: missing}, nil
	}
	c := l.newRecord(h, req)
	c.AuthType = p.AuthType
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

// fromStdin adds what came from standard input to what was entered: the main value, or several as a JSON object or as
// lines NAME=value, by the names of the fields or of their variables.
func fromStdin(
	p *authsome.Provider, fields []authsome.Field, entered map[authsome.FieldName]authsome.Secret,
) map[authsome.FieldName]authsome.Secret {
	given := make(map[authsome.FieldName]authsome.Secret)
	for name, value := range entered {
		given[name] = value
	}
	stdin := entered[authsome.FieldAccessToken]
	if stdin.IsZero() {
		return given
	}
	if len(fields) == 1 { // whatever it looks like
		given[fields[0].Name] = stdin
		return given
	}
	named := namedValues(fields, stdin)
	if len(named) == 0 {
		named[p.AuthType.SecretField()] = stdin
	}
	for name, value := range named {
		given[name] = value
	}
	for _, f := range fields {
		if _, there := given[f.Name]; !there && f.Optional {
			given[f.Name] = authsome.Secret{} // left out
		}
	}
	return given
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
