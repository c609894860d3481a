package proxy

import (
	"net/http"
	"strings"
	"sync"

	"authsome"
)

// exchange is one request on its way through the proxy.
type exchange struct {
	p      *Proxy
	w      http.ResponseWriter
	in     *http.Request
	out    *http.Request
	copied http.Request // what out points to, at first
	d      *destination
	rule   *verdict
	slot   *slot          // whose credential the request gets; nil if none
	lets   authsome.Guard // what that connection lets come back
	cover  *cover         // what must not; nil: there is nothing
	cred   *kept
	form   *form     // how it travels
	part   *part     // the range that the client has asked for, and which was widened; nil if there is none
	body   *keptBody // the body while it may be wanted again; nil otherwise

	entry // in the list of what is open with the slot's credential

	mu   sync.Mutex // guards done, and w against interim responses that come late
	done bool
}

// exchange has one request forwarded, or refused.
func (p *Proxy) exchange(w http.ResponseWriter, r *http.Request, d *destination) {
	x := &exchange{p: p, w: w, in: r, d: d}
	defer x.leave()
	why := x.check()
	if why == nil {
		why = x.prepare()
	}
	if why != nil {
		p.deny(w, r, d.field, why)
		return
	}
	x.forward()
}

// check refuses requests that are not meant for the connection's destination, or whose meaning is in doubt.
func (x *exchange) check() *refusal {
	r, d := x.in, x.d
	if !d.is(r.Host) {
		return refuse(http.StatusMisdirectedRequest, "misdirected", "this connection is to %s, the request is for another host", d)
	}
	for _, host := range r.Header["Host"] { // HTTP/2 allows it beside :authority, RFC 9113 section 8.3.1
		if !d.is(host) {
			return refuse(http.StatusMisdirectedRequest, "misdirected", "this connection is to %s, the Host field is not", d)
		}
	}
	delete(r.Header, "Host")
	if r.URL.Scheme != "" && r.URL.Scheme != d.scheme || r.URL.User != nil || r.URL.Opaque != "" {
		return refuse(http.StatusMisdirectedRequest, "misdirected", "this connection is to %s://%s", d.scheme, d)
	}
	switch strings.ToUpper(r.Method) {
	case http.MethodTrace, "TRACK":
		return refuse(http.StatusMethodNotAllowed, "trace", "%s is refused: it would show the credential", r.Method)
	case http.MethodConnect:
		return refuse(http.StatusMethodNotAllowed, "connect", "CONNECT is refused inside a connection to %s", d)
	}
	r.URL.Scheme, r.URL.Host = d.scheme, d.field
	x.rule = d.judge(r.URL)
	if x.rule.ambiguous {
		return refuse(http.StatusBadRequest, "ambiguous_path", "the path can be understood in more than one way")
	}
	if d.rulesPaths() && namesAnotherPath(r.Header) {
		return refuse(http.StatusBadRequest, "ambiguous_path", "a field of the header names another path")
	}
	if d.rulesPaths() && routesElsewhere(r.URL.RawQuery) {
		return refuse(http.StatusBadRequest, "ambiguous_path", "the parameter rest_route of the query names another path")
	}
	if d.policy != nil {
		if why := x.obey(); why != nil {
			return why
		}
	}
	if d.reveals != nil {
		return x.refuseNewCredentials()
	}
	return nil
}

// is reports whether an authority as the client writes it is the destination.
func (d *destination) is(host string) bool {
	if host == d.field {
		return true
	}
	a, err := parseAuthority(host, schemePort(d.scheme))
	return err == nil && a == d.authority
}

