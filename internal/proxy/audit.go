package proxy

import (
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
	p.record(e)
}

// deny records a refusal and sends it.
func (p *Proxy) deny(w http.ResponseWriter, r *http.Request, host string, why *refusal) {
	if p.cfg.Recorder != nil && why.status != http.StatusProxyAuthRequired {
		e := authsome.Event{Time: p.cfg.Now(), Name: authsome.EventDeny, Ref: why.ref, Failed: true, Reason: why.Reason}
		if e.Reason == "" {
			e.Reason = string(why.Kind)
		}
		e.Detail = map[string]string{"host": host, "method": r.Method, "http_status": strconv.Itoa(why.status)}
		if r.Method != http.MethodConnect {
			e.Detail["path"] = r.URL.EscapedPath()
		}
		if why.Rule != "" {
			e.Detail["rule"], e.Detail["rule_at"] = why.Rule, why.RuleAt
		}
		p.record(e)
	}
	why.write(w)
}

func (p *Proxy) record(e authsome.Event) {
	if err := p.cfg.Recorder.Record(e); err != nil {
		p.cfg.Logger.Warn("proxy: an event could not be recorded", "event", e.Name, "error", err)
	}
}
