package oauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"time"

	"authsome"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

// request is one message to the server.
type request struct {
	op            string // what it is, for errors and the log
	method        string
	url           string
	params        url.Values
	format        authsome.BodyFormat
	document      []byte            // a JSON body, instead of params
	authorization string            // the header field
	proof         string            // DPoP of RFC 9449; empty: none
	headers       map[string]string // further header fields
	redact        redactor
}

// answer is what came back: at least a status.
type answer struct {
	sentAt  time.Time // when the request left
	status  int
	header  http.Header
	body    []byte
	readErr error // the body is cut off
}

// send sends the request once. It fails when there was no answer at all.
func (c *Client) send(ctx context.Context, r *request) (*answer, error) {
	progress := &progress{}
	req, err := r.build(progress.traced(ctx))
	if err != nil {
		return nil, err
	}
	c.logRequest(ctx, r)
	client := c.once(progress)
	sentAt := c.now()
	resp, err := client.Do(req)
	if err != nil {
		e := networkError(r, err, progress)
		c.logger().DebugContext(ctx, r.op+" failed", "reason", e.Reason, "class", string(e.Class), "cause", e.Err)
		return nil, e
	}
	defer resp.Body.Close()
	a := &answer{sentAt: sentAt, status: resp.StatusCode, header: resp.Header}
	a.body, a.readErr = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if len(a.body) > maxAnswer {
		a.body, a.readErr = a.body[:maxAnswer], errTooLong
	}
	c.logger().DebugContext(ctx, r.op+" answered", "status", a.status, "bytes", len(a.body))
	return a, nil
}

var errTooLong = errors.New("the answer is too long")

func (r *request) build(ctx context.Context) (*http.Request, error) {
	u, err := secureURL(r.op, r.url)
	if err != nil {
		return nil, err
	}
	if r.format == authsome.BodyQuery {
		q := u.Query()
		maps.Copy(q, r.params)
		u.RawQuery = q.Encode()
	}
	body, contentType, err := r.encode()
	if err != nil {
		return nil, refused(r.op, "the request cannot be encoded")
	}
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, refused(r.op, "the request cannot be built")
	}
	req.GetBody = nil // net/http repeats what it can rewind
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "authsome")
	if len(body) > 0 {
		req.Header.Set("Content-Type", contentType)
	}
	if r.authorization != "" {
		req.Header.Set("Authorization", r.authorization)
	}
	if r.proof != "" {
		req.Header.Set("DPoP", r.proof)
	}
	for name, value := range r.headers {
		req.Header.Set(name, value)
	}
	return req, nil
}

func (r *request) encode() (body []byte, contentType string, err error) {
	switch {
	case r.document != nil:
		return r.document, "application/json", nil
	case len(r.params) == 0, r.format == authsome.BodyQuery:
		return nil, "", nil
	case r.format == authsome.BodyJSON:
		members := make(map[string]string, len(r.params))
		for name := range r.params {
			members[name] = r.params.Get(name)
		}
		body, err = json.Marshal(members)
		return body, "application/json", err
	default:
		return []byte(r.params.Encode()), "application/x-www-form-urlencoded", nil
	}
}

// once returns an HTTP client that follows no redirects (on 307 and 308, net/http would send the body elsewhere) and
// uses no connection twice: a request that meets a connection just closed by the server would leave it open whether it
// was read.
func (c *Client) once(p *progress) *http.Client {
	base := c.HTTP
	if base == nil {
		base = http.DefaultClient
	}
	transport := base.Transport
	if transport == nil {
		transport = http.DefaultTransport
	}
	if t, ok := transport.(*http.Transport); ok {
		t = t.Clone()
		t.DisableKeepAlives = true
		transport = t
		p.told.Store(true)
	}
	return &http.Client{
		Transport:     transport,
		Timeout:       base.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
