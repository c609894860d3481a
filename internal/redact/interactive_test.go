package redact

import (
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// pieces returns one piece at each Read.
type pieces []string

func (p *pieces) Read(b []byte) (int, error) {
	if len(*p) == 0 {
		return 0, io.EOF
	}
	n := copy(b, (*p)[0])
	*p = (*p)[1:]
	return n, nil
}

// An interactive stream passes each piece on at once, but for more than three bytes of what may be a secret, and covers the
// rest of a secret whose beginning has left.
func TestInteractiveStreamWaitsForNothing(t *testing.T) {
	t.Parallel()
	const key = "abcdefghij"
	for name, tt := range map[string]struct{ in, want pieces }{
		"no secret":            {pieces{"hello", "world"}, pieces{"hello", "world"}},
		"ends like a secret":   {pieces{"so abc", " no"}, pieces{"so abc", " no"}},
		"begins before":        {pieces{"so abc", "defghij!"}, pieces{"so abc", "*******!"}},
		"cut in three":         {pieces{"ab", "c", "defghij", "x"}, pieces{"ab", "c", "*******", "x"}},
		"more is held back":    {pieces{"so abcd", " no"}, pieces{"so ", "abcd no"}},
		"held back and hidden": {pieces{"so abcd", "efghij no"}, pieces{"so ", "********** no"}},
		"twice":                {pieces{"a", "bcdefghija", "bcdefghij"}, pieces{"a", "*********a", "*********"}},
		"at the end":           {pieces{"so ab"}, pieces{"so ab"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := tt.in
			r := NewReader(&in, liveOf(New([]string{key})))
			r.Interactive()
			var got []string
			buf := make([]byte, 100)
			for {
				n, err := r.Read(buf)
				if n > 0 {
					got = append(got, string(buf[:n]))
				}
				if err != nil {
					break
				}
			}
			if strings.Join(got, "|") != strings.Join(tt.want, "|") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// Of a secret no more than three bytes leave an interactive stream, and none of another, however it is cut.
func TestStreamsShowAsMuchOfASecretAsIsSaid(t *testing.T) {
	t.Parallel()
	const key, before, after = "abcdefghijklmnopqrstuvwxyz", "12 ", " 34"
	random := rand.New(rand.NewPCG(1, 2))
	most := 0
	for n := range 20_000 {
		var in pieces
		for rest := before + key + after; rest != ""; {
			size := 1 + random.IntN(min(len(rest), 1+n%9))
			in = append(in, rest[:size])
			rest = rest[size:]
		}
		cut := strings.Join(in, "|")
		r := NewReader(&in, liveOf(New([]string{key})))
		shows := 0
		if n%2 == 0 {
			r.Interactive()
			shows = promptly
		}
		all, err := io.ReadAll(r)
		if err != nil || len(all) != len(before)+len(key)+len(after) {
			t.Fatalf("%s: got %q, %v", cut, all, err)
		}
		seen := strings.TrimRight(string(all[len(before):len(before)+len(key)]), "*")
		if len(seen) > shows || !strings.HasPrefix(key, seen) {
			t.Fatalf("%s: got %q, which shows %q", cut, all, seen)
		}
		most = max(most, len(seen))
	}
	if most != promptly {
		t.Errorf("at most %d bytes were shown; the page says %d", most, promptly)
	}
}
