package cli

import (
	"testing"

	"authsome"
	"authsome/internal/proxy"
)

func TestRoutesOfADefinitionComeBeforeThoseItPrecedes(t *testing.T) {
	t.Parallel()
	r := &chosenRoutes{
		routes: []proxy.Route{
			{Ref: authsome.Ref{Provider: "google"}},
			{Ref: authsome.Ref{Provider: "google-gemini"}},
			{Ref: authsome.Ref{Provider: "openai"}},
		},
		definitions: []*authsome.Provider{
			{Name: "google"},
			{Name: "google-gemini", Precedes: []authsome.ProviderName{"google"}},
			{Name: "openai"},
		},
	}
	r.order()
	for i, want := range []authsome.ProviderName{"google-gemini", "google", "openai"} {
		if got := r.routes[i].Ref.Provider; got != want {
			t.Errorf("route %d is of %s, want %s", i, got, want)
		}
	}
}

func TestResolutions(t *testing.T) {
	t.Parallel()
	a := &app{cfg: &config{}}
	for flag, want := range map[string]string{
		"a:443:127.0.0.1": "127.0.0.1:443", "a:443:127.0.0.1:8443": "127.0.0.1:8443", "a:443:name": "name:443", "a:443:name:80": "name:80",
		"a:443:::1": "[::1]:443", "a:443:[::1]": "[::1]:443", "a:443:[::1]:80": "[::1]:80",

		"a": "", "a:443": "", "a:443:": "", ":443:b": "", "a:x:b": "", "a:0:b": "", "a:443:b:x": "", "a:443:b:": "", "a:443:b:99999": "",
	} {
		got, err := a.resolutions([]string{flag})
		if (err != nil) != (want == "") || got["a:443"] != want {
			t.Errorf("%s: got %v, %v, want %s", flag, got, err, want)
		}
	}
}
