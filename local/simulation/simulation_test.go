package simulation

import (
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// What the environment may change.
const (
	envSchedules = "AUTHSOME_SIM_SCHEDULES" // how many are run
	envSeed      = "AUTHSOME_SIM_SEED"      // the only one to be run, and shown: what a failure has printed
	envFirst     = "AUTHSOME_SIM_FIRST"     // the first seed
)

// workers is how many schedules run side by side.
const workers = 2

// TestSimulation runs many schedules. One that fails is shown step by step; its seed makes the same one again.
func TestSimulation(t *testing.T) {
	s := newScene(t)
	if text := os.Getenv(envSeed); text != "" {
		r := s.simulate(t, number(t, envSeed, 0), true)
		t.Log(r.trace)
		if r.violation != "" {
			t.Error(r.violation)
		}
		return
	}
	schedules, first := number(t, envSchedules, 4000), number(t, envFirst, 1)
	var sends, steps, lost, next atomic.Uint64
	next.Store(first)
	var failed atomic.Bool
	begin := time.Now()
	t.Run("schedules", func(t *testing.T) {
		for range workers {
			t.Run("worker", func(t *testing.T) {
				t.Parallel()
				for !failed.Load() {
					seed := next.Add(1) - 1
					if seed >= first+schedules {
						return
					}
					r := s.simulate(t, seed, false)
					sends.Add(uint64(r.sends))
					steps.Add(uint64(r.steps))
					if r.lost {
						lost.Add(1)
					}
					if r.violation != "" && !failed.Swap(true) {
						report(t, s, seed, r)
					}
				}
			})
		}
	})
	ran := min(next.Load()-first, schedules)
	t.Logf("%d schedules in %s: %d steps, %d refresh requests, %d logins lost by faults that nobody can help",
		ran, time.Since(begin).Round(time.Millisecond), steps.Load(), sends.Load(), lost.Load())
}

// report shows a schedule that failed.
func report(t *testing.T, s *scene, seed uint64, r result) {
	t.Helper()
	again := s.simulate(t, seed, true)
	t.Errorf("%s=%d: %s\n%s", envSeed, seed, r.violation, again.trace)
	if again.violation != r.violation || again.hash != r.hash {
		t.Errorf("the schedule is not the same again: %s", again.violation)
	}
}

// TestSeedsReplay fails when something in a schedule does not depend on its seed alone.
func TestSeedsReplay(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for seed := range uint64(300) {
		if a, b := s.simulate(t, seed, false), s.simulate(t, seed, true); a.hash != b.hash || a.steps != b.steps {
			t.Errorf("seed %d makes two schedules, of %d and %d steps", seed, a.steps, b.steps)
		}
	}
}

func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}
