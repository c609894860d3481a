package doctor

import (
	"context"
	"fmt"
	"strings"

	"authsome"
	"authsome/local"
	"authsome/vault"
)

const (
	// historyCheck says whether the vault is the one that was used last.
	historyCheck = "vault_history"
	recordsCheck = "records"

	repairHint = "authsome doctor --repair keeps what can be read"
)

// records examines what the vault holds: whether it is the one that was used last, whether every record is the one that
// was written, and whether something refers to it.
func (e *examination) records(ctx context.Context, layer *local.Layer) ([]Check, []authsome.Connection) {
	found, err := layer.Examine(ctx)
	if err != nil {
		return []Check{failedWith(recordsCheck, err)}, nil
	}
	checks := []Check{history(found), whole(found)}
	if !found.OK() {
		return append(checks, failed(connectionsCheck, "they are not used while the vault is in doubt", hintsOf(checks))), nil
	}
	orphans, err := layer.Orphans(ctx)
	if err == nil && len(orphans) > 0 {
		checks[1] = noted(recordsCheck, checks[1].Detail+"\n"+strings.Join(orphans, "\n"),
			"authsome remove PROVIDER forgets what is of no use any more")
	}
	readable, connections := readConnections(ctx, layer)
	return append(checks, readable), connections
}

// hintsOf joins the hints of checks that have one.
func hintsOf(checks []Check) string {
	var hints []string
	for _, c := range checks {
		if c.Hint != "" {
			hints = append(hints, c.Hint)
		}
	}
	return strings.Join(hints, "; ")
}

func history(found *vault.Examination) Check {
	switch {
	case found.RolledBack != nil:
		return failed(historyCheck, found.RolledBack.Error()+
			"\nan old refresh token may end its login when it is used again, so nothing is handed out",
			"put the right vault back; or, if this one is meant to be used: authsome doctor --accept-vault")
	case found.Generation == 0:
		return passed(historyCheck, "begins with the next change to the vault")
	}
	return passed(historyCheck, "the one that was used last, after "+changes(found.Generation))
}

func changes(n uint64) string {
	if n == 1 {
		return "1 change"
	}
	return fmt.Sprintf("%d changes", n)
}

// whole names what is lost, and how to get it back.
func whole(found *vault.Examination) Check {
	if found.Unlisted == nil && len(found.Lost) == 0 {
		return passed(recordsCheck, fmt.Sprintf("all %d are what was written", found.Records))
	}
	var lines, mends []string
	if found.Unlisted != nil {
		lines = append(lines, "the list of records cannot be used: "+found.Unlisted.Error())
	}
	for _, lost := range found.Lost {
		what, mend := local.DescribeLost(lost.Key)
		lines = append(lines, what+" is lost: "+lost.Err.Error())
		if mend != "" {
			mends = append(mends, mend)
		}
	}
	hint := repairHint
	if len(mends) > 0 {
		hint += ", then: " + strings.Join(mends, "; ")
	}
	return failed(recordsCheck, strings.Join(lines, "\n"), hint)
}
