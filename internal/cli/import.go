package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/zalando/go-keyring"

	"authsome"
	"authsome/internal/legacy"
)

// keyringTimeout is how long the system's keyring may take: one that is locked can wait for a person who is not there.
const keyringTimeout = 3 * time.Second

type importOptions struct {
	from   string
	dryRun bool
	force  bool
}

func (a *app) importCommand() *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use: "import", Short: "Take in the logins of the Python authsome 0.2", Args: exactly(0),
		Long: "Take in connections, OAuth clients and definitions of the Python authsome 0.2. The old store stays as it is.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.importOld(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.from, "from", "", "home of the old authsome (default: .authsome in your home directory)")
	f.BoolVar(&o.dryRun, "dry-run", false, "say what would be taken in, and change nothing")
	f.BoolVar(&o.force, "force", false, "replace connections that are there already")
	return cmd
}

// imported is one line of the report.
type imported struct {
	ref    authsome.Ref
	status string // imported, kept, failed, or would be imported
	reason string
}

func (a *app) importOld(ctx context.Context, o importOptions) error {
	store, from, err := openOld(o.from)
	if err != nil {
		return err
	}
	layer, err := a.auth(ctx)
	if err != nil {
		return err
	}
	profiles, err := store.Profiles()
	if err != nil {
		return &authsome.Error{
			Kind: authsome.KindUsage, Message: err.Error(), Hint: "authsome import --from DIRECTORY", Err: err,
		}
	}
	report := a.importDefinitions(ctx, layer, from, o)
	for _, profile := range profiles {
		logins, err := store.Logins(ctx, profile)
		if err != nil {
			report = append(report, imported{authsome.Ref{Profile: authsome.ProfileName(profile)}, "failed", err.Error()})
		}
		for _, login := range logins {
			report = append(report, a.importOne(ctx, layer, login, o))
		}
	}
	return a.printImport(report)
}

// openOld finds the old home and its key, in a file or in the keyring of the system.
func openOld(from string) (*legacy.Store, string, error) {
	if from == "" {
		user, err := os.UserHomeDir()
		if err != nil {
			return nil, "", err
		}
		from = filepath.Join(user, ".authsome")
	}
	if absolute, err := filepath.Abs(from); err == nil {
		from = absolute
	}
	key, err := legacy.ReadKey(from)
	if errors.Is(err, legacy.ErrNoKey) {
		key, err = keyringKey()
	}
	if err == nil {
		store, err := legacy.Open(from, key)
		return store, from, err
	}
	return nil, from, &authsome.Error{
		Kind: authsome.KindVaultUnavailable, Message: fmt.Sprintf("the old store in %s cannot be opened: %v", from, err),
		Hint: "authsome import --from DIRECTORY names the home in which " + legacy.KeyFile + " lies", Err: err,
	}
}

// keyringKey asks the keyring of the system for the key, for a bounded time.
func keyringKey() (authsome.Secret, error) {
	type answer struct {
		text string
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		text, err := keyring.Get("authsome", "master_key")
		answers <- answer{text, err}
	}()
	select {
	case got := <-answers:
		if got.err != nil {
			return authsome.Secret{}, fmt.Errorf("%w, and the keyring has none: %w", legacy.ErrNoKey, got.err)
		}
		return legacy.ParseKey(authsome.NewSecret(got.text))
	case <-time.After(keyringTimeout):
		return authsome.Secret{}, fmt.Errorf("%w, and the keyring does not answer", legacy.ErrNoKey)
	}
}

// importDefinitions takes in the definitions that the person had written.
func (a *app) importDefinitions(ctx context.Context, layer authsome.AuthLayer, from string, o importOptions) []imported {
	paths, err := filepath.Glob(filepath.Join(from, legacy.ProvidersDir, "*.json"))
	if err != nil || filepath.Clean(from) == filepath.Clean(a.home) {
		return nil // they are ours already
	}
	var report []imported
	for _, path := range paths {
		name := authsome.ProviderName(strings.TrimSuffix(filepath.Base(path), ".json"))
		line := imported{authsome.Ref{Provider: name}, "imported", ""}
		doc, err := os.ReadFile(path)
		switch {
		case err == nil && o.dryRun:
			line.status = "would be imported"
		case err == nil:
			if _, err = layer.Register(ctx, doc, o.force); authsome.KindOf(err) == authsome.KindUsage && strings.Contains(err.Error(), "already") {
				line.status, err = "kept", nil
			}
		}
		if err != nil {
			line.status, line.reason = "failed", err.Error()
		}
		report = append(report, line)
	}
	return report
}

func (a *app) importOne(ctx context.Context, layer authsome.AuthLayer, login legacy.Login, o importOptions) imported {
	line := imported{login.Ref, "imported", ""}
	taker, ok := layer.(authsome.Importer)
	err := login.Problem
	switch {
	case err != nil:
	case !ok:
		err = errors.New("this vault takes nothing in")
	case o.dryRun:
		line.status = "would be imported"
		if _, err = layer.Provider(ctx, login.Ref.Profile, login.Ref.Provider); err == nil {
			return line
		}
	default:
		login.Replace = o.force
		if _, err = taker.Import(ctx, login.ImportedLogin); errors.Is(err, authsome.ErrKept) {
			line.status, line.reason = "kept", "it is there already; --force replaces it"
			return line
		}
	}
	if err != nil {
		line.status, line.reason = "failed", err.Error()
	}
	return line
}

// printImport prints the report. What failed makes the command fail; the rest has been taken in.
func (a *app) printImport(report []imported) error {
	failed, done := 0, 0
	rows := [][]string{{"PROFILE", "PROVIDER", "CONNECTION", "STATUS", "REASON"}}
	objects := make([]object, len(report))
	for i, line := range report {
		switch line.status {
		case "failed":
			failed++
		case "imported":
			done++
		}
		rows = append(rows, []string{string(line.ref.Profile), string(line.ref.Provider), string(line.ref.Connection), line.status, line.reason})
		objects[i] = object{
			{"profile", line.ref.Profile},
			{"provider", line.ref.Provider},
			{"connection", line.ref.Connection},
			{"status", line.status},
			{"reason", line.reason},
		}
	}
	if a.flags.json {
		if err := a.printJSON(object{{"imported", done}, {"failed", failed}, {"logins", objects}}); err != nil {
			return err
		}
	} else if err := a.table(rows); err != nil {
		return err
	}
	if done > 0 {
		a.tell("Do not use the old authsome with these logins any more: of two programs that refresh one login, one loses it.")
	}
	if failed > 0 {
		return exitStatus(1)
	}
	return nil
}
