package local

import (
	"context"

	"authsome"
)

// Discover finds out what is at a URL and adds a definition for it.
func (l *Layer) Discover(_ context.Context, url string) (*authsome.Provider, error) {
	return nil, &authsome.Error{Kind: authsome.KindLoginFailed, Message: "nothing can be discovered at " + url}
}
