package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"

	"authsome"
)

// logRequest writes where the request goes and what it says, the names of all parameters included.
func (c *Client) logRequest(ctx context.Context, r *request) {
	if log := c.logger(); log.Enabled(ctx, slog.LevelDebug) {
		log.DebugContext(ctx, r.op, "method", r.method, "url", r.redact.text(r.url), r.paramsAttr(), r.redactedBody())
	}
}

// logFailure writes the whole answer.
func (c *Client) logFailure(ctx context.Context, r *request, a *answer, cause error) {
	log := c.logger()
	if !log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	body := string(a.body)
	attrs := []any{
		"status", a.status, "type", r.redact.short(a.mediaType()), "retry_after", r.redact.short(a.header.Get("Retry-After")),
		"body", r.redact.with(tokensIn(body)...).text(body),
	}
	if e, ok := errors.AsType[*Error](cause); ok {
		attrs = append(attrs, "reason", e.Reason, "class", string(e.Class))
	}
	log.DebugContext(ctx, r.op+" failed", attrs...)
}

// paramsAttr says where the parameters are.
func (r *request) paramsAttr() string {
	if r.format == authsome.BodyQuery {
		return "query"
	}
	return "body"
}

// redactedBody shows the body in the format it is sent in.
func (r *request) redactedBody() string {
	if r.document != nil {
		return r.redact.text(string(r.document))
	}
	shown := make(map[string]string, len(r.params))
	for name := range r.params {
		shown[name] = r.redact.text(r.params.Get(name))
		if isSecretParam(name) {
			shown[name] = authsome.Redacted
		}
	}
	if len(shown) == 0 {
		return ""
	}
	if r.format == authsome.BodyJSON {
		body, _ := json.Marshal(shown) // strings cannot fail
		return string(body)
	}
	pairs := make([]string, 0, len(shown))
	for _, name := range slices.Sorted(maps.Keys(shown)) {
		value := shown[name]
		if value != authsome.Redacted {
			value = url.QueryEscape(value)
		}
		pairs = append(pairs, url.QueryEscape(name)+"="+value)
	}
	return strings.Join(pairs, "&")
}

// isSecretParam knows the parameters of RFC 6749, 7009, 7521, 7636 and 8628 that must not be seen, and those of providers
// that have names of their own for them.
func isSecretParam(name string) bool {
	switch strings.ToLower(name) {
	case "client_secret", "code", "code_verifier", "refresh_token", "access_token", "token", "device_code", "password",
		"assertion", "client_assertion", "subject_token", "actor_token", "accesstoken", "clientsecret", "fb_exchange_token", "hash":
		return true
	default:
		return false
	}
}
