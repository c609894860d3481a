package main

import (
	"fmt"
	"slices"
	"time"
)

// result is what a candidate did in one turn.
type result struct {
	rate float64 // the figure itself
	cpu  float64 // the proxy's processor time per unit of work
	peak float64 // the most memory that the proxy was seen to have, in MB
}

// work is what a row has its candidates do. It returns how much is done per second.
type work func(f *field, t target) (float64, error)

// turns lets the candidates take turns, every other round in reverse order.
func (f *field) turns(candidates []string, rounds int, work work) ([][]result, error) {
	results := make([][]result, len(candidates))
	for round := range rounds {
		for i := range candidates {
			if round%2 == 1 {
				i = len(candidates) - 1 - i
			}
			r, err := f.turn(candidates[i], work)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", candidates[i], err)
			}
			results[i] = append(results[i], r)
		}
	}
	return results, nil
}

func (f *field) turn(candidate string, work work) (result, error) {
	t, err := f.target(candidate)
	if err != nil {
		return result{}, err
	}
	peak, stop := watchMemory(t.pid)
	cpu, started := cpuTime(t.pid), time.Now()
	rate, err := work(f, t)
	elapsed := time.Since(started)
	cpu = cpuTime(t.pid) - cpu
	stop()
	if err != nil || rate == 0 {
		return result{}, err
	}
	return result{rate, cpu.Seconds() / (rate * elapsed.Seconds()), *peak}, nil
}

// watchMemory looks now and then how much memory a process has. The peak can be read after stop.
func watchMemory(pid int) (peak *float64, stop func()) {
	peak, over, done := new(float64), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			*peak = max(*peak, residentMB(pid))
			select {
			case <-over:
				return
			case <-time.After(25 * time.Millisecond):
			}
		}
	}()
	return peak, func() {
		close(over)
		<-done
	}
}

func rateOf(r result) float64 { return r.rate }
func cpuOf(r result) float64  { return r.cpu }
func peakOf(r result) float64 { return r.peak }

// ratios returns the ratio of each round, in ascending order.
func ratios(a, b []result, of func(result) float64) []float64 {
	ratios := make([]float64, len(a))
	for i := range a {
		if of(b[i]) > 0 { // where processor time is not told
			ratios[i] = of(a[i]) / of(b[i])
		}
	}
	slices.Sort(ratios)
	return ratios
}

func median(results []result, of func(result) float64) float64 {
	values := make([]float64, len(results))
	for i, r := range results {
		values[i] = of(r)
	}
	return medianOf(values)
}

func medianOf(values []float64) float64 {
	values = slices.Clone(values)
	slices.Sort(values)
	if len(values) == 0 {
		return 0
	}
	return values[len(values)/2]
}
