package redact

import "testing"

// TestZerosArePassedOverQuickly holds the search to its whole step where there is nothing but zeros, as in much that is not text: a
// form with three of them in a row would have it look at every byte, at a sixth of the speed.
func TestZerosArePassedOverQuickly(t *testing.T) {
	t.Parallel()
	s := New(Forms("0123456789abcdef0123456789abcdef"))
	if got, whole := int(s.shift[hash(0, 0, 0)]), s.min-gram+1; got != whole {
		t.Errorf("the step over zeros is %d, the whole one is %d", got, whole)
	}
}
