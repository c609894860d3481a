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
