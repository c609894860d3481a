package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"authsome"
	"authsome/local"
	"authsome/vault"
)

// openTimeout bounds the opening of the vault, which waits for writers.
const openTimeout = 15 * time.Second

// Names of the checks below.
const (
	keyCheck         = "master_key"
	vaultCheck       = "vault"
	connectionsCheck = "connections"
)

// vault examines key, database and records, and returns the connections as far as they can be read. It opens nothing
// that opening would make.
func (e *examination) vault(ctx context.Context) ([]Check, []authsome.Connection) {
	keys, keyErr := e.keys()
	info, err := os.Stat(e.vaultPath())
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return []Check{e.unusedKey(ctx, keys, keyErr), notInitialised()}, nil
	}
	opening, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	unfinished := sizeOf(e.journalPath()) > 0
	store, err := local.OpenStore(opening, e.Home, local.StateDir(e.getenv))
	if err != nil {
		return []Check{e.unusedKey(ctx, keys, keyErr), e.unopened(err)}, nil
	}
	closeStore := store.Close
	defer func() { _ = closeStore() }() // nothing was written
	rows, err := store.List(opening, "")
	if err != nil {
		return []Check{e.unusedKey(ctx, keys, keyErr), e.unopened(err)}, nil
	}
	if len(rows) == 0 {
		return []Check{e.unusedKey(ctx, keys, keyErr), notInitialised()}, nil
	}
	database := e.database(ctx, store, unfinished)
	if keyErr != nil {
		return []Check{e.brokenKey(keyErr), database}, nil
	}
	used, usedErr := local.DescribeKey(ctx, store, nil) // now: an opening that fails closes the store
	layer, err := local.Open(opening, local.Config{Home: e.Home, Keys: keys, Store: store, Now: e.Now})
	if err != nil {
		return []Check{e.brokenSource(used, errors.Join(usedErr, err)), database}, nil
	}
	closeStore = layer.Close // which closes the store
	if key, err := layer.KnownAuditKey(ctx); err == nil {
		e.auditKey = key
	}
	records, connections := e.records(ctx, layer)
	return append([]Check{e.workingKey(ctx, store, keys), database}, records...), connections
}

func notInitialised() Check {
	return noted(vaultCheck, "not initialised yet", initHint)
}

func (e *examination) journalPath() string { return e.in(local.JournalFile) }

// database examines the file below the records.
func (e *examination) database(ctx context.Context, store vault.Store, unfinished bool) Check {
	detail := "the database is sound"
	if engine, ok := store.(interface {
		Check(ctx context.Context) error
		EngineVersion(ctx context.Context) (string, error)
	}); ok {
		version, err := engine.EngineVersion(ctx)
		if err == nil {
			err = engine.Check(ctx)
		}
		if err != nil {
			return e.unopened(err)
		}
		if !atLeast(version, minimalSQLite) {
			return failed(vaultCheck, fmt.Sprintf("SQLite %s can corrupt a database that several processes write", version),
				"install a build of authsome with SQLite "+minimalSQLite+" or later")
		}
		detail += ", SQLite " + version
	}
	if unfinished && sizeOf(e.journalPath()) == 0 {
		detail += "\na process died while it was writing; its write was undone just now, and nothing else is lost"
	}
	return passed(vaultCheck, detail)
}

// minimalSQLite is the first version without a fault that loses writes of several processes.
const minimalSQLite = "3.51.3"

// unopened says why the database cannot be used.
func (e *examination) unopened(err error) Check {
	hint := "check that the file belongs to you and that no program holds it open"
	switch {
	case errors.Is(err, vault.ErrCorrupt):
		hint = repairHint + "; or begin anew: " + local.BeginAnew(e.Home)
	case errors.Is(err, vault.ErrNewer):
		hint = "install the version of authsome that wrote it, or a later one"
	}
	return failed(vaultCheck, err.Error(), hint)
}

// readConnections reads every record of every profile.
func readConnections(ctx context.Context, layer authsome.AuthLayer) (Check, []authsome.Connection) {
	var all []authsome.Connection
	profiles, err := layer.ListProfiles(ctx)
	for _, p := range profiles {
		var some []authsome.Connection
		if some, err = layer.List(ctx, p); err != nil {
			break
		}
		all = append(all, some...)
	}
	if err != nil {
		return failedWith(connectionsCheck, err), nil
	}
	return passed(connectionsCheck, fmt.Sprintf("all %d can be read", len(all))), all
}

// failedWith reports an error of the layer, with the hint it carries.
func failedWith(name string, err error) Check {
	if e, ok := errors.AsType[*authsome.Error](err); ok {
		return failed(name, e.Message, e.Hint)
	}
	type explained interface {
		error
		Summary() string
		Hint() string
	}
	if p, ok := errors.AsType[explained](err); ok { // of a key source
		return failed(name, p.Summary(), p.Hint())
	}
	return failed(name, err.Error(), "")
}

// sizeOf returns the size of a file; one that cannot be examined has none.
func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}
