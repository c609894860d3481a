// Package provider owns provider definitions: their JSON form, their validation, the bundled catalogue, and what follows
// from a definition for a connection: endpoints, host patterns and the header a credential travels in.
//
// [Open] gives the catalogue. [Catalogue.Lookup] reads the one definition that was asked for and nothing else, as every
// command does it at its start. [Parse] validates a definition and names every problem by the path of its field.
//
// Promises: a definition that passes [Parse] never leads a credential, a code or a client secret over cleartext except to
// a loopback host; its host patterns stay below one registrable domain; a broken custom definition does not keep any
// other from being used.
package provider
