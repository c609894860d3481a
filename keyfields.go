package authsome

import "cmp"

// KeyFields returns the values that a credential of the provider consists of when it is no OAuth token, the main one
// included, in the order in which a person is asked for them. The definition may name further ones, or say more about
// those of the kind.
func (p *Provider) KeyFields() []KeyField {
	var fields []KeyField
	switch p.AuthType {
	case AuthTypeAPIKey:
		fields = []KeyField{{Name: FieldAPIKey, Label: "API key"}}
	case AuthTypeBasic:
		fields = []KeyField{
			{Name: FieldUsername, Label: "User name", Public: true}, {Name: FieldPassword, Label: "Password"},
		}
	case AuthTypeSigV4:
		fields = []KeyField{
			{Name: FieldAccessKeyID, Label: "Access key ID", Public: true, EnvVar: "AWS_ACCESS_KEY_ID"},
			{Name: FieldSecretAccessKey, Label: "Secret access key", EnvVar: "AWS_SECRET_ACCESS_KEY"},
			{Name: FieldSessionToken, Label: "Session token", Optional: true, EnvVar: "AWS_SESSION_TOKEN"},
			{Name: FieldRegion, Label: "Region", Public: true, Optional: true, EnvVar: "AWS_REGION"},
		}
	default:
		return nil
	}
	if p.APIKey == nil {
		return fields
	}
	for i := range fields {
		if fields[i].Name == p.AuthType.SecretField() {
			fields[i].EnvVar = cmp.Or(p.APIKey.EnvVar, fields[i].EnvVar)
			fields[i].Pattern, fields[i].PatternHint = p.APIKey.KeyPattern, p.APIKey.KeyPatternHint
		}
	}
	for _, own := range p.APIKey.Fields {
		fields = withField(fields, own)
	}
	return fields
}

// withField puts a definition's field in place of the one of its name, or at the end.
func withField(fields []KeyField, own KeyField) []KeyField {
	for i, f := range fields {
		if f.Name == own.Name {
			own.Label = cmp.Or(own.Label, f.Label)
			own.EnvVar = cmp.Or(own.EnvVar, f.EnvVar)
			fields[i] = own
			return fields
		}
	}
	own.Label = cmp.Or(own.Label, string(own.Name))
	return append(fields, own)
}
