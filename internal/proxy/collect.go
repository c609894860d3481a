package proxy

import (
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

// startOver is how long after its start a proxy has no more use for the memory that starting took: about 4 MB, which the system
// gets back at once instead of by and by. Most of its days it waits.
const startOver = time.Second

// giveBack gives the system what starting took, unless stop is called before.
func giveBack() (stop func() bool) { return time.AfterFunc(startOver, debug.FreeOSMemory).Stop }

// roomyHeap is the size up to which the heap may grow before it is worth collecting. A proxy keeps little alive and makes much
// that is soon forgotten: with Go's usual goal of twice what is alive, it would collect hundreds of times a second.
const roomyHeap = 24 << 20

// mostPercent lets a heap grow to seven times what is alive; Go has no goal below roomyHeap then, however little that is.
const mostPercent = 600

// collectSeldom has this process collect garbage less often while its heap is small. With a large heap, such as that of ten
// thousand tunnels, it is collected as usual. An environment that sets GOGC has the last word.
var collectSeldom = sync.OnceFunc(func() {
	// Anything but Go's own value has been asked for.
	if before := debug.SetGCPercent(100); before != 100 {
		debug.SetGCPercent(before)
		return
	}
	adjust(&sentinel{percent: 100})
})

// sentinel is unreachable from the moment it is made, so that its finalizer runs after each collection.
type sentinel struct {
	percent int      // by which the heap may grow now
	_       [16]byte // what is smaller shares its memory with others, which keep it alive
}

// adjust sets the goal of the next collection by what is alive after the last one.
func adjust(s *sentinel) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m) // package runtime/metrics tells more cheaply, but sorts its table at every start of the command
	s.percent = percentFor(alive(m.NextGC, s.percent))
	debug.SetGCPercent(s.percent)
	runtime.SetFinalizer(s, adjust)
}

// alive returns what is alive, roots included, if the heap may grow to goal: that is by so many percent.
func alive(goal uint64, percent int) uint64 { return goal * 100 / (100 + uint64(percent)) }

// percentFor returns by how much the heap may grow beyond what is alive.
func percentFor(alive uint64) int {
	if 2*alive >= roomyHeap {
		return 100
	}
	return int(min((roomyHeap-alive)*100/max(alive, 1), mostPercent))
}
