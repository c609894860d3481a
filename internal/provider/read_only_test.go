package provider

import (
	"net/http"
	"strings"
	"testing"

	"authsome"
	"authsome/internal/policy"
)

// What reads may be POST, and what changes something GET.
func TestReadingOnlyIsJudgedByWhatIsKnown(t *testing.T) {
	t.Parallel()
	for name, cases := range map[authsome.ProviderName]struct{ through, refused string }{
		"apify": {
			through: "GET api.apify.com/v2/actors/a; GET api.apify.com/v2/acts/a/runs",
			refused: "GET api.apify.com/v2/acts/a/run-sync; GET api.apify.com/v2/actors/a/run-sync-get-dataset-items; GET api.apify.com/v2/actor-tasks/t/run-sync",
		},
		"cloudflare": {
			through: "GET api.cloudflare.com/client/v4/zones; POST api.cloudflare.com/client/v4/accounts/a/ai/run/@cf/meta/llama-3-8b-instruct",
			refused: "GET api.cloudflare.com/client/v4/accounts/a/alerting/v3/policies/p/email/unsubscribe; POST api.cloudflare.com/client/v4/graphql; " +
				"GET api.cloudflare.com/client/v4/accounts/a/browser-rendering/devtools/browser/s/json/close/t",
		},
		"notion": {
			through: "POST api.notion.com/v1/search; POST api.notion.com/v1/data_sources/d/query",
			refused: "POST api.notion.com/v1/pages; POST api.notion.com/v1/databases; PATCH api.notion.com/v1/pages/p",
		},
		"hubspot": {
			through: "POST api.hubapi.com/crm/v3/objects/contacts/search; POST api.hubapi.com/crm/v3/objects/contacts/batch/read",
			refused: "POST api.hubapi.com/crm/v3/objects/contacts; POST api.hubapi.com/crm/v3/objects/contacts/batch/update",
		},
		"dropbox": {
			through: "POST api.dropboxapi.com/2/files/list_folder; POST content.dropboxapi.com/2/files/download",
			refused: "POST api.dropboxapi.com/2/files/delete_v2; POST content.dropboxapi.com/2/files/upload",
		},
		"elasticsearch": {
			through: "POST elasticsearch.tenant.test/logs-1/_search; POST elasticsearch.tenant.test/_query; GET elasticsearch.tenant.test/a/_doc/1",
			refused: "POST elasticsearch.tenant.test/a/_doc; POST elasticsearch.tenant.test/_bulk; POST elasticsearch.tenant.test/a/_delete_by_query",
		},
		"qdrant": {
			through: "POST qdrant.tenant.test/collections/c/points/query; POST qdrant.tenant.test/collections/c/points",
			refused: "PUT qdrant.tenant.test/collections/c/points; POST qdrant.tenant.test/collections/c/points/delete",
		},
		"algolia": {
			through: "POST app1-dsn.algolia.net/1/indexes/*/queries; POST app1-1.algolianet.com/1/indexes/i/query",
			refused: "POST app1.algolia.net/1/indexes/i/batch; POST app1.algolia.net/1/indexes/i/deleteByQuery",
		},
		"google-gemini": {
			through: "POST generativelanguage.googleapis.com/v1beta/models/m:generateContent",
			refused: "POST generativelanguage.googleapis.com/v1beta/cachedContents; POST generativelanguage.googleapis.com/v1beta/models/m:predictLongRunning",
		},
		"ashby":    {through: "POST api.ashbyhq.com/candidate.list", refused: "POST api.ashbyhq.com/candidate.create"},
		"groq":     {through: "POST api.groq.com/openai/v1/chat/completions", refused: "POST api.groq.com/openai/v1/files"},
		"supabase": {through: "POST api.supabase.com/v1/projects/p/database/query/read-only", refused: "POST api.supabase.com/v1/projects/p/database/query"},
		"square":   {through: "POST connect.squareup.com/v2/orders/search", refused: "POST connect.squareup.com/v2/orders"},
	} {
		judge := readOnly(t, name)
		for requests, want := range map[string]bool{cases.through: true, cases.refused: false} {
			for request := range strings.SplitSeq(requests, "; ") {
				method, target, _ := strings.Cut(request, " ")
				r := &http.Request{Method: method, URL: mustURL(t, "https://"+target), Header: http.Header{}}
				if got := judge(r) == nil; got != want {
					t.Errorf("%s: %s is let through: %t", name, request, got)
				}
			}
		}
	}
}

// readOnly returns what a run that may only read says to requests of a provider.
func readOnly(t *testing.T, name authsome.ProviderName) func(*http.Request) *policy.Denial {
	t.Helper()
	p, base := lookup(t, name), ""
	if ownBase(p) == "" {
		base = "https://" + string(name) + ".tenant.test"
	}
	safe, err := SafePosts(p, base)
	if err != nil {
		t.Fatal(err)
	}
	unsafe, err := UnsafeGets(p, base)
	if err != nil {
		t.Fatal(err)
	}
	bounds := policy.New(policy.Config{ReadOnly: "--read-only", SafePosts: safe, UnsafeGets: unsafe})
	return func(r *http.Request) *policy.Denial { return bounds.For("https", r.URL.Host, "443", true).Judge(r) }
}