// prepare makes the request that goes out, with the credential that belongs to it.
func (x *exchange) prepare() *refusal {
	x.slot = x.rule.slot
	x.enter()
	x.outgoing()
	x.lookFor()
	if x.slot != nil {
		cred, err := x.p.memory.get(x.in.Context(), x.slot)
		if err != nil {
			return noCredential(x.slot.ref, err)
		}
		if !x.rule.allows(cred, x.out.URL) {
			why := refuse(http.StatusForbidden, "not_allowed", "the credential of %s may not be sent to %s%s",
				x.slot.ref, x.d, x.out.URL.EscapedPath())
			why.Provider, why.Connection, why.ref = x.slot.ref.Provider, x.slot.ref.Connection, x.slot.ref
			return why
		}
		x.narrow() // first: some credentials sign what goes out
		if why := x.inject(cred); why != nil {
			return why
		}
		x.cleanTrailer()
		x.watchBody()
		x.keepBody()
	} else {
		x.narrow()
	}
	if holdsPlaceholder(x.out) {
		return refuse(http.StatusForbidden, "placeholder",
			"the request holds the placeholder %q where %s expects something else", authsome.Placeholder, x.d)
	}
	return nil
}

// outgoing makes a request for the destination of the one that came in. The header is taken over, not copied.
func (x *exchange) outgoing() {
	x.copied = *x.in
	out := &x.copied
	out.Host = x.d.field
	out.RequestURI = ""
	out.Close = false
	out.TransferEncoding = nil
	if x.in.ContentLength == 0 {
		out.Body = nil
	}
	trailers := hasToken(out.Header["Te"], "trailers")
	upgrade := upgradeOf(x.in)
	dropHopByHop(out.Header)
	if trailers {
		out.Header["Te"] = []string{"trailers"}
	}
	if upgrade != "" {
		out.Header["Connection"], out.Header["Upgrade"] = []string{"Upgrade"}, []string{upgrade}
	}
	if _, ok := out.Header["User-Agent"]; !ok {
		out.Header["User-Agent"] = nil // keeps the transport from adding its own
	}
	x.out = out
}

// inject puts the credential in the place of any that the client sent. It comes last, so that nothing the client sent
// can take it away again.
func (x *exchange) inject(cred *kept) *refusal {
	x.cred = cred
	x.form = cred.formFor(x.out.URL)
	if x.form.fields == nil {
		if err := cred.cred.Authenticate(x.out); err != nil {
			return noCredential(x.slot.ref, err)
		}
		return nil
	}
	dropCredentials(x.out.Header, x.form.fields)
	for name, values := range x.form.fields {
		x.out.Header[name] = values
	}
	for name, v := range x.form.defaults {
		if x.out.Header.Get(name) == "" {
			x.out.Header.Set(name, v)
		}
	}
	return nil
}

// forward sends the request and passes the answer back.
func (x *exchange) forward() {
	if x.out.Body != nil {
		_ = http.NewResponseController(x.w).EnableFullDuplex()
	}
	resp, err := x.p.upstream.roundTrip(x.out, x.interim)
	if err == nil && resp.StatusCode == http.StatusUnauthorized && x.slot != nil {
		resp, err = x.again(resp)
	}
	x.mu.Lock()
	x.done = true
	x.mu.Unlock()
	if err != nil {
		x.fail(err)
		return
	}
	if x.slot != nil {
		x.p.recordInjection(x.slot.ref, x.d, x.in, resp.StatusCode, "")
	}
	if why := x.guard(resp); why != nil {
		_ = resp.Body.Close()
		x.p.deny(x.w, x.in, x.d.field, why)
		return
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		x.switchProtocols(resp)
		return
	}
	x.respond(resp)
}

// fail answers a request that got no answer from upstream. A client that has gone gets none.
func (x *exchange) fail(err error) {
	x.p.cfg.Logger.Debug("proxy: upstream", "host", x.d.host, "error", x.covered(err))
	why := unreachable(x.d.authority, err)
	if x.slot != nil {
		x.p.recordInjection(x.slot.ref, x.d, x.in, 0, why.Reason)
	}
	if x.in.Context().Err() != nil {
		panic(http.ErrAbortHandler)
	}
	why.write(x.w)
}
