package http1

import "testing"

// TestOnlyBulkGetsLargeBuffers fills more bodies than may have a large buffer, and lets one of them slow down.
func TestOnlyBulkGetsLargeBuffers(t *testing.T) { // not parallel: the bound is for the whole process
	bodies := make([]*[]byte, mostLarge+1)
	for i := range bodies {
		bodies[i] = FitBuffer(GetBuffer(), BufferSize)
	}
	if n := len(*bodies[0]); n != largeSize {
		t.Errorf("a body that fills its buffer gets one of %d bytes", n)
	}
	last := &bodies[mostLarge]
	if n := len(**last); n != BufferSize {
		t.Errorf("one body too many gets a buffer of %d bytes", n)
	}
	if kept := FitBuffer(bodies[0], BufferSize); kept != bodies[0] {
		t.Error("a large buffer is changed although the body is still in bulk")
	}
	if bodies[0] = FitBuffer(bodies[0], 100); len(*bodies[0]) != BufferSize {
		t.Error("a body that comes slowly keeps its large buffer")
	}
	if *last = FitBuffer(*last, BufferSize); len(**last) != largeSize {
		t.Error("the large buffer that was given back is not given out")
	}
	for _, b := range bodies {
		PutBuffer(b)
	}
	if n := large.Load(); n != 0 {
		t.Errorf("%d large buffers are counted at the end", n)
	}
}
