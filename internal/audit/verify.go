package audit

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Report is what [Log.Verify] found.
type Report struct {
	Entries uint64 `json:"entries"` // in the chain
	Head    Head   `json:"head"`    // as stored
	// Problems are what cannot have come about without somebody's doing. The log is as it was written if there are none.
	Problems []Finding `json:"problems"`
	// Notes are what a reader may want to know but what happens by itself.
	Notes []Finding `json:"notes"`
}

// Finding is one thing that was found, and where.
type Finding struct {
	File string `json:"file,omitempty"` // name of the file, without its directory
	Line int    `json:"line,omitempty"` // counting from 1
	Seq  uint64 `json:"seq,omitempty"`  // number of the entry
	What string `json:"what"`
}

// String says what was found where.
func (f Finding) String() string {
	switch {
	case f.File == "":
		return f.What
	case f.Seq == 0:
		return fmt.Sprintf("%s, line %d: %s", f.File, f.Line, f.What)
	default:
		return fmt.Sprintf("%s, line %d (entry %d): %s", f.File, f.Line, f.Seq, f.What)
	}
}

// OK reports whether the log is as it was written.
func (r *Report) OK() bool { return len(r.Problems) == 0 }

// Verify reads the whole log and reports entries that were changed, removed, put elsewhere, added by somebody without the
// key, or cut off. Heads are statements of the same log which were kept elsewhere: the log must still contain them. Nobody
// writes to the log meanwhile. It fails when the log cannot be read or the key cannot be had.
func (l *Log) Verify(heads ...Head) (*Report, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Key != nil && !l.keys.has() {
		secret, err := l.Key()
		if err != nil {
			return nil, fmt.Errorf("get the key of the audit log: %w", err)
		}
		if l.keys, err = newKeys([]byte(secret.Reveal())); err != nil {
			return nil, err
		}
	}
	unlock, err := l.lock()
	if err != nil {
		return nil, fmt.Errorf("lock audit log: %w", err)
	}
	defer unlock()
	v := &verifier{keys: l.keys, report: &Report{Problems: []Finding{}, Notes: []Finding{}}, heads: heads}
	names, err := segments(l.path)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if err := v.file(name); err != nil {
			return nil, fmt.Errorf("read audit log: %w", err)
		}
	}
	v.end(l.headPath())
	v.witness(l)
	return v.report, nil
}

// verifier walks along a chain.
type verifier struct {
	keys   chainKeys
	report *Report
	heads  []Head // kept elsewhere, and not met yet

	last  link   // the last linked line
	gap   []byte // what has been read since
	begun bool   // a linked line has been met
	at    Finding
	free  int // linked entries of a writer without the key
}

func (v *verifier) problem(format string, args ...any) {
	f := v.at
	f.What = fmt.Sprintf(format, args...)
	v.report.Problems = append(v.report.Problems, f)
}

func (v *verifier) note(format string, args ...any) {
	f := v.at
	f.What = fmt.Sprintf(format, args...)
	v.report.Notes = append(v.report.Notes, f)
}

func (v *verifier) file(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, maxLine)
	for n := 1; ; n++ {
		line, err := r.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if len(line) > 0 {
			v.at = Finding{File: filepath.Base(name), Line: n}
			v.line(line)
		}
		if err != nil {
			return nil
		}
	}
}

func (v *verifier) line(line []byte) {
	l, covered, ok := parseLink(line)
	if !ok {
		v.loose(line)
		return
	}
	v.at.Seq = l.seq
	v.report.Entries++
	v.order(l)
	v.code(l, covered)
	v.last, v.gap, v.begun = l, nil, true
	v.meet(l)
}

// loose is a line without a place in the chain. The next entry's value covers it.
func (v *verifier) loose(line []byte) {
	v.gap = append(v.gap, line...)
	text := bytes.TrimSpace(line)
	var e Entry
	switch {
	case len(text) == 0 || !v.begun:
	case e.UnmarshalJSON(text) == nil:
		v.problem("this entry was not written by authsome, or by a version that does not chain: it has no place in the chain")
	default:
		v.note("this line was torn by a crash or a full disk, or written over: it is no entry")
	}
}

