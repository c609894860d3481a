package authsome_test

import (
	"net/http"
	"testing"

	"authsome"
)

func TestDefaultsYieldToWhatARequestHas(t *testing.T) {
	t.Parallel()
	c := authsome.Credential{
		Value: authsome.NewSecret("v"), Inject: authsome.Injection{Defaults: map[string]string{"Acme-Version": "1", "User-Agent": "authsome"}},
	}
	h := http.Header{"User-Agent": {"theirs/2"}}
	if err := c.Apply(h); err != nil {
		t.Fatal(err)
	}
	if h.Get("User-Agent") != "theirs/2" || h.Get("Acme-Version") != "1" {
		t.Errorf("got %v", h)
	}
}
