package provider

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"authsome"
)

// What the values of templates may name.
const (
	inRevocation = "{access_token} {refresh_token} {token} {account_id} {client_id} {client_secret}"
	inLongLived  = "{access_token} {client_id} {client_secret}"
)

// validateQuirks checks what only some providers need.
func validateQuirks(r *report, o *authsome.OAuth) {
	checkOneOf(r, "oauth.challenge_encoding", o.ChallengeEncoding, "", authsome.ChallengeBase64URL, authsome.ChallengeHex)
	checkOneOf(r, "oauth.rotation", o.Rotation, "", authsome.RotationYes, authsome.RotationNo, authsome.RotationOptional)
	for _, param := range []struct{ path, name string }{
		{"oauth.client_id_param", o.ClientIDParam}, {"oauth.device_scope_param", o.DeviceScopeParam},
	} {
		if strings.ContainsFunc(param.name, notScopeRune) {
			r.addf(param.path, "must be the name of a parameter, got %q", param.name)
		}
	}
	validateRevocationRequest(r, o)
	validateLongLived(r, o)
	validateBaseInParams(r, o)
}

func validateRevocationRequest(r *report, o *authsome.OAuth) {
	const path = "oauth.revocation_request"
	t := o.RevocationRequest
	switch own := o.RevocationStyle == authsome.RevokeOwn; {
	case own && t == nil:
		r.addf(path, "is required when revocation_style is %q", authsome.RevokeOwn)
		return
	case !own && t != nil:
		r.addf(path, "must not be given unless revocation_style is %q", authsome.RevokeOwn)
		return
	case t == nil:
		return
	}
	checkOneOf(r, path+".method", t.Method, "", "POST", "DELETE")
	checkOneOf(r, path+".format", t.Format, "", authsome.BodyForm, authsome.BodyJSON, authsome.BodyQuery)
	for _, name := range slices.Sorted(maps.Keys(t.Headers)) {
		checkField(r, path+".headers."+name, name)
		checkText(r, path+".headers."+name, t.Headers[name])
	}
	checkTemplates(r, path+".headers", t.Headers, inRevocation)
	checkTemplates(r, path+".params", t.Params, inRevocation)
	if !mentions(t.Headers, "token}", "{account_id}") && !mentions(t.Params, "token}", "{account_id}") {
		r.addf(path, "must name what is revoked, such as {access_token}")
	}
}

func validateLongLived(r *report, o *authsome.OAuth) {
	const path = "oauth.long_lived"
	l := o.LongLived
	if l == nil {
		return
	}
	checkTemplates(r, path+".exchange_params", l.ExchangeParams, inLongLived)
	checkTemplates(r, path+".renew_params", l.RenewParams, inLongLived)
	if l.ExchangeURL == "" && len(l.RenewParams) == 0 {
		r.addf(path, "must have an exchange_url, renew_params or both")
	}
	if l.ExchangeURL != "" && !mentions(l.ExchangeParams, "{access_token}") {
		r.addf(path+".exchange_params", "must have {access_token} as the value of a parameter")
	}
	if len(l.RenewParams) > 0 && !mentions(l.RenewParams, "{access_token}") {
		r.addf(path+".renew_params", "must have {access_token} as the value of a parameter")
	}
	if len(l.RenewParams) > 0 && o.RefreshURL == "" {
		r.addf("oauth.refresh_url", "is required when there are long_lived.renew_params: they are sent there")
	}
}

// checkTemplates refuses names without meaning, which would be sent as they are.
func checkTemplates(r *report, path string, templates map[string]string, known string) {
	allowed := strings.Fields(known)
	for _, name := range slices.Sorted(maps.Keys(templates)) {
		rest := templates[name]
		for _, placeholder := range allowed {
			rest = strings.ReplaceAll(rest, placeholder, "")
		}
		if name == "" || strings.ContainsAny(rest, "{}") {
			r.addf(path+"."+name, "must not contain placeholders other than %s, got %q", orList(allowed), templates[name])
		}
	}
}

func mentions(templates map[string]string, parts ...string) bool {
	for _, template := range templates {
		for _, part := range parts {
			if strings.Contains(template, part) {
				return true
			}
		}
	}
	return false
}

// validateBaseInParams checks parameters in which the base URL is to be filled in.
func validateBaseInParams(r *report, o *authsome.OAuth) {
	for _, group := range paramGroups(o) {
		for _, name := range slices.Sorted(maps.Keys(group.params)) {
			if _, err := substitute(group.params[name], basePlaceholder, standInBase); err != nil {
				r.addf("oauth."+group.name+"."+name, "%v", err)
			}
		}
	}
}

// paramGroup is one of the groups of additional parameters.
type paramGroup struct {
	name   string
	params map[string]string
}

func paramGroups(o *authsome.OAuth) []paramGroup {
	return []paramGroup{
		{"authorize_params", o.AuthorizeParams},
		{"device_params", o.DeviceParams},
		{"token_params", o.TokenParams},
		{"refresh_params", o.RefreshParams},
	}
}

// maxNote bounds a note, in bytes: it is one sentence.
const maxNote = 300

func validateNotes(r *report, p *authsome.Provider) {
	for i, note := range p.Notes {
		path := fmt.Sprintf("notes[%d]", i)
		checkText(r, path, note)
		if strings.TrimSpace(note) == "" || len(note) > maxNote {
			r.addf(path, "must be a sentence of at most %d bytes", maxNote)
		}
	}
}
