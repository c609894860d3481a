package local

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"authsome"
	"authsome/internal/atomicfile"
	"authsome/internal/shell"
	"authsome/internal/sqlite"
	"authsome/vault"
)

// Examine reads the whole vault and says what of it is not as it was written last.
func (l *Layer) Examine(ctx context.Context) (*vault.Examination, error) {
	found, err := l.vault.Examine(ctx)
	if err != nil {
		return nil, vaultError("the vault cannot be read", err)
	}
	return found, nil
}

// CheckStore examines the structure of the database.
func (l *Layer) CheckStore(ctx context.Context) error {
	if err := l.vault.Check(ctx); err != nil {
		return vaultError("the vault is damaged", err)
	}
	return nil
}

// AcceptVault goes on with a vault that is not the one that was used last: an old copy, or another one. A person has said
// that it is meant to be there.
func (l *Layer) AcceptVault(ctx context.Context) (generation uint64, err error) {
	generation, err = l.vault.Accept(ctx)
	if err != nil {
		return 0, vaultError("the vault cannot be accepted", err)
	}
	return generation, nil
}

// Repaired says what Repair has done.
type Repaired struct {
	Records int                // that were kept
	Lost    []vault.LostRecord // and that were not
	Aside   string             // the directory that the old vault was moved to
}

// repairPatience is how long a repair waits for those who are at work with the vault: longer than the slowest refresh takes.
const repairPatience = 2*defaultTimeout + replayWithin + lockMargin

// Repair makes a new vault of what can be read of a damaged one, under the same key, and moves the old one aside. It
// fails without having changed anything where the data key cannot be had, and where somebody goes on writing: what they wrote
// would be in the vault that is moved.
func Repair(ctx context.Context, home string, keys vault.KeySource, now time.Time) (*Repaired, error) {
	if err := askForKey(ctx, home, keys); err != nil {
		return nil, err
	}
	unlock, err := LockAll(ctx, home, repairCommand)
	if err != nil {
		return nil, err
	}
	defer unlock()
	scratch, err := os.MkdirTemp(home, "."+VaultFile+"-repair-*")
	if err != nil {
		return nil, vaultError("the vault cannot be repaired", err)
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	before, err := vaultDigest(home)
	if err != nil {
		return nil, vaultError("the vault cannot be repaired", err)
	}
	found, err := rebuild(ctx, home, scratch, keys)
	if err != nil {
		return nil, beyondRepair(home, err)
	}
	if after, err := vaultDigest(home); err != nil || after != before {
		return nil, inUse("the vault was written to while it was read", repairCommand, err)
	}
	aside := filepath.Join(home, fmt.Sprintf("%s.damaged-%s", VaultFile, now.UTC().Format("20060102T150405.000Z")))
	if err := exchange(home, filepath.Join(scratch, "new"), aside); err != nil {
		return nil, vaultError("the repaired vault cannot be put in its place", err)
	}
	return &Repaired{Records: found.Records, Lost: found.Lost, Aside: aside}, nil
}

const repairCommand = "authsome doctor --repair"

// askForKey has the source of the key ask a person for what it needs, before anybody is kept waiting for the answer. Afterwards nobody
// is asked. Where the data key cannot be found it leaves the word to who looks again when nobody writes.
func askForKey(ctx context.Context, home string, keys vault.KeySource) error {
	scratch, err := os.MkdirTemp(home, "."+VaultFile+"-repair-*")
	if err != nil {
		return vaultError("the vault cannot be repaired", err)
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	rows, err := sqlite.Salvage(ctx, filepath.Join(home, VaultFile), scratch)
	if err == nil {
		err = vault.TryKey(ctx, rows, keys)
	}
	if errors.Is(err, vault.ErrCorrupt) {
		return nil
	}
	if err != nil {
		return vaultError("the vault cannot be repaired", err)
	}
	if asks, ok := keys.(interface{ Settle() }); ok {
		asks.Settle()
	}
	return nil
}

// LockAll waits until nobody refreshes or logs in, and keeps everybody from beginning to, so that a vault can be put in the place of
// the one that is there. The token of a refresh that is under way exists nowhere else, and the one that the vault holds meanwhile
// is used up. command is what to run again if somebody does not come to an end.
func LockAll(ctx context.Context, home, command string) (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, repairPatience)
	defer cancel()
	unlock, err = sqlite.LockAll(ctx, filepath.Join(home, RunDir, locksDir))
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, inUse("another process is at work with the vault", command, err)
	}
	if err != nil {
		return nil, vaultError("the vault cannot be locked", err)
	}
	return unlock, nil
}

// beyondRepair says what is left to do when nothing of a vault can be read.
func beyondRepair(home string, err error) error {
	failure := vaultError("the vault cannot be repaired", err)
	if e, ok := errors.AsType[*authsome.Error](failure); ok && errors.Is(err, vault.ErrCorrupt) {
		e.Hint = "authsome restore FILE --force, if there is a backup; or begin anew: " + BeginAnew(home)
	}
	return failure
}

