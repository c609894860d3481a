package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"authsome/internal/shell"
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

// keys returns the key sources to open the vault with.
func (e *examination) keys() (vault.KeySource, error) {
	if e.Keys != nil {
		return e.Keys, nil
	}
	return local.KeySource(e.Home, e.MasterKey)
}

// workingKey says which source opens the vault, why it is that one, and what has been left behind by another.
func (e *examination) workingKey(ctx context.Context, store vault.Store, keys vault.KeySource) Check {
	used, err := local.DescribeKey(ctx, store, keys)
	if err != nil {
		return failed(keyCheck, err.Error(), "")
	}
	c := passed(keyCheck, e.sourceName(used)+" opens the vault\n"+used.Why)
	if !used.Unattended {
		c.Detail += "\nwhen nobody is there, or nothing is unlocked, the vault stays closed"
	}
	if used.FileLeft != "" {
		c.Detail += fmt.Sprintf("\n%s is not used any more, and opens old copies of the vault", used.FileLeft)
		c.Hint = "rm " + shell.Word(used.FileLeft)
	}
	return c
}

// sourceName is what people call the key in use.
func (e *examination) sourceName(used local.KeyInUse) string {
	switch used.Source {
	case "file", "environment":
		return e.keyName()
	}
	return "the key source " + used.Source
}

// brokenSource says why the source that the vault names does not open it.
func (e *examination) brokenSource(used local.KeyInUse, err error) Check {
	if used.Source != "" && used.Source != "file" && used.Source != "environment" {
		c := failedWith(keyCheck, err)
		c.Hint += e.ifLost()
		return c
	}
	return e.brokenKey(err)
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
		c.Hint = fmt.Sprintf("chmod %o %s", fileMode, shell.Word(local.KeyPath(e.Home)))
	case errors.Is(err, fs.ErrPermission):
		c.Hint = fmt.Sprintf("make %s yours, or set AUTHSOME_HOME to a home that is", shell.Word(e.Home))
	case errors.Is(err, vault.ErrWrongKey):
		c.Hint += e.ifLost()
	}
	return c
}

// ifLost says what is left to who cannot get the key any more.
func (e *examination) ifLost() string {
	return "; if it is lost: authsome restore FILE --force, or begin anew: " + local.BeginAnew(e.Home)
}
