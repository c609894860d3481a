package standing

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"

	"authsome"
)

// maxMessage bounds a message on the socket.
const maxMessage = 1 << 20

// routes is the protocol of the socket: JSON over HTTP. Who can open the socket is the user; there is no other login.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { answer(w, s.status(), nil) })
	mux.HandleFunc("POST /agents", func(w http.ResponseWriter, r *http.Request) {
		var request AddRequest
		if err := json.NewDecoder(io.LimitReader(r.Body, maxMessage)).Decode(&request); err != nil {
			answer(w, nil, &authsome.Error{Kind: authsome.KindUsage, Message: "the message cannot be read: " + err.Error()})
			return
		}
		access, err := s.add(request)
		answer(w, access, err)
	})
	mux.HandleFunc("DELETE /agents/{name}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, struct{}{}, s.revoke(r.PathValue("name")))
	})
	mux.HandleFunc("POST /stop", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, struct{}{}, nil)
		s.once.Do(func() { close(s.stop) })
	})
	return mux
}

func answer(w http.ResponseWriter, v any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		e := authsome.AsError(err)
		w.WriteHeader(http.StatusBadRequest)
		v = failure{Kind: string(e.Kind), Message: e.Message, Hint: e.Hint}
	}
	_ = json.NewEncoder(w).Encode(v)
}

// Client talks to the proxy of a directory.
type Client struct {
	http *http.Client
}

// Dial finds the proxy of a directory. Its error is fs.ErrNotExist if none is running.
func Dial(ctx context.Context, dir string) (*Client, error) {
	state, err := Read(dir)
	if err != nil {
		return nil, err
	}
	if err := checkPlace(dir, state.Socket); err != nil {
		return nil, fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", state.Socket)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	_ = conn.Close()
	return &Client{http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return d.DialContext(ctx, "unix", state.Socket)
		},
		DisableKeepAlives: true,
	}}}, nil
}

// Add gives an agent access.
func (c *Client) Add(ctx context.Context, r AddRequest) (*Access, error) {
	access := &Access{}
	return access, c.call(ctx, http.MethodPost, "/agents", r, access)
}

// Revoke takes an agent's access away. What the agent has open is closed when it returns.
func (c *Client) Revoke(ctx context.Context, name string) error {
	return c.call(ctx, http.MethodDelete, "/agents/"+url.PathEscape(name), nil, nil)
}

// Status says how things stand.
func (c *Client) Status(ctx context.Context) (*Status, error) {
	status := &Status{}
	return status, c.call(ctx, http.MethodGet, "/status", nil, status)
}

// Stop asks the proxy to end. It returns before it has.
func (c *Client) Stop(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "/stop", nil, nil)
}

func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://proxy"+path, &body)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return &authsome.Error{
			Kind: authsome.KindUnreachable, Message: "the proxy does not answer on its control socket", Hint: "authsome proxy status", Err: err,
		}
	}
	defer resp.Body.Close()
	d := json.NewDecoder(io.LimitReader(resp.Body, maxMessage))
	if resp.StatusCode != http.StatusOK {
		var f failure
		if err := d.Decode(&f); err != nil {
			return errors.Join(fmt.Errorf("the proxy answered %s", resp.Status), err)
		}
		return &authsome.Error{Kind: authsome.Kind(f.Kind), Message: f.Message, Hint: f.Hint}
	}
	if out == nil {
		return nil
	}
	return d.Decode(out)
}