// order checks the number of an entry.
func (v *verifier) order(l link) {
	switch want := v.last.seq + 1; {
	case l.seq == want:
	case l.seq > want:
		v.problem("%s missing before this one", theEntries(want, l.seq-1))
	default:
		v.problem("entry %d stands behind entry %d: it was moved or repeated", l.seq, v.last.seq)
	}
}

// code checks the value of an entry, which the one before it goes into. Behind a missing entry it cannot fit, and that
// has been said.
func (v *verifier) code(l link, covered []byte) {
	keyed := isKeyed(l.chain)
	if !keyed {
		v.free++
	}
	if bytes.Contains(covered, []byte(saysHeadLost)) {
		v.problem("when this was written there was no head to the entries before it: some may have been cut off")
	}
	if keyed && !v.keys.has() {
		v.problem("this entry was written with a key, and there is none to check it with")
		return
	}
	h := v.keys.code(v.last, keyed)
	h.Write(v.gap)
	h.Write(covered)
	if !hmac.Equal([]byte(chainValue(h, keyed)), []byte(l.chain)) && l.seq == v.last.seq+1 {
		v.problem("this entry, or what stands between it and the one before, is not what was written")
	}
}

// meet strikes the entry off the heads that were kept elsewhere.
func (v *verifier) meet(l link) {
	rest := v.heads[:0:0]
	for _, h := range v.heads {
		switch {
		case h.Seq != l.seq:
			rest = append(rest, h)
		case h.Chain != l.chain:
			v.problem("the head that was kept knows another entry %d", l.seq)
		}
	}
	v.heads = rest
}

// end compares the chain with its head and the heads that were kept elsewhere.
func (v *verifier) end(path string) {
	v.at = Finding{}
	for _, h := range v.heads {
		if err := v.keys.check(h); err != nil && v.keys.has() {
			v.problem("the head that was kept is not this log's: %v", err)
		} else {
			v.problem("the head that was kept knows entry %d, which is missing", h.Seq)
		}
	}
	if v.free > 0 && v.keys.has() {
		v.note("%d entries were written while the key could not be had: they are chained, but anybody could have written them, in place of others too", v.free)
	}
	v.at = Finding{File: filepath.Base(path), Line: 1}
	head, err := readHead(path)
	if err != nil {
		v.problem("it cannot be read: %v", err)
		return
	}
	v.report.Head = head
	switch {
	case head == (Head{}) && v.begun:
		v.problem("the head is missing: whether entries were cut off cannot be told")
	case head == (Head{}):
	case v.keys.has() && errors.Is(v.keys.check(head), errNoSignature):
		v.note("the head is not signed: the last writer could not have the key")
		v.compare(head)
	case v.keys.has() && v.keys.check(head) != nil:
		v.problem("the head was not written by authsome: %v", v.keys.check(head))
	default:
		v.compare(head)
	}
}

func (v *verifier) compare(head Head) {
	switch {
	case head.Seq > v.last.seq:
		v.problem("%s missing from the end of the log", theEntries(v.last.seq+1, head.Seq))
	case head.Seq < v.last.seq:
		v.note("the last %d entries are newer than the head: their writer was killed, or the head is an old one", v.last.seq-head.Seq)
	case head.Chain != v.last.chain:
		v.problem("the head knows another entry %d", head.Seq)
	}
}

// witness compares the end of the log with what is known of it elsewhere. Where the head knows as much, that has been said.
func (v *verifier) witness(l *Log) {
	v.at = Finding{}
	seen := link{seq: max(v.last.seq, v.report.Head.Seq)}
	if known, ok := l.outrun(seen, v.keys); ok {
		v.problem("%s missing from the end of the log: it had got that far on this machine", theEntries(seen.seq+1, known.seq))
	}
}

// theEntries are the entries from one number to another, and the verb that follows them.
func theEntries(from, to uint64) string {
	if from == to {
		return fmt.Sprintf("entry %d is", from)
	}
	return fmt.Sprintf("entries %d to %d are", from, to)
}
