package provider

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/tidwall/jsonc"

	"authsome"
)

func TestParserAndSchemaAcceptTheSameDocuments(t *testing.T) {
	t.Parallel()
	schema := publishedSchema(t)
	good := readDocuments(t, "testdata/*.jsonc")
	for name, doc := range readDocuments(t, "testdata/generation02/*.json") {
		good["0.2 "+name] = doc
	}
	for name, change := range map[string][3]string{
		"oauth":              {baseDocument, "metadata", `null`},
		"key":                {keyDocument, "metadata", `{"a": 1}`},
		"no prefix":          {keyDocument, "api_key.header_prefix", `null`},
		"empty optional":     {baseDocument, "oauth.revocation_url", `""`},
		"loopback endpoint":  {baseDocument, "oauth.token_url", `"http://127.0.0.1:8080/token"`},
		"loopback IPv6":      {baseDocument, "oauth.token_url", `"http://[::1]:8080/token"`},
		"pkce word":          {baseDocument, "oauth.pkce", `"ignored"`},
		"pkce bool":          {baseDocument, "oauth.pkce", `false`},
		"pkce null":          {baseDocument, "oauth.pkce", `null`},
		"localhost redirect": {baseDocument, "oauth.redirect", `{"kind": "localhost"}`},
		"pasted redirect":    {baseDocument, "oauth.redirect", `{"kind": "https-only", "uri": "https://acme.test/cb"}`},
		"no revocation":      {baseDocument, "oauth.revocation_style", `"none"`},
		"unknown member":     {baseDocument, "oauth.invented", `[1, {"x": null}]`},
		"public suffix":      {baseDocument, "host_url", `"acme.github.io"`},
		"basic":              {keyDocument, "inject.basic", `"user"`},
		"no hosts":           {baseDocument, "host_url", `null`},
		"command":            {baseDocument, "token_command", `["acme", "auth", "token"]`},
		"notes":              {baseDocument, "notes", `["A second login ends the first."]`},
		"rotation":           {baseDocument, "oauth.rotation", `"optional"`},
		"hex challenge":      {baseDocument, "oauth.challenge_encoding", `"hex"`},
		"client parameter":   {baseDocument, "oauth.client_id_param", `"client_key"`},
		"secret as user":     {baseDocument, "oauth.client_auth", `"basic_secret"`},
		"hashed secret":      {baseDocument, "oauth.client_auth", `"hash"`},
		"base in parameter":  {baseDocument, "oauth.authorize_params", `{"audience": "{base_url}/api/", "claims": "{}"}`},
		"defaults":           {baseDocument, "inject.defaults", `{"Acme-Version": "2"}`},
		"own revocation":     {baseDocument, "oauth", ownRevocation},
		"long-lived":         {baseDocument, "oauth", longLived},
	} {
		good[name] = with(t, change[0], change[1], change[2])
	}
	for name, doc := range good {
		if _, err := Parse(doc); err != nil {
			t.Errorf("%s: parser: %v", name, err)
		}
		if err := validateBySchema(t, schema, doc); err != nil {
			t.Errorf("%s: schema: %v", name, err)
		}
	}
}

// Authorization servers with requests of their own.
const (
	ownRevocation = `{"authorization_url": "https://acme.test/a", "token_url": "https://acme.test/t",
		"revocation_url": "https://acme.test/r", "revocation_style": "own", "revocation_request": {"method": "DELETE", "format": "json",
		"headers": {"Authorization": "Client {client_secret}"}, "params": {"token": "{access_token}", "id": "{client_id}"}}}`
	ownDocument  = `{"name": "acme", "display_name": "Acme", "auth_type": "oauth2", "flow": "pkce", "oauth": ` + ownRevocation + `}`
	longDocument = `{"name": "acme", "display_name": "Acme", "auth_type": "oauth2", "flow": "pkce", "oauth": ` + longLived + `}`
	longLived    = `{"authorization_url": "https://acme.test/a", "token_url": "https://acme.test/t", "refresh_url": "https://acme.test/n",
		"long_lived": {"exchange_url": "https://acme.test/x", "exchange_params": {"t": "{access_token}", "s": "{client_secret}"},
		"renew_params": {"t": "{access_token}"}}}`
)

