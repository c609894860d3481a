package cli

import "testing"

func TestWrap(t *testing.T) {
	words := []string{"one", "two", "three", "a-word-that-is-too-long", "four"}
	for _, test := range []struct {
		columns int
		want    string
	}{
		{0, "one two three a-word-that-is-too-long four"}, // no terminal
		{-3, "one two three a-word-that-is-too-long four"},
		{100, "one two three a-word-that-is-too-long four"},
		{7, "one two\n  three\n  a-word-that-is-too-long\n  four"},
		{13, "one two three\n  a-word-that-is-too-long\n  four"},
	} {
		if got := wrap(words, test.columns, 2); got != test.want {
			t.Errorf("%d columns:\n%s\nwant\n%s", test.columns, got, test.want)
		}
	}
	if got := wrap(nil, 10, 2); got != "" {
		t.Errorf("no words: %q", got)
	}
}
