package local

import (
	"fmt"

	"authsome"
	"authsome/internal/oauth"
	"authsome/internal/provider"
)

// moveTo makes the server that the authorization response names the one that gets the code, where the definition says that
// a service has several. Whoever can make a browser call the redirect URI could name one, so only those count that the
// definition lists; the response itself has been matched with the request by its state.
func (b *begunLogin) moveTo(redirect string) error {
	from := b.spec.ServerFromCallback
	if from == nil {
		return nil
	}
	said := oauth.RedirectParameter(redirect, from.Member)
	if said == "" {
		return nil
	}
	server, err := apiHost(said, from.Within)
	if err != nil {
		return &authsome.Error{
			Kind: authsome.KindLoginFailed, Ref: b.ref, Reason: "server_from_callback",
			Message: fmt.Sprintf("the redirect of %s names a server that its definition does not: %v", b.ref.Provider, err),
			Hint:    "authsome inspect " + string(b.ref.Provider),
		}
	}
	if server == b.spec.BaseURL {
		return nil
	}
	spec, err := provider.Expand(b.provider, server)
	if err != nil {
		return err
	}
	b.spec, b.baseURL = spec, server
	return nil
}
