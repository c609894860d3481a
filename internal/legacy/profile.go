package legacy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

// reader reads profiles into a store.
type reader struct {
	store   *Store
	key     storeKey
	opened  int // records that the key has opened
	refused int // and that it has not
}

// readProfile reads what lies in one profile's directory.
func (r *reader) readProfile(ctx context.Context, dir, name string) error {
	rows, err := readRows(ctx, filepath.Join(dir, profilesDir, name, storeFile))
	if errors.Is(err, fs.ErrNotExist) { // made, and never used
		r.store.Profiles = append(r.store.Profiles, Profile{Name: name})
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		r.problem(recordKey{profile: name, kind: storeFile}, err)
		return nil
	}
	p := &Profile{Name: name, Defaults: make(map[string]string)}
	states := make(map[string]stateRecord)
	newer := false
	for _, row := range rows {
		k, ok := parseRecordKey(row.key)
		newer = newer || strings.HasPrefix(row.key, "vault:")
		if !ok {
			continue
		}
		if k.profile != name {
			r.problem(k, fmt.Errorf("it lies in the store of the profile %s", name))
			continue
		}
		if err := r.readRecord(p, k, row.value, states); err != nil {
			r.problem(k, err)
		}
	}
	if newer {
		err := errors.New("it holds records of a later version than 0.2, which are not read")
		r.problem(recordKey{profile: name, kind: storeFile}, err)
	}
	for i, c := range p.Connections {
		p.Connections[i].LastRefreshAt = states[c.Provider].LastRefreshAt.Time
		p.Connections[i].LastRefreshFailed = states[c.Provider].LastRefreshError != ""
	}
	r.store.Profiles = append(r.store.Profiles, *p)
	return nil
}

func (r *reader) readRecord(p *Profile, k recordKey, value string, states map[string]stateRecord) error {
	plain, err := r.key.open(value)
	if err != nil {
		r.refused++
		return err
	}
	r.opened++
	switch k.kind {
	case kindConnection:
		var rec connectionRecord
		if err := decode(plain, &rec); err != nil {
			return err
		}
		c, err := rec.connection(k)
		if err != nil {
			return err
		}
		p.Connections = append(p.Connections, c)
	case kindClient:
		var rec clientRecord
		if err := decode(plain, &rec); err != nil {
			return err
		}
		if rec.ClientID != "" { // it may hold nothing but the choice of a base URL
			p.Clients = append(p.Clients, Client{
				Provider: k.provider, ClientID: rec.ClientID, ClientSecret: rec.ClientSecret.Secret, BaseURL: rec.BaseURL,
			})
		}
	case kindMetadata:
		var rec metadataRecord
		if err := decode(plain, &rec); err != nil {
			return err
		}
		p.Defaults[k.provider] = rec.DefaultConnection
	case kindState:
		var rec stateRecord
		if err := decode(plain, &rec); err != nil {
			return err
		}
		states[k.provider] = rec
	}
	return nil
}

func (r *reader) problem(k recordKey, err error) {
	name := k.name
	if name == "" {
		name = k.kind
	}
	r.store.Problems = append(r.store.Problems, Problem{Profile: k.profile, Provider: k.provider, Name: name, Err: err})
}

// client returns the OAuth client that a profile has at a provider, or none.
func (p *Profile) client(provider string) Client {
	for _, c := range p.Clients {
		if c.Provider == provider {
			return c
		}
	}
	return Client{}
}

// ClientID returns the identifier of the client that a connection's tokens were issued to: the old program had one of a
// provider.
func (p *Profile) ClientID(c Connection) string { return p.client(c.Provider).ClientID }

// BaseURL returns the base URL of a connection, which the client's record has where its own does not.
func (p *Profile) BaseURL(c Connection) string {
	if c.BaseURL != "" {
		return c.BaseURL
	}
	return p.client(c.Provider).BaseURL
}
