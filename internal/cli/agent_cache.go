package cli

import (
	"context"
	"errors"
	"strings"
	"sync"

	"authsome"
	"authsome/internal/agent"
	"authsome/internal/keysource"
)

// keyCache is the agent as the sources of the key see it, a [keysource.Cache]: what they are asked for before anything else.
type keyCache struct {
	app    *app
	client *agent.Client

	mu      sync.Mutex // guards all below
	refused error      // of the last use
}

// keyCache returns what keeps unlocked keys for the session; nil if nothing does.
func (a *app) keyCache() keysource.Cache {
	client, err := a.agentClient()
	if err != nil {
		return nil
	}
	return &keyCache{app: a, client: client}
}

var _ keysource.Cache = (*keyCache)(nil)

// Get returns a key that the agent holds. An agent that does not answer is none, and what it costs to find out is little.
func (c *keyCache) Get(ctx context.Context, id string) ([]byte, bool) {
	key, ok, err := c.client.Get(ctx, id)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refused = nil
	switch {
	case errors.Is(err, agent.ErrRefused):
		c.refused = agentError(err)
	case err != nil && ctx.Err() == nil:
		c.app.warn(authsome.AsError(agentError(err)))
	}
	return key, ok
}

// Refused returns why the last use of a key was not agreed to; nil if it was, or if there was no key.
func (c *keyCache) Refused() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused
}

// Put has the agent keep a key. One is started if this command has asked a person for the passphrase, or is there to
// unlock; other keys cost no person's time.
func (c *keyCache) Put(ctx context.Context, id string, key []byte) error {
	client := *c.client
	if o := c.starts(id); o != nil {
		client.Start = func(ctx context.Context) error { return c.app.startAgent(ctx, *o) }
	}
	kept, err := client.Put(ctx, id, key)
	c.app.access.kept = kept && !c.app.access.changing
	switch {
	case err == nil || ctx.Err() != nil:
	case c.app.unlocking != nil:
		c.app.access.notKept = err
	default:
		e := authsome.AsError(err)
		c.app.warn(&authsome.Error{Message: "the key is not kept for the next command: " + e.Message, Hint: e.Hint})
	}
	return err
}

// Keep has the agent forget the keys that are out of use.
func (c *keyCache) Keep(ctx context.Context, id string) error {
	err := c.client.Keep(ctx, id)
	if err != nil && ctx.Err() == nil {
		c.app.warn(&authsome.Error{Message: "the agent may still have the old key: " + err.Error(), Hint: "authsome lock"})
	}
	return err
}

// starts returns how an agent is to be started for a key; nil if none is.
func (c *keyCache) starts(id string) *agentOptions {
	if c.app.unlocking != nil {
		return c.app.unlocking
	}
	cfg, err := c.app.config()
	if err != nil {
		return nil
	}
	asked := strings.HasPrefix(id, string(keysource.Passphrase)+":") && !c.app.access.changing &&
		c.app.env.getenv(keysource.EnvPassphraseFile) == ""
	if !asked || cfg.Agent.Off || c.app.env.getenv(envBroker) != "" {
		return nil
	}
	o := &agentOptions{}
	o.fromConfig(cfg.Agent)
	return o
}
