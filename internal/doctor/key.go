package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"authsome/local"
	"authsome/vault"
)

// keyName says which key is in use.
func (e *examination) keyName() string {
	if !e.MasterKey.IsZero() {
		return local.EnvMasterKey
	}
	return local.KeyPath(e.Home)
}

// unusedKey examines the key while there is no vault that it could be tried on.
func (e *examination) unusedKey(ctx context.Context, keys vault.KeySource, keyErr error) Check {
	if keyErr != nil {
		return e.brokenKey(keyErr)
	}
	if _, err := os.Stat(local.KeyPath(e.Home)); e.MasterKey.IsZero() && errors.Is(err, fs.ErrNotExist) {
		return passed(keyCheck, "none is needed yet")
	}
	// To wrap something reads the key, and makes none where there is one.
	if _, err := keys.Wrap(ctx, make([]byte, 32)); err != nil {
		return e.brokenKey(err)
	}
	return passed(keyCheck, e.keyName()+" is whole; there is no open vault to try it on")
}

// brokenKey says why the key in use does not open the vault.
func (e *examination) brokenKey(err error) Check {
	c := failedWith(keyCheck, err)
	info, statErr := os.Stat(local.KeyPath(e.Home))
	switch {
	case e.MasterKey.IsZero() && e.getenv(envBroker) != "" && errors.Is(statErr, fs.ErrNotExist):
		return noted(keyCheck, "authsome run gives its child no "+local.EnvMasterKey, "run authsome doctor outside of it")
	case !e.MasterKey.IsZero() && statErr == nil:
		c.Hint = fmt.Sprintf("to use %s: unset %s", local.KeyPath(e.Home), local.EnvMasterKey)
	case !e.MasterKey.IsZero() && !errors.Is(err, vault.ErrWrongKey):
		c.Hint = fmt.Sprintf("set %s to the base64 of 32 bytes, or unset it", local.EnvMasterKey)
	case hasModes && statErr == nil && info.Mode().Perm()&0o077 != 0:
		c.Hint = fmt.Sprintf("chmod %o %s", fileMode, quote(local.KeyPath(e.Home)))
	case !errors.Is(err, vault.ErrWrongKey) && !errors.Is(err, vault.ErrCorrupt):
		c.Hint = fmt.Sprintf("restore %s from a backup", filepath.Base(local.KeyPath(e.Home)))
	}
	return c
}
