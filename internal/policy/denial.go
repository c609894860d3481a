package policy

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Advice is what every refusal tells the program that is refused, which is likely to look for another way.
const Advice = "do not work around this: the person who started this run has decided it. Leave it alone, tell them what you " +
	"wanted and why, and let them change the rule"

// AdviceToWait is what a refusal tells that ends by itself.
const AdviceToWait = "wait as long as Retry-After says. Do not work around this with another connection, host or tool: the " +
	"person who started this run has decided it"

// Denial says why a request does not go out. It does not change.
type Denial struct {
	Status     int    // of HTTP
	Reason     string // for programs: "rule", "read_only", "unmatched", "ambiguous_path" or "rate"
	Message    string
	Rule       string // as it was written
	At         string // where it stands
	RetryAfter time.Duration
}

func (h *Host) denied(r Rule, what string) *Denial {
	return &Denial{
		Status: http.StatusForbidden, Reason: "rule", Rule: "deny " + r.text, At: r.at,
		Message: fmt.Sprintf("%s is denied in this run by %s", what, r.at),
	}
}

// notAllowed is the denial of what is on no list. Long lists are not told to their end.
func (h *Host) notAllowed(list []Rule, what string) *Denial {
	const most = 5
	var texts []string
	for i, r := range list {
		if i == most {
			texts = append(texts, fmt.Sprintf("and %d more", len(list)-most))
			break
		}
		texts = append(texts, "allow "+r.text)
	}
	return &Denial{
		Status: http.StatusForbidden, Reason: "rule", Rule: strings.Join(texts, "; "), At: list[0].at,
		Message: what + " is not among what this run is allowed",
	}
}

func (h *Host) notReadOnly(method, path string) *Denial {
	at := h.policy.cfg.ReadOnly
	return &Denial{
		Status: http.StatusForbidden, Reason: "read_only", Rule: "read-only", At: at,
		Message: fmt.Sprintf("this run may read only, and %s %s%s may change something", method, h.name, path),
	}
}

func (h *Host) ambiguous() *Denial {
	return &Denial{
		Status: http.StatusBadRequest, Reason: "ambiguous_path",
		Message: "the path can be understood in more than one way, and this run has rules about paths of " + h.name,
	}
}

func (p *Policy) unmatched(host string) *Denial {
	return &Denial{
		Status: http.StatusForbidden, Reason: "unmatched", Rule: "unmatched deny", At: p.cfg.NoUnmatched,
		Message: host + " belongs to no connected provider, and this run allows no others",
	}
}
