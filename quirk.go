package authsome

// ChallengeEncoding is how the SHA-256 of a code verifier is written.
type ChallengeEncoding string

// Encodings of a code challenge. An empty one means [ChallengeBase64URL].
const (
	ChallengeBase64URL ChallengeEncoding = "base64url" // RFC 7636 section 4.2
	ChallengeHex       ChallengeEncoding = "hex"       // as TikTok wants it
)

// Rotation says whether a refresh brings another refresh token. It is for people: a refresh is always made as if it did.
type Rotation string

// What becomes of refresh tokens. Empty: nobody knows.
const (
	RotationYes      Rotation = "yes"
	RotationNo       Rotation = "no"
	RotationOptional Rotation = "optional" // as the client or its owner has set it
)

// RequestTemplate is a request in a form of the provider's own. In the values of Headers and Params, {access_token},
// {refresh_token}, {client_id}, {client_secret} and {account_id} stand for those, and {token} for the refresh token or,
// where there is none, the access token. A parameter that is empty then is left out.
type RequestTemplate struct {
	Method  string            `json:"method,omitempty"` // POST if empty, or DELETE
	Format  BodyFormat        `json:"format,omitempty"` // of Params: form if empty, json, or query
	Headers map[string]string `json:"headers,omitempty"`
	Params  map[string]string `json:"params,omitempty"`
}

// LongLived says how an access token is exchanged for one that lives longer, and renewed, where a provider has that in
// place of refresh tokens. Both are GET requests, because the providers want it so: in the values of the parameters,
// {access_token}, {client_id} and {client_secret} stand for those. A token is renewed at OAuth.RefreshURL, in the second
// half of its life: once it has expired it cannot be any more.
type LongLived struct {
	ExchangeURL    string            `json:"exchange_url,omitempty"` // called right after a login
	ExchangeParams map[string]string `json:"exchange_params,omitempty"`
	RenewParams    map[string]string `json:"renew_params,omitempty"` // none: the token cannot be renewed
}

// RefreshLife says what the lifetime of a refresh token counts from.
type RefreshLife string

// What the lifetime of a refresh token counts from. An empty one means the issue of that token, so that it begins anew only
// where a refresh brings another one.
const (
	RefreshLifeSliding RefreshLife = "sliding" // the last use: a login that is used does not end by it
	RefreshLifeFixed   RefreshLife = "fixed"   // the login, whatever happens
)
