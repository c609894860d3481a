package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"authsome"
	"authsome/internal/atomicfile"
	"authsome/internal/audit"
	"authsome/internal/backup"
	"authsome/internal/shell"
	"authsome/local"
	"authsome/vault"
)

func (a *app) restoreCommand() *cobra.Command {
	var keys keyOptions
	var force bool
	cmd := &cobra.Command{
		Use: "restore FILE", Short: "Put a backup into this home, sealed with this machine's own key", Args: exactly(1),
		Long: "Put a backup into this home, sealed with this machine's own key. The backup is read and checked as a whole first. A\n" +
			"home that holds a vault is left alone unless --force is given, which moves what is there aside.\n\n" +
			"Stop using the logins on the machine that the backup was made on: many refresh tokens work once, and a second machine\n" +
			"that sends one again ends the login for both.",
		Example: "  authsome restore home.age\n  authsome restore home.age --identity ~/.ssh/id_ed25519",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.restore(cmd.Context(), args[0], keys, force)
		},
	}
	keys.flags(cmd)
	cmd.Flags().BoolVar(&force, "force", false, "move the vault that is there aside")
	return cmd
}

func (a *app) restore(ctx context.Context, path string, keys keyOptions, force bool) error {
	if err := a.notInARun("exchange the vault"); err != nil {
		return err
	}
	home, err := a.homeDir()
	if err != nil {
		return err
	}
	if local.HoldsVault(home) && !force {
		return &authsome.Error{
			Kind: authsome.KindUsage, Message: "there is a vault in " + home + " already",
			Hint: "authsome restore FILE --force moves it aside; AUTHSOME_HOME=DIR authsome restore FILE makes another home",
		}
	}
	contents, aside, err := a.restoreFiles(ctx, home, path, keys)
	if err != nil {
		return err
	}
	a.cfg = nil // it has just been restored
	trail, err := a.auditLog()
	if err == nil {
		err = trail.Replaced()
	}
	if err != nil {
		return cannotRestore(err)
	}
	layer, err := a.localLayer(ctx)
	if err == nil {
		err = layer.Restore(ctx, vaultRecords(contents))
	}
	if err != nil {
		return err
	}
	a.note(authsome.EventRestore, authsome.Ref{}, map[string]string{"file": path, "created": contents.Header.Created.Format("2006-01-02T15:04:05Z")})
	if len(keys.identities) > 0 {
		a.warnOfRestored(contents)
	}
	return a.restored(contents, aside)
}

// restoreFiles reads the whole backup, and when that went well moves what is in the way aside and the files into place.
// The records are not written to any file.
func (a *app) restoreFiles(ctx context.Context, home, path string, keys keyOptions) (_ *backup.Contents, aside string, err error) {
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, "", cannotRestore(err)
	}
	staging, err := os.MkdirTemp(home, ".restore-*")
	if err != nil {
		return nil, "", cannotRestore(err)
	}
	defer func() { _ = os.RemoveAll(staging) }()
	contents, err := a.readBackup(ctx, path, keys, func(name string, r io.Reader) error {
		return stage(filepath.Join(staging, filepath.FromSlash(name)), r)
	})
	if err != nil {
		return nil, "", err
	}
	unlock, err := local.LockAll(ctx, home, "authsome restore FILE --force")
	if err != nil {
		return nil, "", err
	}
	defer unlock()
	aside, err = setAside(home, filepath.Join(home, "replaced-"+a.env.Now().UTC().Format("20060102T150405.000Z")))
	if err != nil {
		return nil, "", cannotRestore(err)
	}
	for _, name := range contents.Files {
		to := filepath.Join(home, filepath.FromSlash(name))
		err := os.MkdirAll(filepath.Dir(to), 0o700)
		if err == nil {
			err = atomicfile.Rename(filepath.Join(staging, filepath.FromSlash(name)), to)
		}
		if err != nil {
			return nil, "", cannotRestore(err)
		}
	}
	return contents, aside, nil
}

func cannotRestore(err error) error {
	return &authsome.Error{
		Kind: authsome.KindVaultUnavailable, Message: "the home cannot be restored: " + err.Error(),
		Hint: "check that it is writable and the disk not full, and restore again", Err: err,
	}
}

// stage writes a file of the backup.
func stage(path string, r io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Sync(), f.Close())
}

// setAside moves what a restore replaces into a directory, and returns its name if there was anything. The vault goes
// first: without it nothing that is left is used.
func setAside(home, aside string) (string, error) {
	logs, err := filepath.Glob(filepath.Join(home, "audit-*.log"))
	if err != nil {
		return "", err
	}
	names := []string{
		local.VaultFile, local.JournalFile, local.MarkFile, filepath.Base(local.KeyPath(home)), local.AuditFile,
		audit.HeadPath(local.AuditFile), local.ConfigFile, local.TrustFile, local.ProvidersDir,
	}
	for _, log := range logs {
		names = append(names, filepath.Base(log))
	}
	moved := ""
	for _, name := range names {
		if _, err := os.Lstat(filepath.Join(home, name)); err != nil {
			continue
		}
		if moved == "" {
			if err := os.Mkdir(aside, 0o700); err != nil {
				return "", err
			}
			moved = aside
		}
		if err := atomicfile.Rename(filepath.Join(home, name), filepath.Join(aside, name)); err != nil {
			return "", err
		}
	}
	return moved, nil
}

func (a *app) restored(c *backup.Contents, aside string) error {
	connections, refreshable := local.RefreshableIn(vaultRecords(c))
	if refreshable > 0 {
		a.warn(&authsome.Error{
			Message: liveOnRefreshTokens(refreshable) + ": use them here only, no longer where the backup was made",
			Hint:    "where one was renewed since the backup, its refresh fails: authsome login PROVIDER --force",
		})
	}
	if a.flags.json {
		return a.printJSON(object{{"status", "restored"}, {"home", a.home}, {"connections", connections}, {"records", len(c.Records)}, {"aside", aside}})
	}
	a.say("%s restored to %s, sealed with this machine's key", pluralAre(connections, "connection"), a.home)
	if aside != "" {
		a.say("what was there before is in %s", aside)
	}
	return nil
}

// warnOfRestored names what came along with a backup and decides what is run, and where secrets go. Whoever knows a recipient, which is
// public, can make a file that opens.
func (a *app) warnOfRestored(c *backup.Contents) {
	var effects []string
	if cfg, err := a.config(); err == nil && len(cfg.Notify.Command) > 0 {
		effects = append(effects, fmt.Sprintf("config.json has %q run when the state of a login changes", cfg.Notify.Command))
	}
	if definitions := countDefinitions(c.Files); definitions > 0 {
		effects = append(effects, fmt.Sprintf("%s, by which secrets are sent", plural(definitions, "provider definition")))
	}
	if len(effects) > 0 {
		a.warn(&authsome.Error{
			Message: "with the backup came: " + strings.Join(effects, "; "),
			Hint:    "unless you know that this backup is yours, look at " + shell.Word(a.home) + " before you go on",
		})
	}
}

func countDefinitions(files []string) (n int) {
	for _, name := range files {
		if strings.HasPrefix(name, local.ProvidersDir+"/") {
			n++
		}
	}
	return n
}

func vaultRecords(c *backup.Contents) []vault.Record {
	records := make([]vault.Record, len(c.Records))
	for i, rec := range c.Records {
		records[i] = vault.Record{Key: rec.Key, Value: rec.Value}
	}
	return records
}
