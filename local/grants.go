package local

import (
	"context"

	"authsome"
)

// authorizeGrant logs in by a grant that needs nobody to agree: client_credentials, an assertion, or another token.
func (l *Layer) authorizeGrant(
	_ context.Context, p *authsome.Provider, _ *holding, req authsome.LoginRequest,
) (*authsome.Authorization, error) {
	return nil, unsupportedFlow(p, req.Flow, authsome.FlowPKCE)
}
