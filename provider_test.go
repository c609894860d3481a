package authsome_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"authsome"
)

func TestAPIKeyPrefixIsBearerUnlessSaidOtherwise(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]string{
		`{}`:                           "Bearer",
		`{"header_prefix": "Token"}`:   "Token",
		`{"header_prefix": ""}`:        "",
		`{"header_prefix": null}`:      "",
		`{"header_name": "X-Api-Key"}`: "Bearer",
	} {
		var k authsome.APIKey
		if err := json.Unmarshal([]byte(doc), &k); err != nil || k.HeaderPrefix != want {
			t.Errorf("%s: got %q, %v", doc, k.HeaderPrefix, err)
		}
		encoded, err := json.Marshal(k)
		if err != nil {
			t.Fatal(err)
		}
		var again authsome.APIKey
		if err := json.Unmarshal(encoded, &again); err != nil || !reflect.DeepEqual(again, k) {
			t.Errorf("%s does not survive encoding: %s, %v", doc, encoded, err)
		}
	}
}

func TestPKCEIsAWordOrTheBooleanOfGeneration02(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]authsome.PKCE{
		`true`: authsome.PKCEYes, `false`: authsome.PKCENo, `null`: "", `"required"`: authsome.PKCERequired, `7`: "7",
	} {
		var p authsome.PKCE
		if err := json.Unmarshal([]byte(doc), &p); err != nil || p != want {
			t.Errorf("%s: got %q, %v", doc, p, err)
		}
	}
}

func TestExportNamesBeginWithTheOneToExport(t *testing.T) {
	t.Parallel()
	e := authsome.Export{
		Env:     map[string]string{"access_token": "GITHUB_TOKEN"},
		Aliases: map[string][]string{"access_token": {"GH_TOKEN"}},
	}
	if got := e.Names("access_token"); !slices.Equal(got, []string{"GITHUB_TOKEN", "GH_TOKEN"}) {
		t.Errorf("got %v", got)
	}
	if got := e.Names("api_key"); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}
