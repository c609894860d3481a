package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"authsome"
	"authsome/internal/audit"
	"authsome/local"
)

const auditCheck = "audit_log"

// auditLog examines whether the log can be written, by opening and not by writing it, and whether it can be read.
func (e *examination) auditLog() Check {
	path := e.in(local.AuditFile)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return e.noAuditLog(path)
	case err == nil && !info.Mode().IsRegular(): // and opening a pipe would wait
		err = errors.New(path + " is not a file")
	case err == nil:
		err = appendable(path)
	}
	if err != nil {
		return unwritable(err)
	}
	counted := readAudit(path)
	if !counted.OK {
		return counted
	}
	return e.verifyAudit(path, counted)
}

// shownFindings is how many places are named; authsome log verify names all.
const shownFindings = 5

// verifyAudit examines whether the entries are what was written. A log of a version that did not chain, or one whose key
// cannot be had, is left at being counted.
func (e *examination) verifyAudit(path string, counted Check) Check {
	if e.auditKey.IsZero() {
		counted.Detail += "; whether that is what was written cannot be told without the vault"
		return counted
	}
	log := audit.Open(path)
	log.Key, log.Witness = func() (authsome.Secret, error) { return e.auditKey, nil }, e.auditWitness()
	report, err := log.Verify()
	if err != nil {
		return failed(auditCheck, fmt.Sprintf("the audit log cannot be verified: %v", err), "authsome log verify")
	}
	if report.OK() {
		counted.Detail += ", unchanged"
		return counted
	}
	var places []string
	for _, p := range report.Problems {
		places = append(places, audit.Printable(p.String()))
	}
	if more := len(places) - shownFindings; more > 0 {
		places = append(places[:shownFindings], fmt.Sprintf("and %d more", more))
	}
	return failed(auditCheck, "the audit log is not what was written:\n"+strings.Join(places, "\n"),
		"authsome log verify; compare it with a backup: whoever could write to it could use your account")
}

func (e *examination) auditWitness() string {
	return local.AuditWitness(local.StateDir(e.getenv), e.Home)
}

// noAuditLog examines whether the first entry could be written. Where a head has stayed behind, here or where this machine keeps
// it, the log has been deleted, and the head says how much is missing.
func (e *examination) noAuditLog(path string) Check {
	none := passed(auditCheck, "no entries yet")
	if _, err := os.Stat(e.Home); errors.Is(err, fs.ErrNotExist) {
		return none
	}
	if err := mayCreateIn(e.Home); err != nil {
		return unwritable(err)
	}
	for _, head := range []string{audit.HeadPath(path), e.auditWitness()} {
		if _, err := os.Lstat(head); err == nil {
			return e.verifyAudit(path, none)
		}
	}
	return none
}

func appendable(path string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

func unwritable(err error) Check {
	return failed(auditCheck, fmt.Sprintf("the audit log cannot be written: %v", err),
		"make it a file that you may write, or move it away; until then nothing is recorded")
}

// readAudit counts entries. A torn one is what a crash leaves, and no fault of the installation.
func readAudit(path string) Check {
	entries, unreadable := 0, 0
	for _, err := range audit.Read(path, audit.ReadOptions{}) {
		if _, torn := errors.AsType[*audit.LineError](err); torn {
			unreadable++
			continue
		}
		if err != nil {
			return failed(auditCheck, fmt.Sprintf("the audit log cannot be read: %v", err), "")
		}
		entries++
	}
	if unreadable > 0 {
		return noted(auditCheck, fmt.Sprintf("%d entries, and %d that cannot be read", entries, unreadable),
			"authsome log -n 0 shows where: a crash tears an entry, and so does editing")
	}
	if entries == 1 {
		return passed(auditCheck, "1 entry")
	}
	return passed(auditCheck, fmt.Sprintf("%d entries", entries))
}
