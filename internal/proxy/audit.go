package proxy

import (
	"context"
	"net/http"
	"strconv"

	"authsome"
)

// recordInjection tells the recorder that a request went out with the credential of ref. status is the upstream's
// answer; 0 when there was none, for the given reason.
func (p *Proxy) recordInjection(ref authsome.Ref, d *destination, r *http.Request, status int, reason string) {
	if p.cfg.Recorder == nil {
		return
	}
	e := authsome.Event{Time: p.cfg.Now(), Name: authsome.EventInject, Ref: ref, Failed: status == 0, Reason: reason}
	e.Detail = map[string]string{"host": d.field, "method": r.Method, "path": r.URL.EscapedPath()}
	if status != 0 {
		e.Detail["http_status"] = strconv.Itoa(status)
	}
	nameAgent(r.Context(), e.Detail)
	p.record(e)
}

// deny records a refusal and sends it.
func (p *Proxy) deny(w http.ResponseWriter, r *http.Request, host string, why *refusal) {
	path := ""
	if r.Method != http.MethodConnect {
		path = r.URL.EscapedPath()
	}
	p.recordDenial(r.Context(), host, r.Method, path, why)
	if e, ok := w.(interface{ Explain(why string) }); ok && r.Method == http.MethodConnect {
		e.Explain(why.phrase())
	}
	why.write(w)
}

// recordDenial tells the recorder of a refusal, but for those of clients that nobody knows.
func (p *Proxy) recordDenial(ctx context.Context, host, method, path string, why *refusal) {
	if p.cfg.Recorder == nil || why.status == http.StatusProxyAuthRequired {
		return
	}
	e := authsome.Event{Time: p.cfg.Now(), Name: authsome.EventDeny, Ref: why.ref, Failed: true, Reason: why.Reason}
	if e.Reason == "" {
		e.Reason = string(why.Kind)
	}
	e.Detail = map[string]string{"host": host, "method": method, "http_status": strconv.Itoa(why.status)}
	if path != "" {
		e.Detail["path"] = path
	}
	if why.Rule != "" {
		e.Detail["rule"], e.Detail["rule_at"] = why.Rule, why.RuleAt
	}
	nameAgent(ctx, e.Detail)
	p.record(e)
}

// nameAgent adds whose request an event is about, where there can be several.
func nameAgent(ctx context.Context, detail map[string]string) {
	if c := clientOf(ctx); c != nil {
		if a := c.agent.Load(); a != nil && !a.quiet {
			detail["agent"] = a.Name
		}
	}
}

func (p *Proxy) record(e authsome.Event) {
	if err := p.cfg.Recorder.Record(e); err != nil {
		p.cfg.Logger.Warn("proxy: an event could not be recorded", "event", e.Name, "error", err)
	}
}
