package keysource

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// parseLoose reads a key in any of the forms that people and programs hand it over in: 32 bytes, their base64 on a line, or
// the content of a key file. Its errors never quote it.
func parseLoose(content []byte) (masterKey, error) {
	if len(content) == KeySize {
		return masterKey{secret: [KeySize]byte(content)}, nil
	}
	if bytes.HasPrefix(content, []byte(filePrefix)) {
		return parse(content)
	}
	return decode(string(bytes.TrimSpace(content)))
}

// readAtMost reads a small file, and refuses a larger one.
func readAtMost(path string, most int64) ([]byte, error) {
	r, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	content, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(content)) > most {
		err = fmt.Errorf("%s is longer than %d bytes", path, most)
	}
	return content, err
}
