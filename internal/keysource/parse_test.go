package keysource

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
)

func FuzzParseKeyFile(f *testing.F) {
	good := filePrefix + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
	for _, seed := range []string{good, good + "\n", good + "\r\n", good[:30], filePrefix, "", strings.TrimRight(good, "=")} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		key, err := parse(content)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("error %v is not %v", err, ErrMalformed)
			}
			return
		}
		again, err := parse([]byte(filePrefix + base64.StdEncoding.EncodeToString(key.secret[:])))
		if err != nil || again != key {
			t.Fatalf("the key does not survive being written and read: %v", err)
		}
	})
}
