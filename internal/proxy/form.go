package proxy

import (
	"net/http"
	"net/url"

	"authsome"
)

// form is how a credential travels to some of the places where it may go, prepared once for all requests.
type form struct {
	fields   http.Header       // what Apply would set; shared by requests, never written to. Nil: each is authenticated by itself
	defaults map[string]string // what depends on the request: set where it says nothing
}

// newForm prepares a credential that travels in one way.
func newForm(cred *authsome.Credential) (form, error) {
	if !cred.HeaderOnly() {
		return form{}, nil
	}
	fields, err := cred.Header()
	for name := range cred.Inject.Defaults {
		fields.Del(name)
	}
	return form{fields, cred.Inject.Defaults}, err
}

// prepare prepares the ways in which the credential travels. One that cannot is left to the requests that want it.
func (k *kept) prepare() error {
	if len(k.cred.Variants) == 0 {
		var err error
		k.form, err = newForm(k.cred)
		return err
	}
	k.form = k.only(k.cred.Inject)
	for _, v := range k.cred.Variants {
		k.variants = append(k.variants, k.only(v.Inject))
	}
	return nil
}

// only prepares one way of several.
func (k *kept) only(way authsome.Injection) form {
	f, err := newForm(k.cred.By(way))
	if err != nil {
		return form{}
	}
	return f
}

// formFor returns how the credential travels to u.
func (k *kept) formFor(u *url.URL) *form {
	for i, v := range k.cred.Variants {
		if authsome.MatchAny(v.Hosts, u) {
			return &k.variants[i]
		}
	}
	return &k.form
}