// fault is a document with one mistake.
type fault struct {
	doc, path, value string
	report           string // the path of the problem, if another than path
	message          string // a part of the problem's message
	unseen           bool   // a schema cannot see it
}

var faults = []fault{
	{doc: baseDocument, path: "name", value: ``, message: "lowercase letters"},
	{doc: baseDocument, path: "name", value: `"Acme"`, message: "lowercase letters"},
	{doc: baseDocument, path: "name", value: `"../acme"`, message: "lowercase letters"},
	{doc: baseDocument, path: "name", value: `7`, message: "must be a string, got a number"},
	{doc: baseDocument, path: "display_name", value: ``, message: "is required"},
	{doc: baseDocument, path: "display_name", value: `"a\u001b[31m"`, message: "control characters"},
	{doc: baseDocument, path: "schema_version", value: `2`, message: "must be 1, got 2"},
	{doc: baseDocument, path: "schema_version", value: `0`, message: "must be 1, got 0"},
	{doc: baseDocument, path: "auth_type", value: `"digest"`, message: `must be "oauth2", "api_key", "basic" or "aws_sigv4", got "digest"`},
	{doc: baseDocument, path: "auth_type", value: ``, message: `got ""`},
	{doc: baseDocument, path: "flow", value: `"api_key"`, message: `must be "pkce", "device_code", "dcr_pkce", "client_credentials", "jwt_bearer" or`},
	{doc: keyDocument, path: "flow", value: `"pkce"`, message: `must be "api_key"`},
	{doc: baseDocument, path: "oauth", value: ``, message: "is required"},
	{doc: baseDocument, path: "oauth", value: `[]`, message: "must be an object, got an array"},
	{doc: baseDocument, path: "docs", value: `"javascript:alert(1)"`, message: "web page"},
	{doc: baseDocument, path: "metadata", value: `[1]`, message: "must be an object"},
	{doc: baseDocument, path: "key_url", value: `"file:///etc/passwd"`, message: "web page"},
	{doc: baseDocument, path: "category", value: `"Large Models"`, message: "lowercase words"},
	{doc: baseDocument, path: "confidence", value: `"D"`, message: `"A", "B" or "C"`},
	{doc: baseDocument, path: "as_of", value: `"2026-13"`, message: "a month such as 2026-11"},
	{doc: baseDocument, path: "as_of", value: `"2026-11-23"`, message: "a month such as 2026-11"},
	{doc: baseDocument, path: "precedes", value: `["../other"]`, report: "precedes[0]", message: "another provider"},
	{doc: baseDocument, path: "precedes", value: `["acme"]`, report: "precedes[0]", message: "another provider", unseen: true},
	{doc: baseDocument, path: "precedes", value: `["other", "other"]`, report: "precedes[1]", message: "twice"},

	{doc: baseDocument, path: "host_url", value: `"http://api.acme.test"`, message: "loopback"},
	{doc: baseDocument, path: "host_url", value: `"*"`, message: ""},
	{doc: baseDocument, path: "host_url", value: `"*.com"`, message: "public suffix", unseen: true},
	{doc: baseDocument, path: "host_url", value: `"*.co.uk"`, message: "public suffix", unseen: true},
	{doc: baseDocument, path: "host_url", value: `"*.github.io"`, message: "public suffix", unseen: true},
	{doc: baseDocument, path: "host_url", value: `"192.0.2.7"`, message: "loopback address", unseen: true},
	{doc: baseDocument, path: "host_url", value: `"[2001:db8::7]"`, message: "loopback address", unseen: true},
	{doc: baseDocument, path: "host_url", value: `"regex:.*googleapis.*"`, message: "literal domain", unseen: true},
	{doc: baseDocument, path: "host_url", value: `"regex:("`, message: "missing closing", unseen: true},
	{doc: baseDocument, path: "host_url", value: `"api.acme.test@evil.test"`, message: "not allowed"},
	{doc: baseDocument, path: "host_url", value: `"x.{base_url}"`, message: "at the beginning only"},
	{doc: baseDocument, path: "host_url", value: `"{base_url}.evil.test"`, message: "go on with a path"},
	{doc: baseDocument, path: "hosts", value: `["a.acme.test", "a.acme.test"]`, report: "hosts[1]", message: "twice"},
	{doc: baseDocument, path: "hosts", value: `["api.acme.test"]`, report: "hosts[0]", message: "twice", unseen: true},
	{doc: baseDocument, path: "hosts", value: `["a.acme.test", 7]`, report: "hosts[1]", message: "must be a string, got a number"},
	{doc: baseDocument, path: "hosts", value: `"a.acme.test"`, message: "must be an array, got a string"},

	{doc: baseDocument, path: "flow", value: `"jwt_bearer"`, report: "oauth.assertion", message: "is required"},
	{doc: baseDocument, path: "oauth.discovery", value: `"magic"`, message: `"resource" or "issuer"`},
	{doc: baseDocument, path: "oauth.discovery", value: `"resource"`, report: "oauth.resource", message: "the URL of the protected resource"},
	{doc: baseDocument, path: "oauth.discovery", value: `"issuer"`, report: "oauth.issuer", message: "is required"},
	{doc: baseDocument, path: "oauth.require_par", value: `true`, report: "oauth.pushed_authorization_url", message: "is required"},
	{doc: baseDocument, path: "oauth.assertion", value: `"saml"`, message: `"google_service_account" or "github_app"`},
	{doc: baseDocument, path: "oauth.api_host", value: `{"member": "instance_url", "within": []}`, report: "oauth.api_host.within", message: "is required"},
	{doc: baseDocument, path: "oauth.api_host", value: `{"member": "a..b", "within": ["*.acme.test"]}`, report: "oauth.api_host.member", message: "joined by dots"},
	{doc: baseDocument, path: "oauth.api_host", value: `{"member": "a", "within": ["*.com"]}`, report: "oauth.api_host.within[0]", message: "public suffix", unseen: true},
	{doc: baseDocument, path: "hosts", value: `["{api_host}"]`, report: "hosts[0]", message: "does not say where to learn it", unseen: true},
	{doc: baseDocument, path: "account", value: `{"url": "https://api.acme.test/me"}`, report: "account.id", message: "is required"},
	{doc: baseDocument, path: "account", value: `{"id": "id"}`, report: "account.url", message: "must be", unseen: true},
	{doc: baseDocument, path: "account", value: `{"from": "guess", "id": "id"}`, report: "account.from", message: `"url", "token" or "id_token"`},
	{doc: keyDocument, path: "inject", value: `{"headers": {"X-Other": "{other}"}}`, report: "inject.headers.X-Other", message: "does not have", unseen: true},
	{doc: keyDocument, path: "inject", value: `{"query": {"key": "{api_key"}}`, report: "inject.query.key", message: "a template", unseen: true},
	{doc: baseDocument, path: "inject", value: `{"query": {"token": "{access_token}"}}`, report: "inject.query", message: "never travels in a URL", unseen: true},
	{doc: keyDocument, path: "api_key", value: `{"fields": [{"name": "Other Key"}]}`, report: "api_key.fields[0].name", message: "lowercase letters"},
	{doc: keyDocument, path: "api_key", value: `{"fields": [{"name": "a"}, {"name": "a"}]}`, report: "api_key.fields[1].name", message: "twice", unseen: true},
	{doc: keyDocument, path: "api_key", value: `{"base_url": "http://acme.test"}`, report: "api_key.base_url", message: "https"},

	{doc: baseDocument, path: "oauth.token_url", value: ``, message: "is required"},
	{doc: baseDocument, path: "oauth.token_url", value: `"http://x"`, message: `must be https (http only for loopback hosts), got "http://x"`},
	{doc: baseDocument, path: "oauth.token_url", value: `"https://user:pw@acme.test/token"`, message: "user name"},
	{doc: baseDocument, path: "oauth.token_url", value: `"https://acme.test/token#x"`, message: "fragment"},
	{doc: baseDocument, path: "oauth.token_url", value: `"https://{tenant}.acme.test/token"`, message: "placeholders"},
	{doc: baseDocument, path: "oauth.token_url", value: `"https://acme.test/{token}"`, message: "placeholders"},
	{doc: baseDocument, path: "oauth.token_url", value: `"//acme.test/token"`, message: "must be https"},
	{doc: baseDocument, path: "oauth.token_url", value: `"https:///token"`, message: "name a host"},
	{doc: baseDocument, path: "oauth.token_url", value: `"https://acme.test/{base_url}"`, message: "at the beginning only"},
	{doc: baseDocument, path: "oauth.token_url", value: `["https://acme.test"]`, message: "must be a string, got an array"},
	{doc: baseDocument, path: "oauth.authorization_url", value: ``, message: `required for the flow "pkce"`},
	{doc: baseDocument, path: "oauth.base_url", value: `"https://acme.test?x=1"`, message: "without query"},
	{doc: baseDocument, path: "oauth.supports_device_flow", value: `true`, report: "oauth.device_authorization_url", message: "required"},
	{doc: baseDocument, path: "oauth.revocation_style", value: `"post"`, message: `"rfc7009"`},
	{doc: baseDocument, path: "oauth.revocation_style", value: `"bearer"`, report: "oauth.revocation_url", message: "is required"},
	{doc: baseDocument, path: "oauth.resource", value: `"https://acme.test/#x"`, message: "without a fragment"},
	{doc: baseDocument, path: "oauth.scopes", value: `["a", "a"]`, report: "oauth.scopes[1]", message: "twice"},
	{doc: baseDocument, path: "oauth.scopes", value: `["a b"]`, report: "oauth.scopes[0]", message: "one scope"},
	{doc: baseDocument, path: "oauth.scopes", value: `[""]`, report: "oauth.scopes[0]", message: "one scope"},
	{doc: baseDocument, path: "oauth.scope_separator", value: `"; "`, message: "a comma"},
	{doc: baseDocument, path: "oauth.scope_param", value: `"a b"`, message: "name of a parameter"},
	{doc: baseDocument, path: "oauth.pkce", value: `"maybe"`, message: `"required", "yes", "ignored" or "no"`},
	{doc: baseDocument, path: "oauth.pkce", value: `3`, message: `got "3"`},
	{doc: baseDocument, path: "oauth.client_auth", value: `"jwt"`, message: `"none", "basic"`},
	{doc: baseDocument, path: "oauth.body_format", value: `"xml"`, message: `"form" or "json"`},
	{doc: baseDocument, path: "oauth.device_client_auth", value: `"jwt"`, message: `"none", "basic"`},
	{doc: baseDocument, path: "oauth.device_params.client_id", value: `"x"`, message: "the client sets it"},
	{doc: baseDocument, path: "oauth.device_token_request", value: `"xml"`, message: `"oauth2_form" or "json"`},
	{doc: baseDocument, path: "oauth.redirect.kind", value: `"any"`, message: `"fixed-port"`},
	{doc: baseDocument, path: "oauth.redirect.kind", value: `"fixed-port"`, report: "oauth.redirect.port", message: "from 1 to 65535"},
	{doc: baseDocument, path: "oauth.redirect.kind", value: `"https-only"`, report: "oauth.redirect.uri", message: "https URL"},
	{doc: baseDocument, path: "oauth.redirect.port", value: `7999`, message: "must not be given"},
	{doc: baseDocument, path: "oauth.redirect.host", value: `"acme.test"`, message: "loopback host"},
	{doc: baseDocument, path: "oauth.redirect.path", value: `"callback"`, message: "must be a path"},
	{doc: baseDocument, path: "oauth.authorize_params", value: `{"state": "x"}`, report: "oauth.authorize_params.state", message: "the client sets it"},
	{doc: baseDocument, path: "oauth.token_params", value: `{"code": "x"}`, report: "oauth.token_params.code", message: "the client sets it"},
	{doc: baseDocument, path: "oauth.refresh_params", value: `{"refresh_token": "x"}`, report: "oauth.refresh_params.refresh_token", message: "the client sets it"},
	{doc: baseDocument, path: "oauth.authorize_params", value: `{"x": 1}`, report: "oauth.authorize_params.x", message: "must be a string, got a number"},
	{doc: baseDocument, path: "oauth.error_map", value: `{"gone": "fatal"}`, report: "oauth.error_map.gone", message: `"transient"`},
	{doc: baseDocument, path: "oauth.default_expires_in", value: `-1`, message: "number of seconds"},
	{doc: baseDocument, path: "oauth.refresh_expires_in", value: `-1`, message: "number of seconds"},
	{doc: baseDocument, path: "oauth.default_expires_in", value: `"3600"`, message: "must be a whole number, got a string"},

	{doc: baseDocument, path: "token_command", value: `[]`, message: "on the PATH"},
	{doc: baseDocument, path: "token_command", value: `["./acme"]`, message: "on the PATH"},
	{doc: baseDocument, path: "token_command", value: `["-acme"]`, message: "on the PATH"},
	{doc: baseDocument, path: "token_command", value: `["acme", ""]`, report: "token_command[1]", message: "must not be empty"},
	{doc: baseDocument, path: "token_command", value: `["acme", "a\nb"]`, report: "token_command[1]", message: "control characters"},
	{doc: baseDocument, path: "notes", value: `[" "]`, report: "notes[0]", message: "a sentence"},
	{doc: baseDocument, path: "notes", value: `["a\u001b[31m"]`, report: "notes[0]", message: "control characters"},
	{doc: baseDocument, path: "oauth.rotation", value: `"always"`, message: `"optional"`},
	{doc: baseDocument, path: "oauth.challenge_encoding", value: `"base32"`, message: `"base64url" or "hex"`},
	{doc: baseDocument, path: "oauth.client_id_param", value: `"a b"`, message: "name of a parameter"},
	{doc: baseDocument, path: "oauth.device_scope_param", value: `"a\"b"`, message: "name of a parameter"},
	{doc: baseDocument, path: "oauth.authorize_params.audience", value: `"x{base_url}"`, message: "at the beginning only"},
	{doc: baseDocument, path: "oauth.token_params.audience", value: `"{base_url}.evil.test"`, message: "go on with a path"},
	{doc: baseDocument, path: "oauth.revocation_request", value: `{"params": {"token": "{token}"}}`, message: `unless revocation_style is "own"`},
	{doc: ownDocument, path: "oauth.revocation_request", value: ``, message: "is required"},
	{doc: ownDocument, path: "oauth.revocation_request.method", value: `"GET"`, message: `"POST" or "DELETE"`},
	{doc: ownDocument, path: "oauth.revocation_request.format", value: `"xml"`, message: `"form", "json" or "query"`},
	{doc: ownDocument, path: "oauth.revocation_request.params", value: `{"t": "{password}"}`, report: "oauth.revocation_request.params.t", message: "placeholders"},
	{doc: ownDocument, path: "oauth.revocation_request.params", value: `{"client_id": "{client_id}"}`, report: "oauth.revocation_request", message: "what is revoked", unseen: true},
	{doc: ownDocument, path: "oauth.revocation_request.headers", value: `{"Host": "{token}"}`, report: "oauth.revocation_request.headers.Host", message: "belongs to the connection", unseen: true},
	{doc: longDocument, path: "oauth.long_lived.exchange_url", value: `"http://acme.test"`, message: "must be https"},
	{doc: longDocument, path: "oauth.long_lived.exchange_params", value: `{"t": "x"}`, message: "{access_token}", unseen: true},
	{doc: longDocument, path: "oauth.long_lived.renew_params", value: `{"t": "{refresh_token}"}`, report: "oauth.long_lived.renew_params.t", message: "placeholders"},
	{doc: longDocument, path: "oauth.long_lived", value: `{}`, message: "exchange_url, renew_params or both", unseen: true},
	{doc: longDocument, path: "oauth.refresh_url", value: ``, message: "is required when there are long_lived.renew_params"},
	{doc: keyDocument, path: "inject.defaults", value: `{"Authorization": "x"}`, report: "inject.defaults.Authorization", message: "carries a credential"},

	{doc: keyDocument, path: "api_key.header_name", value: `"X Key"`, message: "header field"},
	{doc: keyDocument, path: "api_key.header_name", value: `"Host"`, message: "belongs to the connection", unseen: true},
	{doc: keyDocument, path: "api_key.header_prefix", value: `"Bearer\r\nX: "`, message: "control characters"},
	{doc: keyDocument, path: "api_key.header_name", value: `1`, message: "must be a string, got a number"},
	{doc: keyDocument, path: "api_key", value: `{"fields": [{"name": "a"}, {"name": "b", "public": "yes"}]}`, report: "api_key.fields[1].public", message: "must be true or false, got a string"},
	{doc: keyDocument, path: "api_key.header_prefix", value: `1`, message: "must be a string, got a number"},
	{doc: keyDocument, path: "api_key.key_pattern", value: `"("`, message: "RE2", unseen: true},
	{doc: keyDocument, path: "api_key.env_var", value: `"ACME-KEY"`, message: "environment variable"},
	{doc: keyDocument, path: "client.client_id_env", value: `"1ID"`, message: "environment variable"},
	{doc: keyDocument, path: "client.client_secret_env", value: `"LD_PRELOAD"`, message: "must not be LD_PRELOAD"},
	{doc: keyDocument, path: "export.env.api_key", value: `"HTTPS_PROXY"`, message: "must not be HTTPS_PROXY"},
	{doc: keyDocument, path: "export.env.api_key", value: `"PATH"`, message: "must not be PATH"},
	{doc: keyDocument, path: "export.env.api_key", value: `""`, message: "environment variable"},
	{doc: keyDocument, path: "export", value: `{"env": {"api_key": "A", "x": "A"}}`, report: "export.env.x", message: "same variable", unseen: true},
	{doc: keyDocument, path: "export", value: `{"env": {"api_key": "A"}, "aliases": {"api_key": ["A"]}}`, report: "export.aliases.api_key[0]", message: "same variable", unseen: true},
	{doc: keyDocument, path: "inject.header", value: `"a:b"`, message: "header field"},
	{doc: keyDocument, path: "inject.headers", value: `{"authorization": "x"}`, report: "inject.headers.authorization", message: "carries a credential"},
	{doc: keyDocument, path: "inject.headers", value: `{"X-A": "1\n2"}`, report: "inject.headers.X-A", message: "control characters"},
	{doc: keyDocument, path: "inject.basic", value: `"both"`, message: `"user" or "password"`},
	{doc: keyDocument, path: "inject", value: `{"basic": "user", "prefix": "x"}`, report: "inject.prefix", message: "must be empty", unseen: true},
}

