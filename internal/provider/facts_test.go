package provider

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"authsome"
)

// fact is what is known of one provider, by the names of the table's columns.
type fact map[string]string

func readFacts(t *testing.T) []fact {
	t.Helper()
	content, err := os.ReadFile("testdata/oauth_facts.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var columns []string
	var facts []fact
	for line := range strings.Lines(string(content)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		switch {
		case strings.HasPrefix(line, "#"):
		case columns == nil:
			columns = fields
		case len(fields) != len(columns):
			t.Fatalf("%d fields in %q", len(fields), line)
		default:
			f := make(fact)
			for i, column := range columns {
				f[column] = fields[i]
			}
			facts = append(facts, f)
		}
	}
	return facts
}

func TestOAuthDefinitionsAgreeWithWhatIsKnown(t *testing.T) {
	t.Parallel()
	facts := readFacts(t)
	if len(facts) < 65 {
		t.Fatalf("only %d providers in the table", len(facts))
	}
	for _, f := range facts {
		t.Run(f["name"], func(t *testing.T) {
			t.Parallel()
			p := lookup(t, authsome.ProviderName(f["name"]))
			if p.AuthType != authsome.AuthTypeOAuth2 {
				t.Fatalf("is no OAuth provider")
			}
			said := saidOf(t, p)
			for column, want := range f {
				if got := said(column, want); got != want {
					t.Errorf("%s: the definition says %q, known is %q", column, got, want)
				}
			}
		})
	}
}

// saidOf returns what a definition says in the words of the table. It is given what is known, because not everything
// that is known need be in a definition.
func saidOf(t *testing.T, p *authsome.Provider) func(column, known string) string {
	t.Helper()
	o := p.OAuth
	if o.BaseURL != "" {
		var err error
		if o, err = Expand(p, ""); err != nil {
			t.Fatal(err)
		}
	}
	return func(column, known string) string {
		switch column {
		case "name":
			return string(p.Name)
		case "authorization_url":
			return o.AuthorizationURL
		case "token_url":
			return o.TokenURL
		case "refresh_url":
			return orDash(o.RefreshURL)
		case "revocation_url":
			return orDash(o.RevocationURL)
		case "revocation_style":
			return orDash(strings.TrimSuffix(string(o.RevocationStyle), string(authsome.RevokeNone)))
		case "device_url":
			return leftOut(o.DeviceAuthorizationURL, known)
		case "registration_url":
			return leftOut(o.RegistrationEndpoint, known)
		case "pkce":
			return string(o.PKCE)
		case "client_auth":
			return clientAuthSaid(o, known)
		case "body":
			return orElse(string(o.BodyFormat), "form")
		case "scope_separator":
			return map[string]string{"": "space", " ": "space", ",": "comma"}[o.ScopeSeparator]
		case "authorize_params":
			return paramsSaid(o, known)
		case "rotation":
			return orDash(string(o.Rotation))
		case "refresh_days":
			return refreshDaysSaid(o)
		case "redirect":
			return redirectSaid(o, known)
		case "confidence":
			return p.Confidence
		default:
			return "no such column"
		}
	}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func orDash(s string) string { return orElse(s, "-") }

// leftOut agrees with a URL that is known and not to be in the definition.
func leftOut(said, known string) string {
	if said == "" && strings.HasPrefix(known, "~") {
		return known
	}
	return orDash(said)
}

// clientAuthSaid agrees when the definition's method is one that the server takes, and when a secret may be left out
// just where the server takes none.
func clientAuthSaid(o *authsome.OAuth, known string) string {
	methods := strings.Split(known, "|")
	public := slices.Contains(methods, string(authsome.ClientAuthNone))
	if slices.Contains(methods, string(o.ClientAuth)) && o.SecretOptional == public {
		return known
	}
	return fmt.Sprintf("%s, secret optional: %t", o.ClientAuth, o.SecretOptional)
}

// paramsSaid agrees when the definition has the parameters that are known; it may have more.
func paramsSaid(o *authsome.OAuth, known string) string {
	if known == "-" {
		return known
	}
	for param := range strings.SplitSeq(known, ";") {
		name, value, _ := strings.Cut(param, "=")
		if o.AuthorizeParams[name] != value {
			return fmt.Sprint(o.AuthorizeParams)
		}
	}
	return known
}

func refreshDaysSaid(o *authsome.OAuth) string {
	switch {
	case o.NoRefreshToken:
		return "none"
	case o.RefreshExpiresIn == 0:
		return "-"
	default:
		return fmt.Sprint(o.RefreshExpiresIn / 86400)
	}
}

func redirectSaid(o *authsome.OAuth, known string) string {
	kind, host, _ := strings.Cut(known, " ")
	if known == "-" || string(o.Redirect.Kind) == kind && (host == "" || orElse(o.Redirect.Host, "127.0.0.1") == host) {
		return known
	}
	return string(o.Redirect.Kind) + " " + o.Redirect.Host
}

// Codes that are not those of the RFCs, and what they mean.
func TestDefinitionsKnowTheErrorsOfTheirProviders(t *testing.T) {
	t.Parallel()
	for _, line := range strings.Split(`x invalid_request grant
zoho invalid_code grant
microsoft interaction_required grant
microsoft consent_required grant
github bad_refresh_token grant
github incorrect_client_credentials client
slack invalid_refresh_token grant
slack-user token_expired grant
salesforce inactive_user grant
salesforce inactive_org grant
instagram 190 grant
strava RefreshToken.invalid grant
strava Application.invalid client
twitch Invalid_refresh_token grant`, "\n") {
		f := strings.Fields(line)
		code := f[1]
		if f[0] == "twitch" {
			code = strings.ReplaceAll(code, "_", " ") // it has no codes, only messages
		}
		if got := lookup(t, authsome.ProviderName(f[0])).OAuth.ErrorMap[code]; got != f[2] {
			t.Errorf("%s: %s is %q, want %q", f[0], code, got, f[2])
		}
	}
}

func TestDefinitionsHaveWhatTheirProvidersDoInTheirOwnWay(t *testing.T) {
	t.Parallel()
	o := make(map[authsome.ProviderName]*authsome.OAuth)
	for _, p := range bundledProviders(t) {
		o[p.Name] = p.OAuth
	}
	tiktok, square, instagram := o["tiktok"], o["square"].RevocationRequest, o["instagram"]
	for what, ok := range map[string]bool{
		"tiktok calls the client's identifier client_key": tiktok.ClientIDParam == "client_key" &&
			tiktok.RevocationRequest.Params["client_key"] == "{client_id}",
		"tiktok wants the challenge in hexadecimal": tiktok.ChallengeEncoding == authsome.ChallengeHex,
		"tiktok's paths end with a slash":           strings.HasSuffix(tiktok.TokenURL, "/") && strings.HasSuffix(tiktok.AuthorizationURL, "/"),
		"instagram exchanges and renews": instagram.LongLived.ExchangeParams["grant_type"] == "ig_exchange_token" &&
			instagram.LongLived.RenewParams["grant_type"] == "ig_refresh_token",
		"facebook exchanges, and does not renew": o["facebook"].LongLived.ExchangeParams["grant_type"] == "fb_exchange_token" &&
			len(o["facebook"].LongLived.RenewParams) == 0,
		"twitch has scopes of its own for devices": o["twitch"].DeviceScopeParam == "scopes" && o["twitch"].DeviceClientAuth == authsome.ClientAuthNone,
		"twitch revokes without the secret":        o["twitch"].RevocationRequest.Params["client_secret"] == "",
		"square revokes as a client":               square.Headers["Authorization"] == "Client {client_secret}" && square.Format == authsome.BodyJSON,
		"todoist revokes with DELETE": o["todoist"].RevocationRequest.Method == "DELETE" &&
			o["todoist"].RevocationRequest.Format == authsome.BodyQuery,
		"zendesk is asked for tokens that expire": o["zendesk"].TokenParams["expires_in"] != "",
		"shopify is asked for tokens that expire": o["shopify"].TokenParams["expiring"] == "1",
	} {
		if !ok {
			t.Errorf("not so: %s", what)
		}
	}
}

// An access token that a refresh ends must not be handed out while one is under way.
func TestDefinitionsSayWhereARefreshEndsTheAccessToken(t *testing.T) {
	t.Parallel()
	for _, name := range []authsome.ProviderName{"github", "airtable"} {
		if !lookup(t, name).OAuth.KillsOldAccessToken {
			t.Errorf("%s does not say so", name)
		}
	}
}

func TestEveryOAuthDefinitionIsDated(t *testing.T) {
	t.Parallel()
	for _, p := range bundledProviders(t) {
		if p.AuthType == authsome.AuthTypeOAuth2 && p.AsOf == "" && p.Confidence != "C" {
			t.Errorf("%s has no month", p.Name)
		}
	}
}