// BeginAnew is the command that moves the vault of a home aside, so that the next command makes another. The audit log goes with
// it, where a shell can say so: the vault has the key that it was chained with.
func BeginAnew(home string) string {
	const accept = " && authsome doctor --accept-vault"
	path := filepath.Join(home, VaultFile)
	if runtime.GOOS == "windows" {
		return "mv " + shell.Word(path) + " " + shell.Word(path+".damaged") + accept
	}
	aside := shell.Word(filepath.Join(home, "damaged"))
	return "mkdir -m 700 " + aside + " && mv " + shell.Word(path) + " " + shell.Word(home) + "/audit*.log* " + aside + accept
}

func inUse(what, command string, err error) error {
	return &authsome.Error{
		Kind: authsome.KindVaultUnavailable, Message: what + ", and nothing was changed",
		Hint: "end what uses it, such as authsome run and proxy, and run: " + command, Err: err,
	}
}

// vaultDigest tells whether somebody has written to the vault. It must not be asked for while this process has the database open.
func vaultDigest(home string) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	for _, name := range []string{VaultFile, JournalFile} {
		b, err := os.ReadFile(filepath.Join(home, name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return sum, err
		}
		fmt.Fprintf(h, "%d\n", len(b))
		h.Write(b)
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// rebuild makes the new vault in scratch/new.
func rebuild(ctx context.Context, home, scratch string, keys vault.KeySource) (found *vault.Examination, err error) {
	reading, fresh := filepath.Join(scratch, "old"), filepath.Join(scratch, "new")
	if err := errors.Join(os.Mkdir(reading, 0o700), os.Mkdir(fresh, 0o700)); err != nil {
		return nil, err
	}
	rows, err := sqlite.Salvage(ctx, filepath.Join(home, VaultFile), reading)
	if err != nil {
		return nil, err
	}
	store, err := OpenStore(ctx, fresh, "")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return vault.Salvage(ctx, rows, keys, store)
}

// exchange moves the files of the old vault to aside, and those of the new one into their place. The mark goes last: a
// vault beside the mark of another one is refused, and can be accepted; the old one beside the new mark could not.
func exchange(home, fresh, aside string) error {
	if err := os.Mkdir(aside, 0o700); err != nil {
		return err
	}
	for _, name := range []string{JournalFile, MarkFile} {
		if err := move(filepath.Join(home, name), filepath.Join(aside, name)); err != nil {
			return err
		}
	}
	// One name for both until the new one is there: at no time is there no vault, which would be taken for a first run.
	if err := os.Link(filepath.Join(home, VaultFile), filepath.Join(aside, VaultFile)); err != nil {
		if err := move(filepath.Join(home, VaultFile), filepath.Join(aside, VaultFile)); err != nil {
			return err
		}
	}
	for _, name := range []string{VaultFile, MarkFile} {
		if err := atomicfile.Rename(filepath.Join(fresh, name), filepath.Join(home, name)); err != nil {
			return err
		}
	}
	return nil
}

// move renames a file, if there is one.
func move(from, to string) error {
	err := atomicfile.Rename(from, to)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// Orphans names what the vault holds that nothing uses any more: connections to providers that nobody has defined, and
// clients that no login refers to.
func (l *Layer) Orphans(ctx context.Context) (orphans []string, err error) {
	profiles, err := l.ListProfiles(ctx)
	if err != nil {
		return nil, err
	}
	for _, profile := range profiles {
		holdings, err := l.readAll(ctx, profile)
		if err != nil {
			return nil, err
		}
		for _, name := range sortedNames(holdings) {
			h := holdings[name]
			if _, err := l.catalogue.Lookup(name); authsome.KindOf(err) == authsome.KindProviderNotFound {
				for _, connection := range sortedNames(h.connections) {
					orphans = append(orphans, fmt.Sprintf("the connection %s of the profile %s has no definition",
						h.connections[connection].ref, profile))
				}
			}
			for _, id := range h.unusedClients() {
				orphans = append(orphans, fmt.Sprintf("the client %s of the profile %s at %s is used by no login", id, profile, name))
			}
		}
	}
	return orphans, nil
}

// unusedClients returns the identifiers of the clients that neither a connection nor the settings refer to.
func (h *holding) unusedClients() []string {
	used := map[string]bool{h.settings.ClientID: true}
	for _, c := range h.connections {
		used[c.ClientID] = true
	}
	var unused []string
	for id := range h.registrations {
		if !used[id] {
			unused = append(unused, id)
		}
	}
	slices.Sort(unused)
	return unused
}

// DescribeLost says in words what a record that is lost was.
func DescribeLost(key vault.Key) (what, mend string) {
	ref, ok := parseConnectionKey(key)
	provider, below := providerOfKey(key)
	switch {
	case ok && ref.Profile == authsome.DefaultProfile:
		return fmt.Sprintf("the connection %s", ref), "authsome login " + Arguments(ref)
	case ok:
		return fmt.Sprintf("the connection %s of the profile %s", ref, ref.Profile), "authsome login " + Arguments(ref)
	case key == auditKeyRow:
		return "the key of the audit log", "authsome log verify tells its entries from what others wrote no more"
	case isRegistrationKey(key):
		return fmt.Sprintf("a client registered with %s", provider), "authsome login " + string(provider) + " --force"
	case below:
		return fmt.Sprintf("the settings of %s", provider), "authsome connection list"
	}
	return fmt.Sprintf("the record %s", key), ""
}
