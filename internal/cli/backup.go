package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"authsome"
	"authsome/internal/atomicfile"
	"authsome/internal/backup"
	"authsome/internal/backup/helper"
	"authsome/internal/shell"
	"authsome/local"
	"authsome/vault"
)

// minPassphrase is the least length of a passphrase, in bytes: whoever has the file may try as many as they like.
const minPassphrase = 10

func (a *app) backupCommand() *cobra.Command {
	var recipients []string
	var fromStdin bool
	cmd := &cobra.Command{
		Use: "backup FILE", Short: "Write everything into one encrypted file, to restore it here or on another machine", Args: exactly(1),
		Long: "Write everything in the home into one encrypted file: connections, clients, profiles, your definitions and settings,\n" +
			"and the audit log. It is encrypted to a passphrase, which is asked for, or to age recipients and SSH public keys.\n\n" +
			"Many refresh tokens work once: a backup is behind as soon as one of them was renewed, and a login must not be used on\n" +
			"two machines. See docs/backup.md.",
		Example: "  authsome backup home.age\n  authsome backup home.age --recipient age1...\n  authsome backup verify home.age",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(recipients) > 0 && fromStdin {
				return usageError(cmd, "--recipient and --passphrase-stdin exclude each other")
			}
			to, err := a.recipients(cmd.Context(), recipients, fromStdin)
			if err != nil {
				return err
			}
			return a.backup(cmd.Context(), args[0], to)
		},
	}
	cmd.Flags().StringArrayVar(&recipients, "recipient", nil, "encrypt to this age recipient or SSH public key (repeatable)")
	cmd.Flags().BoolVar(&fromStdin, "passphrase-stdin", false, "read the passphrase from the first line of standard input")
	cmd.AddCommand(a.backupVerifyCommand())
	return cmd
}

// recipients returns what the backup is encrypted to.
func (a *app) recipients(ctx context.Context, texts []string, fromStdin bool) (helper.Request, error) {
	if err := a.notInARun("make a backup: it holds every secret"); err != nil {
		return helper.Request{}, err
	}
	if len(texts) > 0 {
		return helper.Request{Recipients: texts}, nil
	}
	passphrase, err := a.newBackupPassphrase(ctx, fromStdin)
	return helper.Request{Passphrase: passphrase.Reveal()}, err
}

// newBackupPassphrase asks for a passphrase twice, or reads it from standard input.
func (a *app) newBackupPassphrase(ctx context.Context, fromStdin bool) (authsome.Secret, error) {
	first, err := a.passphrase(ctx, fromStdin, "Passphrase for the backup")
	if err != nil {
		return first, err
	}
	if len(first.Reveal()) < minPassphrase {
		return first, &authsome.Error{
			Kind: authsome.KindUsage, Message: fmt.Sprintf("the passphrase is shorter than %d characters", minPassphrase),
			Hint: "whoever gets hold of the file may guess for as long as they like: take several words",
		}
	}
	if fromStdin {
		return first, nil
	}
	second, err := a.passphrase(ctx, false, "The same again")
	if err == nil && first.Reveal() != second.Reveal() {
		err = &authsome.Error{Kind: authsome.KindUsage, Message: "the two passphrases differ", Hint: "authsome backup FILE"}
	}
	return first, err
}

func (a *app) passphrase(ctx context.Context, fromStdin bool, prompt string) (authsome.Secret, error) {
	if fromStdin {
		line, err := bufio.NewReader(io.LimitReader(a.env.Stdin, 1<<16)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return authsome.Secret{}, fmt.Errorf("read the passphrase: %w", err)
		}
		return authsome.NewSecret(strings.TrimRight(line, "\r\n")), nil
	}
	if a.env.UI.ReadSecret == nil {
		return authsome.Secret{}, &authsome.Error{
			Kind: authsome.KindUsage, Message: "the backup needs a passphrase, and there is nobody to ask",
			Hint: "give it with --passphrase-stdin, or use --recipient and --identity",
		}
	}
	secret, err := a.env.UI.ReadSecret(ctx, prompt)
	if err != nil {
		return secret, &authsome.Error{Kind: authsome.KindCancelled, Message: "given up at the prompt", Err: err}
	}
	return secret, nil
}

