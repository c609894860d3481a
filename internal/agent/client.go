package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// ErrRefused says that the person has not agreed to a use of the key, or has not been asked because of too many questions.
var ErrRefused = errors.New("the use of the key was not confirmed")

// promptness is how long an agent may take that asks nobody. It does nothing that takes time.
const promptness = 3 * time.Second

// Client talks to the agent of a directory. It keeps no connection, and is safe for concurrent use.
type Client struct {
	// Dir is the directory of the agent's socket.
	Dir string
	// Start starts an agent when there is none and a key is to be kept; nobody does if nil, and the key is not kept.
	Start func(ctx context.Context) error
	// Asking is called when the agent asks a person, so that whoever waits knows why.
	Asking func()
}

// Get returns a key that the agent holds. Its errors are no reason not to look for the key elsewhere, but for
// [ErrRefused] and the end of ctx.
func (c *Client) Get(ctx context.Context, id string) (key []byte, ok bool, err error) {
	a, err := c.call(ctx, request{op: opGet, id: id})
	if errors.Is(err, errNoAgent) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("ask the agent for the key: %w", err)
	}
	switch a.code {
	case codeOK:
		return a.value, true, nil
	case codeRefused:
		return nil, false, ErrRefused
	default:
		return nil, false, nil
	}
}

// Put has the agent keep a copy of a key. kept is false if there is no agent, and none is to be started.
func (c *Client) Put(ctx context.Context, id string, key []byte) (kept bool, err error) {
	r := request{op: opPut, id: id, key: key}
	a, err := c.call(ctx, r)
	if errors.Is(err, errNoAgent) {
		if c.Start == nil {
			return false, nil
		}
		if err := c.Start(ctx); err != nil {
			return false, err
		}
		a, err = c.call(ctx, r)
	}
	if err != nil {
		return false, fmt.Errorf("hand the key to the agent: %w", err)
	}
	if a.code != codeOK {
		return false, errors.New("the agent does not take the key: it has no room, or another key of that name; run: authsome lock")
	}
	return true, nil
}

// Keep has the agent forget all keys but one: those that a change of the key has put out of use.
func (c *Client) Keep(ctx context.Context, id string) error {
	a, err := c.call(ctx, request{op: opKeep, id: id})
	if errors.Is(err, errNoAgent) {
		return nil
	}
	if err == nil && a.code != codeOK {
		err = errMalformed
	}
	if err != nil {
		return fmt.Errorf("have the agent forget the old key: %w", err)
	}
	return nil
}

// Lock has the agent forget all keys. running is false if there is none, and so nothing to forget.
func (c *Client) Lock(ctx context.Context) (running bool, err error) {
	_, err = c.call(ctx, request{op: opLock})
	switch {
	case errors.Is(err, errNoAgent):
		return false, nil
	case errors.Is(err, errVersion): // it has done so nevertheless
		return true, nil
	}
	if err != nil {
		return true, fmt.Errorf("lock the agent: %w", err)
	}
	return true, nil
}

// Status says how things stand; ok is false when there is no agent.
func (c *Client) Status(ctx context.Context) (s Status, ok bool, err error) {
	a, err := c.call(ctx, request{op: opStatus})
	if errors.Is(err, errNoAgent) {
		return Status{}, false, nil
	}
	if err == nil {
		s, err = parseStatus(a.value)
	}
	if err != nil {
		return Status{}, false, fmt.Errorf("ask the agent how things stand: %w", err)
	}
	return s, true, nil
}

// call sends one request and waits for its answer.
func (c *Client) call(ctx context.Context, r request) (answer, error) {
	conn, err := dial(ctx, c.Dir)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = conn.Close() }() // nothing more is expected of it
	a, err := c.exchange(conn, r)
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return a, err
}

// conn is what a client needs of a connection.
type conn interface {
	io.ReadWriteCloser
	SetDeadline(t time.Time) error
}

func (c *Client) exchange(conn conn, r request) (answer, error) {
	_ = conn.SetDeadline(time.Now().Add(promptness))
	message, err := appendRequest(make([]byte, 0, headerSize+maxMessage), r)
	if err != nil {
		return answer{}, err
	}
	defer clear(message)
	if _, err := conn.Write(message); err != nil {
		return answer{}, err
	}
	for asked := false; ; asked = true {
		read, err := readMessage(conn, make([]byte, maxMessage))
		if err != nil {
			return answer{}, err
		}
		a, err := parseAnswer(read)
		switch {
		case err != nil:
			return answer{}, err
		case a.code == codeVersion:
			return answer{}, fmt.Errorf("the agent speaks %w; run: authsome lock", errVersion)
		case a.code != codeAsking || asked:
			return a, nil
		}
		_ = conn.SetDeadline(time.Now().Add((maxWaiting + 1) * patience))
		if c.Asking != nil {
			c.Asking()
		}
	}
}
