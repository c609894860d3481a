// Package authsome is the vocabulary of a local-first credential broker: a person logs in once, authsome keeps the
// credential encrypted and fresh, and agents use it without having to hold it.
//
// # Words
//
// A [Provider] is an external service and the way to authenticate to it. A connection is one named login of one
// profile at one provider; a [Ref] names it, a [Connection] describes it without its secrets. A [Credential] is what
// goes on the wire for a connection: an access token or an API key, the header it travels in, and the hosts it may
// travel to. A [Secret] hides its value until somebody asks for it by name.
//
// # Where to start
//
// [AuthLayer] is the whole broker as an interface; package authsome/local implements it in process, over the vault in
// the user's home:
//
//	layer, err := local.Open(ctx, local.Config{})
//
// [CredentialSource] is the one method most programs need. [AccessToken] and [AuthHeaders] call it once; a
// [Transport] calls it for every request and refuses to send a credential anywhere but to the provider's own hosts.
//
// # Promises
//
// Every access call returns a credential that is fresh, or that still lives together with a warning, or an [Error]
// whose Kind says what went wrong and whose Hint says what mends it. However many goroutines and processes ask at
// once, a refresh token is exchanged once, and what it was exchanged for is stored before anybody sees it. It is sent again
// only while the answer to the first request was lost.
package authsome
