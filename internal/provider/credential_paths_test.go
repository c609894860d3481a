package provider

import (
	"net/http"
	"strings"
	"testing"

	"authsome"
	"authsome/internal/policy"
)

// Attack 23: what makes a key, or hands one out, that outlives the run.
func TestRequestsThatAreAnsweredWithANewCredentialAreNamed(t *testing.T) {
	t.Parallel()
	for name, requests := range map[authsome.ProviderName]string{
		"google-service-account": "POST iam.googleapis.com/v1/projects/p/serviceAccounts/a@p.iam.gserviceaccount.com/keys; " +
			"POST iam.googleapis.com/batch; POST iam.googleapis.com/google.iam.admin.v1.IAM/CreateServiceAccountKey; " +
			"POST iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@p.iam.gserviceaccount.com:generateAccessToken; " +
			"GET apikeys.googleapis.com/v2/projects/p/locations/global/keys/k/keyString",
		"google": "POST sts.googleapis.com/v1/token; POST iam.mtls.googleapis.com/v1/projects/p/serviceAccounts/s/keys; " +
			"POST iam.googleapis.com/$rpc/google.iam.admin.v1.IAM/CreateServiceAccountKey; POST storage.googleapis.com/storage/v1/projects/p/hmacKeys; " +
			"POST cloudbuild.googleapis.com/v2/projects/p/locations/l/connections/c/repositories/r:accessReadWriteToken",
		"sendgrid": "POST api.sendgrid.com/v3/api_keys; POST api.eu.sendgrid.com/v3/api_keys",
		"gitlab": "POST gitlab.com/api/v4/groups/a%2Fb/service_accounts/1/personal_access_tokens; POST gitlab.com/api/v4/runners/1/reset_authentication_token; " +
			"POST gitlab.com/api/v4/applications/1/renew-secret; GET gitlab.com/api/v4/projects/1/triggers/2",
		"cloudflare":  "GET api.cloudflare.com/client/v4/accounts/a/warp_connector/t/token; POST api.cloudflare.com/client/v4/zones/z/access/service_tokens",
		"heroku":      "GET api.heroku.com/oauth/authorizations/a; POST api.heroku.com/oauth/clients/c/actions/rotate-credentials",
		"neon":        "POST console.neon.tech/api/v2/organizations/o/api_keys; GET console.neon.tech/api/v2/projects/p/branches/b/roles/r/reveal_password",
		"supabase":    "GET api.supabase.com/v1/projects/p/api-keys/k; POST api.supabase.com/v1/projects/p/cli/login-role",
		"stripe-app":  "POST api.stripe.com/v1/terminal/connection_tokens",
		"slack-bot":   "GET slack.com/api/oauth.v2.exchange; POST slack.com/api/apps.manifest.create",
		"algolia":     "GET app1-dsn.algolia.net/1/keys; POST app1.algolia.net/1/keys",
		"postmark":    "GET api.postmarkapp.com/server",
		"discord-bot": "GET discord.com/api/v10/guilds/1/webhooks; POST discord.com/api/channels/1/webhooks",
		"fly":         "POST api.machines.dev/v1/apps/a/deploy_token",
		"bunny":       "GET api.bunny.net/apikey",
		"langsmith":   "POST api.smith.langchain.com/api/v1/api-key/current; POST eu.api.smith.langchain.com/api-key",
		"shopify-key": "POST shopify-key.tenant.test/admin/api/2026-01/storefront_access_tokens.json",
		"wordpress":   "POST wordpress.tenant.test/wp-json/wp/v2/users/me/application-passwords",
		"zendesk":     "POST zendesk.tenant.test/api/v2/oauth/tokens.json; GET zendesk.tenant.test/api/v2/webhooks/w/signing_secret",
		"openai":      "POST api.openai.com/v1/realtime/client_secrets; POST api.openai.com/v1/organization/admin_api_keys",
		"datadog":     "POST api.datadoghq.com/api/v2/api_keys; POST api.datadoghq.eu/api/v1/application_key",
		"linode":      "POST api.linode.com/v4/profile/tokens; POST api.linode.com/v4beta/profile/tokens",
		"twilio": "POST api.twilio.com/2010-04-01/Accounts/AC1/Keys.json; POST api.twilio.com/2010-04-01/Accounts/AC1/Keys; " +
			"POST api.twilio.com/2010-04-01/Accounts.json; GET api.twilio.com/2010-04-01/Accounts/AC2.json",
		"sentry":          "POST us.sentry.io/api/0/api-tokens/",
		"terraform-cloud": "POST app.terraform.io/api/v2/teams/team-1/authentication-tokens",
		"turso":           "POST api.turso.tech/v1/organizations/o/databases/d/auth/tokens",
		"scaleway":        "POST api.scaleway.com/iam/v1alpha1/api-keys",
		"mailgun":         "POST api.eu.mailgun.net/v1/keys",
		"doppler":         "POST api.doppler.com/v3/configs/config/tokens; POST api.doppler.com/v3/workplace/service_accounts/service_account/s/tokens",
		"deepgram":        "POST api.deepgram.com/v1/projects/p/keys",
		"microsoft": "POST graph.microsoft.com/v1.0/applications/a/addPassword; POST graph.microsoft.com/v1.0/applications(appId='a')/addPassword; " +
			"POST graph.microsoft.com/beta/servicePrincipals/s/microsoft.graph.addPassword; " +
			"POST graph.microsoft.com/v1.0/users/u/authentication/temporaryAccessPassMethods",
		"facebook":  "GET graph.facebook.com/v19.0/oauth/access_token; POST graph.facebook.com/oauth/access_token; GET graph.facebook.com/v22.0/me/accounts",
		"instagram": "GET graph.instagram.com/v22.0/refresh_access_token; GET graph.instagram.com/refresh_access_token",
		"github": "GET api.github.com/copilot_internal/v2/token; POST api.github.com/enterprises/e/actions/runners/registration-token; " +
			"POST github.com/api/v3/app/installations/1/access_tokens",
	} {
		deny := policy.New(policy.Config{Deny: credentialRules(t, name)})
		for request := range strings.SplitSeq(requests, "; ") {
			method, target, _ := strings.Cut(request, " ")
			r := &http.Request{Method: method, URL: mustURL(t, "https://"+target), Header: http.Header{}}
			if deny.For("https", r.URL.Host, "443", true).Judge(r) == nil {
				t.Errorf("%s: %s is none of them", name, request)
			}
			if r.Method = http.MethodHead; deny.For("https", r.URL.Host, "443", true).Judge(r) != nil {
				t.Errorf("%s: HEAD %s is one of them", name, target)
			}
		}
	}
}