func (a *app) backup(ctx context.Context, path string, to helper.Request) error {
	if err := replaceable(path); err != nil {
		return err
	}
	home, err := a.homeDir()
	if err != nil {
		return err
	}
	if !local.HoldsVault(home) {
		return &authsome.Error{Kind: authsome.KindVaultUnavailable, Message: "there is no vault in " + home + " to back up", Hint: "authsome init"}
	}
	if err := backup.Installed(); err != nil { // before there is an entry of a backup
		return backupError(path, err)
	}
	layer, err := a.localLayer(ctx)
	if err != nil {
		return err
	}
	// The entry comes first, so that the log in the backup has it as well. If nothing comes of it, another one says so.
	detail := map[string]string{"file": path}
	if err := a.record(authsome.EventBackup, authsome.Ref{}, detail); err != nil {
		return err
	}
	made, err := a.sealHome(ctx, layer, home, path, to)
	if err != nil {
		a.noteFailed(authsome.EventBackup, notWritten(err), detail)
		return err
	}
	if made.refreshable > 0 {
		a.warn(&authsome.Error{
			Message: liveOnRefreshTokens(made.refreshable) + ", and many providers take each of those once",
			Hint:    "use them on one machine only, and make a new backup from time to time: see docs/backup.md",
		})
	}
	if a.flags.json {
		return a.printJSON(object{
			{"status", "written"}, {"file", path}, {"connections", made.connections}, {"records", made.records}, {"files", made.files},
		})
	}
	a.say("%s in %s; authsome backup verify %s reads it again", pluralAre(made.connections, "connection"), path, shell.Word(path))
	return nil
}

// notWritten is the reason, in the audit log, for which there is no backup.
func notWritten(err error) string {
	if errors.Is(err, context.Canceled) {
		return "cancelled"
	}
	return "not_written"
}

// contentsMade says what a backup holds.
type contentsMade struct{ connections, refreshable, records, files int }

// sealHome writes the backup: all records of the vault as of one moment, and the files of the home that belong to them.
func (a *app) sealHome(ctx context.Context, layer *local.Layer, home, path string, to helper.Request) (made contentsMade, err error) {
	stored, err := layer.Records(ctx)
	if err != nil {
		return made, err
	}
	files, err := a.sealBackup(ctx, path, to, home, stored)
	if err != nil {
		return made, backupFailure(home, path, err)
	}
	made.connections, made.refreshable = local.RefreshableIn(stored)
	made.records, made.files = len(stored), files
	return made, nil
}

// sealBackup writes the records and the files of the home, and returns how many of these there are. The audit log does not
// grow meanwhile.
func (a *app) sealBackup(ctx context.Context, path string, to helper.Request, home string, stored []vault.Record) (files int, err error) {
	records := make([]backup.Record, len(stored))
	for i, rec := range stored {
		records[i] = backup.Record{Key: rec.Key, Value: rec.Value}
	}
	names, err := local.Settings(home)
	if err != nil {
		return 0, err
	}
	var all []backup.File
	for _, name := range names {
		all = append(all, backup.File{Name: name, Path: filepath.Join(home, filepath.FromSlash(name))})
	}
	trail, err := a.auditLog()
	if err != nil {
		return 0, err
	}
	err = trail.Freeze(func(logs []string) error {
		for _, log := range logs {
			all = append(all, backup.File{Name: filepath.Base(log), Path: log})
		}
		return writeBackup(path, func(w io.Writer) error {
			header := backup.Header{Created: a.env.Now(), Version: version()}
			return backup.Seal(ctx, to, w, func(w io.Writer) error { return backup.Write(w, header, records, all) })
		})
	})
	return len(all), err
}

// backupFailure says what has kept a backup from being written.
func backupFailure(home, path string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, backup.ErrUsage) || errors.Is(err, backup.ErrNoHelper) {
		return backupError(path, err)
	}
	if errors.Is(err, backup.ErrTooLarge) {
		return &authsome.Error{
			Kind: authsome.KindUsage, Message: fmt.Sprintf("the backup cannot be written: %v", err),
			Hint: "move that file out of " + home + ", if it is not authsome's own; what was there before is unchanged", Err: err,
		}
	}
	return &authsome.Error{
		Kind: authsome.KindInternal, Message: fmt.Sprintf("the backup cannot be written: %v", err),
		Hint: "check that " + filepath.Dir(path) + " is writable and not full; what was there before is unchanged", Err: err,
	}
}

// replaceable refuses to write over what is no backup.
func replaceable(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &authsome.Error{Kind: authsome.KindUsage, Message: err.Error(), Hint: "name another file", Err: err}
	}
	defer f.Close()
	begin := make([]byte, 32)
	n, err := io.ReadFull(f, begin)
	if n == 0 && errors.Is(err, io.EOF) || backup.IsBackup(begin[:n]) {
		return nil
	}
	return &authsome.Error{
		Kind: authsome.KindUsage, Message: path + " is there already, and is no backup", Hint: "name another file",
	}
}

// writeBackup replaces a file in one step by what write writes.
func writeBackup(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // made with mode 0600
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(f, 1<<16)
	err = write(buffered)
	if err == nil { // else it would fail for the same reason once more
		err = errors.Join(buffered.Flush(), f.Sync())
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = atomicfile.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, atomicfile.Remove(f.Name()))
	}
	return nil
}

// keyOptions say what opens a backup.
type keyOptions struct {
	identities []string
	fromStdin  bool
}

func (o *keyOptions) flags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&o.identities, "identity", nil, "FILE with the age identity or the SSH private key that opens it (repeatable)")
	cmd.Flags().BoolVar(&o.fromStdin, "passphrase-stdin", false, "read the passphrase from the first line of standard input")
}

