package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"authsome"
	"authsome/internal/legacy"
	"authsome/local"
)

type importOptions struct {
	from   string
	dryRun bool
	force  bool
}

func (a *app) importCommand() *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use: "import", Short: "Take in the store of the Python authsome 0.2", Args: exactly(0),
		Long: "Take in connections, OAuth clients, profiles and provider definitions of the Python authsome 0.2. Its store is\n" +
			"left as it is. What is there already is kept.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.importOld(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.from, "from", "", "home of the old authsome (default: the present home, then ~/.authsome)")
	f.BoolVar(&o.dryRun, "dry-run", false, "show what would be taken in")
	f.BoolVar(&o.force, "force", false, "replace what is there already, tokens refreshed since included")
	return cmd
}

func (a *app) importOld(ctx context.Context, o importOptions) error {
	dir, err := a.oldHome(o.from)
	if err != nil {
		return err
	}
	old, err := legacy.Read(ctx, dir, legacy.Keyring)
	if errors.Is(err, legacy.ErrNoStore) {
		return &authsome.Error{
			Kind: authsome.KindUsage, Message: "there is no store of authsome 0.2 in " + dir, Hint: "authsome import --from PATH", Err: err,
		}
	}
	if err != nil {
		return err
	}
	layer, err := a.auth(ctx)
	if err != nil {
		return err
	}
	m := &migration{layer: layer, dir: dir, home: a.home, options: o}
	if err := m.run(ctx, old); err != nil {
		return err
	}
	return a.printMigration(m, old)
}

// oldHome returns where the old authsome has kept its things: both programs have the same default.
func (a *app) oldHome(from string) (string, error) {
	if from != "" {
		return filepath.Abs(from)
	}
	home, err := a.homeDir()
	if err != nil || legacy.Exists(home) {
		return home, err
	}
	user, err := os.UserHomeDir()
	if err != nil {
		return home, nil //nolint:nilerr // then there is no other place to look in
	}
	if other := filepath.Join(user, local.HomeDirectory); legacy.Exists(other) {
		return other, nil
	}
	return home, nil
}

func (a *app) printMigration(m *migration, old *legacy.Store) error {
	if err := a.printItems(m); err != nil {
		return err
	}
	if m.refreshTokens && !m.options.dryRun {
		a.warn(&authsome.Error{
			Message: "refresh tokens now lie in two stores: whichever program uses one first may end the login of the other",
			Hint:    "do not use the old authsome, its daemon or its proxy any more",
		})
	}
	if name := authsome.ProfileName(old.DefaultProfile); name != authsome.DefaultProfile && m.has(name) {
		a.say("the old authsome used the profile %s; authsome profile use %s chooses it", name, name)
	}
	if m.failed() {
		return exitStatus(1)
	}
	return nil
}

func (a *app) printItems(m *migration) error {
	if a.flags.json {
		items := []object{}
		for _, i := range m.items {
			items = append(items, object{
				{"kind", i.kind},
				{"profile", i.profile},
				{"provider", i.provider},
				{"name", i.name},
				{"result", i.result},
				{"reason", i.reason},
			})
		}
		return a.printJSON(object{{"from", m.dir}, {"dry_run", m.options.dryRun}, {"items", items}})
	}
	if len(m.items) == 0 {
		a.say("there is nothing to take in in %s", m.dir)
		return nil
	}
	rows := [][]string{{"KIND", "PROFILE", "PROVIDER", "NAME", "RESULT"}}
	for _, i := range m.items {
		result := strings.TrimSuffix(strings.ReplaceAll(i.result, "_", " ")+": "+i.reason, ": ")
		rows = append(rows, []string{i.kind, string(i.profile), string(i.provider), i.name, result})
	}
	return a.table(rows)
}

func (m *migration) failed() bool {
	return slices.ContainsFunc(m.items, func(i item) bool { return i.result == resultFailed })
}