// credentialRules returns the credential paths of a definition; one without a base URL is given one of its own.
func credentialRules(t *testing.T, name authsome.ProviderName) []policy.Rule {
	t.Helper()
	p, base := lookup(t, name), ""
	if ownBase(p) == "" {
		base = "https://" + string(name) + ".tenant.test"
	}
	rules, err := CredentialPaths(p, base)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// What agents do every day is not taken for the making of a credential.
func TestRequestsThatAreAnsweredWithDataAreNotTakenForCredentials(t *testing.T) {
	t.Parallel()
	for name, requests := range map[authsome.ProviderName]string{
		"github":       "POST api.github.com/repos/o/r/issues; POST api.github.com/repos/o/r/actions/runners/1/labels; GET github.com/api/v3/user",
		"gitlab":       "GET gitlab.com/api/v4/projects/1; POST gitlab.com/api/v4/projects/1/trigger/pipeline; GET gitlab.com/api/v4/personal_access_tokens/self",
		"google":       "POST iam.googleapis.com/v1/projects/p/serviceAccounts; GET storage.googleapis.com/storage/v1/b/b/o/a%2Fb; POST www.googleapis.com/calendar/v3/freeBusy",
		"cloudflare":   "GET api.cloudflare.com/client/v4/user/tokens/verify; POST api.cloudflare.com/client/v4/accounts/a/workers/scripts/s/assets-upload-session",
		"microsoft":    "POST graph.microsoft.com/v1.0/applications; POST graph.microsoft.com/v1.0/$batch; GET graph.microsoft.com/v1.0/me",
		"twilio":       "POST api.twilio.com/2010-04-01/Accounts/AC1/Messages.json; GET api.twilio.com/2010-04-01/Accounts/AC1/Keys.json",
		"stripe":       "POST api.stripe.com/v1/payment_intents; POST api.stripe.com/v1/webhook_endpoints",
		"discord-bot":  "POST discord.com/api/v10/channels/1/messages; POST discord.com/api/v10/webhooks/1/t0ken; GET discord.com/api/v10/users/@me",
		"slack":        "POST slack.com/api/chat.postMessage; GET slack.com/api/conversations.list",
		"supabase":     "GET api.supabase.com/v1/projects; POST api.supabase.com/v1/projects/p/database/query",
		"datadog":      "GET api.datadoghq.com/api/v2/api_keys; GET api.datadoghq.com/api/v1/validate; POST api.datadoghq.com/api/v2/logs/events/search",
		"digitalocean": "GET api.digitalocean.com/v2/databases; POST api.digitalocean.com/v2/droplets",
		"neon":         "GET console.neon.tech/api/v2/projects; POST console.neon.tech/api/v2/projects/p/branches",
		"zendesk":      "GET zendesk.tenant.test/api/v2/oauth/tokens/current.json; POST zendesk.tenant.test/api/v2/tickets.json",
		"wordpress":    "GET wordpress.tenant.test/wp-json/wp/v2/users/me; POST wordpress.tenant.test/wp-json/wp/v2/posts",
		"algolia":      "POST app1-dsn.algolia.net/1/indexes/i/query; GET app1-dsn.algolia.net/1/indexes/keys/k",
	} {
		deny := policy.New(policy.Config{Deny: credentialRules(t, name)})
		for request := range strings.SplitSeq(requests, "; ") {
			method, target, _ := strings.Cut(request, " ")
			r := &http.Request{Method: method, URL: mustURL(t, "https://"+target), Header: http.Header{}}
			if why := deny.For("https", r.URL.Host, "443", true).Judge(r); why != nil {
				t.Errorf("%s: %s is one of them", name, request)
			}
		}
	}
}
