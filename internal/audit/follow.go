package audit

import (
	"context"
	"iter"
	"time"
)

const (
	// followEvery is how often a log that is followed is looked at.
	followEvery = 250 * time.Millisecond
	// tornMargin is how many torn lines may lie between new entries without hiding one of them.
	tornMargin = 16
)

// Follow yields what [Read] does, and then entries as they are written, until ctx ends: its error is the last thing that is
// yielded. Numbers tell which entries have been yielded, so a log that goes on in a new file meanwhile loses none.
func Follow(ctx context.Context, path string, opts ReadOptions) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		head, _ := readHead(path + headSuffix)
		last := head.Seq
		for e, err := range Read(path, opts) {
			if !yield(e, err) {
				return
			}
			last = max(last, e.Seq)
		}
		tick := time.NewTicker(followEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				yield(Entry{}, ctx.Err())
				return
			case <-tick.C:
			}
			head, err := readHead(path + headSuffix)
			if err != nil || head.Seq <= last {
				continue // a head that is being written is read at the next tick
			}
			if !yieldAfter(path, last, head.Seq, opts, yield) {
				return
			}
			last = head.Seq
		}
	}
}

// yieldAfter yields the entries whose numbers are above after, up to the given one, and reports whether more are wanted.
func yieldAfter(path string, after, upTo uint64, opts ReadOptions, yield func(Entry, error) bool) bool {
	for e, err := range Read(path, ReadOptions{Last: int(upTo-after) + tornMargin, Key: opts.Key}) {
		if err != nil || e.Seq <= after || e.Seq > upTo || opts.Keep != nil && !opts.Keep(&e) {
			continue
		}
		if !yield(e, nil) {
			return false
		}
	}
	return true
}