func TestParserNamesTheFieldOfEveryMistakeAndSchemaSeesIt(t *testing.T) {
	t.Parallel()
	schema := publishedSchema(t)
	for _, f := range faults {
		t.Run(f.path+"="+f.value, func(t *testing.T) {
			t.Parallel()
			doc := with(t, f.doc, f.path, f.value)
			_, err := Parse(doc)
			invalid, ok := errors.AsType[*ValidationError](err)
			if !ok {
				t.Fatalf("got %v, want a ValidationError", err)
			}
			path := f.report
			if path == "" {
				path = f.path
			}
			if !slices.ContainsFunc(invalid.Problems, func(p Problem) bool {
				return p.Path == path && strings.Contains(p.Message, f.message)
			}) {
				t.Errorf("got %v, want a problem of %s with %q", invalid.Problems, path, f.message)
			}
			if schemaErr := validateBySchema(t, schema, doc); (schemaErr == nil) != f.unseen {
				t.Errorf("schema says %v", schemaErr)
			}
		})
	}
}

// The base URL of a key counts as that of a login does: its host is what credentials go to.
func TestHostsAreCheckedWithTheOwnBaseURL(t *testing.T) {
	t.Parallel()
	for base, problem := range map[string]string{"https://192.0.2.1": "loopback", "https://acme.test": ""} {
		doc := with(t, string(with(t, keyDocument, "host_url", `"{base_url}/v1"`)), "api_key.base_url", `"`+base+`"`)
		_, err := Parse(doc)
		if (err == nil) != (problem == "") || err != nil && !strings.Contains(err.Error(), problem) {
			t.Errorf("%s: %v, want %q", base, err, problem)
		}
	}
}

func TestParseReportsAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	_, err := Parse([]byte(`{"name": 1, "display_name": ["x"], "auth_type": "oauth2", "flow": "pkce",
		"oauth": {"token_url": "http://acme.test", "scopes": "x", "token_url": "http://acme.test"}}`))
	invalid, ok := errors.AsType[*ValidationError](err)
	if !ok {
		t.Fatal(err)
	}
	var paths []string
	for _, p := range invalid.Problems {
		paths = append(paths, p.Path)
	}
	slices.Sort(paths)
	want := []string{"display_name", "name", "oauth.authorization_url", "oauth.scopes", "oauth.token_url", "oauth.token_url"}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Errorf("paths (-want +got):\n%s\n%v", diff, err)
	}
}

func TestParseRefusesWhatIsNoObject(t *testing.T) {
	t.Parallel()
	for _, doc := range []string{
		"", "null", "[]", "7", `"x"`, "{", `{"name": }`, "{} {}", strings.Repeat("[", 100_000),
		strings.Repeat(" ", maxSize+1) + keyDocument,
	} {
		if _, err := Parse([]byte(doc)); err == nil {
			t.Errorf("%.20q is accepted", doc)
		}
	}
}

func TestDefinitionsOfGeneration02MeanWhatTheyMeant(t *testing.T) {
	t.Parallel()
	docs := readDocuments(t, "testdata/generation02/*.json")
	fleet := mustParse(t, docs["acme-fleet.json"])
	if fleet.OAuth.PKCE != authsome.PKCENo || fleet.Client.ClientIDEnv != "ACME_FLEET_CLIENT_ID" {
		t.Errorf("got %+v", fleet)
	}
	hosts, _, err := Patterns(fleet, "", "")
	if err != nil || !hosts[0].MatchHost("https", "api7.acme-fleet.com", "") ||
		hosts[0].MatchHost("https", "api7.acme-fleet.com.evil.test", "") {
		t.Errorf("the expression is not matched in full: %v", err)
	}
	for name, want := range map[string]authsome.Injection{
		"acme-key.json":  {Header: "X-Acme-Key"},
		"acme-mini.json": {Header: "Authorization", Prefix: "Bearer "},
		"acme-crm.json":  {Header: "Authorization", Prefix: "Bearer "},
	} {
		if diff := cmp.Diff(want, Injection(mustParse(t, docs[name]))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	lamp := mustParse(t, docs["acme-lamp.json"])
	if lamp.OAuth.DeviceTokenRequest != authsome.DeviceTokenJSON || lamp.SchemaVersion != 1 {
		t.Errorf("got %+v", lamp.OAuth)
	}
}

func TestDefinitionSurvivesEncoding(t *testing.T) {
	t.Parallel()
	docs := readDocuments(t, "testdata/generation02/*.json")
	for name, doc := range readDocuments(t, "testdata/*.jsonc") {
		docs[name] = doc
	}
	for name, doc := range docs {
		p := mustParse(t, doc)
		encoded, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(encoded)
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, encoded)
			continue
		}
		again.Metadata, p.Metadata = nil, nil // white space
		if diff := cmp.Diff(p, again, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(baseDocument))
	f.Add([]byte(keyDocument))
	f.Add([]byte(`{"name": 1, "oauth": {"scopes": {"a": []}}, "api_key": {"header_prefix": 3}} // x`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		p, err := Parse(doc)
		if err == nil { // what occurs twice is refused, and may differ
			comparePlain(t, jsonc.ToJSON(doc))
		}
		if err != nil {
			return
		}
		encoded, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(encoded); err != nil {
			t.Fatalf("%s: %v", encoded, err)
		}
		hosts, excluded, err := Patterns(p, "", "")
		if err != nil && p.OAuth != nil && p.OAuth.BaseURL != "" {
			t.Fatalf("%s: %v", encoded, err)
		}
		for _, h := range append(hosts, excluded...) {
			if h.MatchHost("http", "acme.test", "80") {
				t.Fatalf("%s matches cleartext", h)
			}
		}
	})
}
