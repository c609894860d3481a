package proxy

import "testing"

func TestHeapMayGrowToARoomySize(t *testing.T) {
	t.Parallel()
	for _, mb := range []uint64{0, 1, 2, 4, 8, 11} {
		goal := (mb << 20) * uint64(100+percentFor(mb<<20)) / 100
		// Below a seventh of the roomy size it is the runtime that has no lower goal: 4 MB for each hundred percent.
		goal = max(goal, uint64(percentFor(mb<<20))*(4<<20)/100)
		if goal > roomyHeap || goal < roomyHeap*95/100 {
			t.Errorf("with %d MB alive the heap may grow to %d bytes, not to %d", mb, goal, roomyHeap)
		}
		if got := alive(goal, percentFor(mb<<20)); percentFor(got) < percentFor(mb<<20) {
			t.Errorf("%d MB are taken for %d bytes afterwards: the heap may grow by less each time", mb, got)
		}
	}
	for _, mb := range []uint64{12, 100, 10_000} {
		if got := percentFor(mb << 20); got != 100 {
			t.Errorf("with %d MB alive the heap may grow by %d percent", mb, got)
		}
	}
}
