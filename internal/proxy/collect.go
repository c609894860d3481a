package proxy

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
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

// collectSeldom has this process collect garbage less often while its heap is small. With a large heap, such as that of ten
// thousand tunnels, it is collected as usual. An environment that sets GOGC has the last word.
var collectSeldom = sync.OnceFunc(func() {
	// Anything but Go's own value has been asked for.
	if before := debug.SetGCPercent(100); before != 100 {
		debug.SetGCPercent(before)
		return
	}
	adjust(new(sentinel))
})

// sentinel is unreachable from the moment it is made, so that its finalizer runs after each collection.
type sentinel struct{ _ [16]byte }

// adjust sets the goal of the next collection by what is alive after the last one.
func adjust(s *sentinel) {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}}
	metrics.Read(sample)
	var alive uint64
	for _, m := range sample {
		if m.Value.Kind() == metrics.KindUint64 {
			alive += m.Value.Uint64()
		}
	}
	percent := 100
	if alive > 0 && 2*alive < roomyHeap {
		percent = int(math.Min(float64(roomyHeap-alive)/float64(alive)*100, 1600))
	}
	debug.SetGCPercent(percent)
	runtime.SetFinalizer(s, adjust)
}
