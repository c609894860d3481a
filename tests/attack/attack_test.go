package attack_test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

// attack is one line of the list.
type attack struct {
	number int
	name   string // for -run
	title  string // what is tried
	answer string // what has to become of it
	try    func(t *testing.T)
	later  string // where it will be answered, if not here
}

// id is the name of the attack's test.
func (a attack) id() string { return fmt.Sprintf("%02d-%s", a.number, a.name) }

// last is the highest number of the list.
const last = 42

// TestAttack carries them out. An attack that succeeds is a test that fails.
func TestAttack(t *testing.T) {
	t.Parallel()
	var r report
	t.Cleanup(func() { r.write(t) }) // when all have ended
	for _, a := range attacks {
		if a.try == nil {
			continue
		}
		t.Run(a.id(), func(t *testing.T) {
			t.Parallel()
			t.Cleanup(func() { r.add(a, outcome(t)) })
			a.try(t)
		})
	}
}

// TestListIsComplete fails when a number is missing, twice there, or neither tried nor left to a later issue.
func TestListIsComplete(t *testing.T) {
	numbers := make(map[int]int)
	for _, a := range attacks {
		numbers[a.number]++
		if a.name == "" || a.title == "" || a.answer == "" || (a.try == nil) == (a.later == "") {
			t.Errorf("%d is described incompletely", a.number)
		}
		if a.try != nil && len(proofs[a.number]) == 0 {
			t.Errorf("nothing proves that attack %s can succeed", a.id())
		}
	}
	for n := 1; n <= last; n++ {
		if numbers[n] != 1 {
			t.Errorf("attack %d is listed %d times", n, numbers[n])
		}
	}
	if len(numbers) != last {
		t.Errorf("%d attacks are listed, want %d", len(numbers), last)
	}
}

func outcome(t *testing.T) string {
	switch {
	case t.Failed():
		return "SUCCEEDS"
	case t.Skipped():
		return "not tried"
	}
	return "withstood"
}

// envReport names the file that the table is written to.
const envReport = "AUTHSOME_ATTACK_REPORT"

// report collects the outcomes.
type report struct {
	mu       sync.Mutex
	outcomes map[int]string
}

func (r *report) add(a attack, outcome string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.outcomes == nil {
		r.outcomes = make(map[int]string)
	}
	r.outcomes[a.number] = outcome
}

// write writes the table, if somebody wants it.
func (r *report) write(t *testing.T) {
	path := os.Getenv(envReport)
	if path == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var b strings.Builder
	for _, a := range attacks {
		result := r.outcomes[a.number]
		switch {
		case a.later != "":
			result = a.later
		case result == "":
			continue // not chosen by -run
		}
		fmt.Fprintf(&b, "%2d  %-10s  %-58s  %s\n", a.number, result, a.title, a.answer)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Error(err)
	}
}