func (a *app) backupVerifyCommand() *cobra.Command {
	var keys keyOptions
	cmd := &cobra.Command{
		Use: "verify FILE", Short: "Read a backup, check all of it, and say what is in it", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			contents, err := a.readBackup(cmd.Context(), args[0], keys, nil)
			if err != nil {
				return err
			}
			return a.describeBackup(args[0], contents)
		},
	}
	keys.flags(cmd)
	return cmd
}

func (a *app) describeBackup(path string, c *backup.Contents) error {
	connections, refreshable := local.RefreshableIn(vaultRecords(c))
	o := object{
		{"status", "whole"},
		{"file", path},
		{"created", c.Header.Created},
		{"version", c.Header.Version},
		{"connections", connections},
		{"refreshable", refreshable},
		{"records", len(c.Records)},
		{"files", c.Files},
	}
	if a.flags.json {
		return a.printJSON(o)
	}
	a.say("whole: %s and %s, made on %s by authsome %s",
		plural(connections, "connection"), plural(len(c.Files), "file"), c.Header.Created.Format("2006-01-02 15:04:05Z"), c.Header.Version)
	return nil
}

// readBackup opens and checks a backup.
func (a *app) readBackup(
	ctx context.Context, path string, keys keyOptions, file func(string, io.Reader) error,
) (*backup.Contents, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &authsome.Error{Kind: authsome.KindUsage, Message: "the backup cannot be read: " + err.Error(), Hint: "name the file that authsome backup wrote", Err: err}
	}
	defer f.Close()
	if !isEncrypted(f) { // nobody is asked for its passphrase, and nothing that it holds is shown
		return nil, &authsome.Error{
			Kind: authsome.KindUsage, Message: path + " is no backup", Hint: "name the file that authsome backup wrote",
		}
	}
	request, err := a.opening(ctx, keys)
	if err != nil {
		return nil, err
	}
	contents, err := openBackup(ctx, f, request, file)
	if errors.Is(err, backup.ErrAsk) {
		passphrase, askErr := a.passphrase(ctx, keys.fromStdin, "Passphrase of the SSH key")
		if askErr != nil {
			return nil, askErr
		}
		request.Passphrase = passphrase.Reveal()
		contents, err = openBackup(ctx, f, request, file)
	}
	if err != nil {
		return nil, backupError(path, err)
	}
	return contents, nil
}

// isEncrypted reports whether a file begins as age has it.
func isEncrypted(f io.Reader) bool {
	const begin = "age-encryption.org/v1\n"
	head := make([]byte, len(begin))
	_, err := io.ReadFull(f, head)
	return err == nil && string(head) == begin
}

// openBackup reads a backup from its beginning.
func openBackup(
	ctx context.Context, f io.ReadSeeker, request helper.Request, file func(string, io.Reader) error,
) (contents *backup.Contents, err error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	err = backup.Open(ctx, request, f, func(r io.Reader) error {
		contents, err = backup.Read(r, file)
		return err
	})
	return contents, err
}

// backupError says what to do about a backup that cannot be written or read.
func backupError(path string, err error) error {
	e := &authsome.Error{
		Kind: authsome.KindVaultUnavailable, Message: path + ": " + err.Error(), Err: err,
		Hint: "take another copy of the file; nothing was restored",
	}
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, backup.ErrFailed):
		e.Kind, e.Hint = authsome.KindInternal, "try again: nothing was restored"
	case errors.Is(err, backup.ErrWrongKey):
		e.Hint = "give the passphrase it was made with, or --identity FILE for one of its recipients"
	case errors.Is(err, backup.ErrNewer):
		e.Hint = "install the version of authsome that made it, or a later one"
	case errors.Is(err, backup.ErrUsage):
		e.Kind, e.Message = authsome.KindUsage, err.Error()
		e.Hint = "recipients are age1… of age-keygen, or what is in ~/.ssh/id_ed25519.pub; identities are the files they belong to"
	case errors.Is(err, backup.ErrNoHelper):
		e.Kind, e.Message, e.Hint = authsome.KindInternal, err.Error(), "put "+helper.Program+" beside authsome or on $PATH: packages have it; in a clone, go install ./cmd/..."
	}
	return e
}

// opening returns what the backup is to be opened with.
func (a *app) opening(ctx context.Context, keys keyOptions) (request helper.Request, err error) {
	if len(keys.identities) == 0 {
		passphrase, err := a.passphrase(ctx, keys.fromStdin, "Passphrase of the backup")
		return helper.Request{Passphrase: passphrase.Reveal()}, err
	}
	for _, path := range keys.identities {
		content, err := os.ReadFile(path)
		if err != nil {
			return request, &authsome.Error{
				Kind: authsome.KindUsage, Message: "the identity cannot be read: " + err.Error(),
				Hint: "name a file that age-keygen or ssh-keygen has made", Err: err,
			}
		}
		request.Identities = append(request.Identities, content)
	}
	return request, nil
}
