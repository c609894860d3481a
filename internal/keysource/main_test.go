package keysource_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zalando/go-keyring"

	"authsome/internal/agekey"
	"authsome/internal/keysource/helper"
)

// TestMain makes this binary the helpers too, under their names, and puts them where they are looked for.
func TestMain(m *testing.M) {
	switch strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe") {
	case "authsome-age":
		os.Exit(agekey.Main())
	case "authsome-kms":
		os.Exit(serveKMS())
	case "print-key":
		os.Exit(printKey(os.Args[1:]))
	}
	keyring.MockInit()
	os.Exit(withHelpers(m))
}

func withHelpers(m *testing.M) int {
	dir, err := os.MkdirTemp("", "keysource-helpers-")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }()
		err = linkHelpers(dir)
	}
	if err == nil {
		err = os.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func linkHelpers(dir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for _, name := range []string{"authsome-age", "authsome-kms", "print-key"} {
		if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// serveKMS is a service that has every key there is, but for those that are called absent or down. What it encrypts says
// with which.
func serveKMS() int {
	var request helper.Request
	if err := json.NewDecoder(os.Stdin).Decode(&request); err != nil {
		return 2
	}
	sum := sha256.Sum256([]byte(request.Key))
	var answer helper.Answer
	switch {
	case strings.Contains(request.Key, "down"):
		answer = helper.Answer{Error: "connection refused", Hint: "start it"}
	case strings.Contains(request.Key, "garbage"):
		fmt.Println("<html>")
		return 0
	case strings.Contains(request.Key, "crash"):
		return 3
	case os.Args[1] == helper.Encrypt:
		answer.Data = append(sum[:4:4], flip(request.Data)...)
	case !bytes.HasPrefix(request.Data, sum[:4]) || len(request.Data) != 36:
		answer = helper.Answer{Error: "invalid ciphertext", Refused: true, Hint: "another key"}
	default:
		answer.Data = flip(request.Data[4:])
	}
	if json.NewEncoder(os.Stdout).Encode(answer) != nil {
		return 1
	}
	return 0
}

func flip(b []byte) []byte {
	out := bytes.Clone(b)
	for i := range out {
		out[i] ^= 0x5a
	}
	return out
}

// printKey is a command that prints a key, or does not.
func printKey(args []string) int {
	switch args[0] {
	case "fail":
		fmt.Fprintln(os.Stderr, "the safe is closed")
		return 1
	case "endless":
		for {
			if _, err := os.Stdout.Write(make([]byte, 4096)); err != nil {
				return 1
			}
		}
	case "environment":
		if os.Getenv("AUTHSOME_MASTER_KEY") != "" {
			return 1
		}
		args = []string{"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}
	}
	fmt.Println(strings.Join(args, " "))
	return 0
}
