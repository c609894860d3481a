package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"authsome"
)

// The head lies beside the log, so somebody who can write there could put both back to an earlier state, or delete both, and
// what is left would fit. Two things are there against that. [Log.Witness] holds the head once more, elsewhere: the next
// writer goes on from the number that it knows, so that what is missing stays missing. And where the head itself is gone, or is
// none of ours, the next writer says so in the log, since the head that it writes would cover that up.

// eventHeadLost is the entry of a writer that has found entries and no head of ours to them.
const eventHeadLost authsome.EventName = "log_head_lost"

// saysHeadLost is what such an entry holds, and no other: quotes within a value are escaped.
const saysHeadLost = `,"event":"` + string(eventHeadLost) + `",`

// headLost is the line of such an entry.
func headLost(why string, now time.Time) []byte {
	return appendEntry(nil, authsome.Event{Name: eventHeadLost, Failed: true, Reason: why}, now)
}

// doubt says what is wrong with the head of a file whose last entry is last. It is nothing where the log begins, and where the
// last writer had no key to sign a head with.
func (l *Log) doubt(head Head, readErr error, last link, keys chainKeys) string {
	switch {
	case !keys.has() || l.wrote.Seq > 0 && head.Seq == l.wrote.Seq && head.Signature == l.wrote.Signature:
		return ""
	case readErr != nil:
		return "the head of the log could not be read"
	case head == (Head{}) && last.seq == 0:
		return ""
	case head == (Head{}):
		return "the head of the log was missing"
	case head.Signature == "" && last.seq > 0 && !isKeyed(last.chain):
		return ""
	case !keys.made(head):
		return "the head of the log was not written by authsome"
	default:
		return ""
	}
}

// made reports whether a head was signed with the key. To sign it again comes first: that takes half as long as to check
// a signature, and gives the same one.
func (k chainKeys) made(h Head) bool {
	again := k.sign(link{seq: h.Seq, chain: h.Chain}, h.Time)
	return again.Signature != "" && again.Signature == h.Signature || k.check(h) == nil
}

// outrun returns the entry that the witness knows, if that is genuine and further than last.
func (l *Log) outrun(last link, keys chainKeys) (link, bool) {
	if l.Witness == "" || !keys.has() {
		return link{}, false
	}
	h, err := readHead(l.Witness)
	if err != nil || h.Seq <= last.seq || keys.check(h) != nil {
		return link{}, false
	}
	return link{seq: h.Seq, chain: h.Chain}, true
}

// testify keeps a head in the place of the witness. One that cannot be kept is missing later, which does no harm.
func (l *Log) testify(h Head) {
	if l.Witness == "" || h.Signature == "" {
		return
	}
	err := writeHead(l.Witness, h)
	if errors.Is(err, fs.ErrNotExist) && os.MkdirAll(filepath.Dir(l.Witness), 0o700) == nil {
		_ = writeHead(l.Witness, h)
	}
}

// Replaced says that another log lies at the path on purpose: what the witness knows is not about that one.
func (l *Log) Replaced() error {
	if l.Witness == "" {
		return nil
	}
	if err := os.Remove(l.Witness); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget how far the audit log had got: %w", err)
	}
	return nil
}

// isKeyed reports whether a chain value took the key to make.
func isKeyed(chain string) bool { return chain != "" && chain[:1] != unkeyed }
