// Package mitm owns the certificate authority of one run, or of the proxy that stays open: it makes certificates for the
// hosts whose requests the proxy decrypts. Use [NewCA].
//
// The authority's key exists in memory only and is never written anywhere. Certificates are made on first contact,
// kept in a bounded cache, and made anew before they lapse. Making one takes no lock but that of its own host, and
// nothing is made for a client that names another host than the one it asked for.
package mitm
