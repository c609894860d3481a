package authsome

import (
	"context"
	"time"
)

// Importer is an [AuthLayer] that takes in what another program has kept. Its methods fail with [KindProviderNotFound],
// [KindUsage] when the definition does not fit what is to be taken in, or [KindVaultUnavailable].
type Importer interface {
	// ImportClient stores an OAuth client and reports whether it did: one of the same identifier is kept.
	ImportClient(ctx context.Context, in ImportedClient) (bool, error)
	// ImportConnection stores a connection as it was elsewhere and reports whether it did: one of the same name is kept
	// unless Replace is set. The provider is not asked for anything but its metadata, where those belong to a login.
	ImportConnection(ctx context.Context, in ImportedConnection) (bool, error)
}

// ImportedClient is an OAuth client that another program has registered or been given.
type ImportedClient struct {
	Profile      ProfileName
	Provider     ProviderName
	ClientID     string
	ClientSecret Secret // the zero Secret: it has none
}

// ImportedConnection is a connection that another program has made. What is unknown is zero.
type ImportedConnection struct {
	Ref          Ref // all names are needed
	BaseURL      string
	ClientID     string // the client that the tokens were issued to
	Value        Secret // the access token or the API key
	RefreshToken Secret // must not be used by the other program any more
	TokenType    string
	Scopes       []string
	Account      Account
	ObtainedAt   time.Time
	ExpiresAt    time.Time

	Invalid          bool // the provider has refused it for good
	LastRefreshAt    time.Time
	LastRefreshError string

	Source  string // for the audit log: where it comes from, in a few words
	Replace bool   // an older connection of the same name goes
}

// Holder is an [AuthLayer] that tells what it holds without showing it.
type Holder interface {
	// Holders returns for each of the given values the connections of a profile that hold it, in any part of their
	// credential but refresh tokens. A Ref without a connection stands for a provider's OAuth client. Nothing is refreshed
	// and nobody is asked. It fails with [KindVaultUnavailable].
	Holders(ctx context.Context, profile ProfileName, values []Secret) ([][]Ref, error)
}
