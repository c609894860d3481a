package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"authsome"
	"authsome/internal/audit"
	"authsome/local"
)

// repairVault makes a new vault of what is left of the old one, if that is damaged.
func (a *app) repairVault(ctx context.Context) error {
	home, err := a.homeDir()
	if err != nil {
		return err
	}
	keys, err := a.keySources()
	if err != nil {
		return err
	}
	if healthy, err := a.vaultIsWhole(ctx, home); err != nil || healthy {
		return err
	}
	repaired, err := local.Repair(ctx, home, keys, a.env.Now())
	if err != nil {
		return err
	}
	a.note(authsome.EventRepair, authsome.Ref{}, map[string]string{
		"kept": fmt.Sprint(repaired.Records), "lost": fmt.Sprint(len(repaired.Lost)), "aside": filepath.Base(repaired.Aside),
	})
	lost := make([]object, len(repaired.Lost))
	for i, l := range repaired.Lost {
		what, mend := local.DescribeLost(l.Key)
		lost[i] = object{{"record", what}, {"reason", l.Err.Error()}, {"hint", mend}}
	}
	if a.flags.json {
		return a.printJSON(object{{"status", "repaired"}, {"kept", repaired.Records}, {"lost", lost}, {"aside", repaired.Aside}})
	}
	a.say("%d records were kept; the damaged vault is in %s", repaired.Records, repaired.Aside)
	for _, l := range repaired.Lost {
		what, mend := local.DescribeLost(l.Key)
		a.printf("lost: %s\n", audit.Printable(what))
		if mend != "" {
			a.printf("hint: %s\n", audit.Printable(mend))
		}
	}
	a.say("What was on a damaged page may be missing without being named: compare with authsome list. Programs that\n" +
		"were running with the old vault, such as authsome run and proxy, must be started again.")
	return nil
}

// vaultIsWhole says so, where it is, and that there is nothing to repair.
func (a *app) vaultIsWhole(ctx context.Context, home string) (bool, error) {
	_, err := os.Stat(filepath.Join(home, local.VaultFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, &authsome.Error{Kind: authsome.KindVaultUnavailable, Message: "there is no vault in " + home, Hint: "authsome init", Err: err}
	}
	layer, err := a.localLayer(ctx)
	if err != nil {
		return false, nil //nolint:nilerr // what cannot be opened is for the repair
	}
	found, err := layer.Examine(ctx)
	checkErr := layer.CheckStore(ctx)
	closeErr := a.close()
	a.layer, a.trail, a.log = nil, nil, nil
	switch {
	case err != nil || checkErr != nil:
		return false, closeErr
	case found.RolledBack != nil && found.Unlisted == nil && len(found.Lost) == 0:
		return true, &authsome.Error{
			Kind: authsome.KindVaultUnavailable, Message: "nothing is damaged, but " + found.RolledBack.Error(),
			Hint: "authsome doctor --accept-vault, if this is the vault that you mean to use", Err: found.RolledBack,
		}
	case !found.OK():
		return false, closeErr
	}
	if a.flags.json {
		return true, errors.Join(closeErr, a.printJSON(object{{"status", "whole"}, {"kept", found.Records}, {"lost", []object{}}, {"aside", ""}}))
	}
	a.say("nothing is damaged: all %d records are what was written", found.Records)
	return true, closeErr
}

// acceptVault goes on with a vault that is not the one that was used last, and with the audit log that came along with it.
func (a *app) acceptVault(ctx context.Context) error {
	if err := a.notInARun("say which vault is the right one"); err != nil {
		return err
	}
	layer, err := a.localLayer(ctx)
	if err != nil {
		return err
	}
	found, err := layer.Examine(ctx)
	if err != nil {
		return err
	}
	generation, err := layer.AcceptVault(ctx)
	if err != nil {
		return err
	}
	trail, err := a.auditLog()
	if err == nil && found.RolledBack != nil {
		err = trail.Replaced()
	}
	if err != nil {
		return err
	}
	a.note(authsome.EventAccept, authsome.Ref{}, map[string]string{"generation": fmt.Sprint(generation)})
	if a.flags.json {
		return a.printJSON(object{{"status", "accepted"}, {"generation", generation}})
	}
	a.say("the vault is accepted as it is, after %d changes. Tokens that were renewed since this copy was made are not in it:\n"+
		"where a refresh fails, authsome login PROVIDER --force", generation)
	return nil
}

// localLayer opens the vault of this machine.
func (a *app) localLayer(ctx context.Context) (*local.Layer, error) {
	layer, err := a.auth(ctx)
	if err != nil {
		return nil, err
	}
	l, ok := layer.(*local.Layer)
	if !ok {
		return nil, fmt.Errorf("the vault is elsewhere: %w", errors.ErrUnsupported)
	}
	return l, nil
}
