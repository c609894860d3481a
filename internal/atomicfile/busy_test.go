package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestBusyFilesAreWaitedForAndOthersAreNot(t *testing.T) {
	t.Parallel()
	errBusy, errOther := errors.New("busy"), errors.New("other")
	busy := func(err error) bool { return errors.Is(err, errBusy) }
	for _, test := range []struct {
		name    string
		results []error // of the first attempts; the last goes on
		want    error
		least   int // attempts
		most    time.Duration
	}{
		{"free", []error{nil}, nil, 1, 0},
		{"another failure", []error{errOther}, errOther, 1, 0},
		{"free soon", []error{errBusy, errBusy, nil}, nil, 3, 3 * time.Millisecond},
		{"busy, then another failure", []error{errBusy, errOther}, errOther, 2, time.Millisecond},
		{"busy for ever", []error{errBusy}, errBusy, 20, patience + patience/10},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				attempts, began := 0, time.Now()
				err := retry(func() error {
					attempts++
					return test.results[min(attempts, len(test.results))-1]
				}, busy)
				if took := time.Since(began); !errors.Is(err, test.want) || attempts < test.least || took > test.most {
					t.Errorf("got %v after %d attempts in %v", err, attempts, took)
				}
			})
		})
	}
}

// On Windows, whoever replaces a file and whoever reads it get into each other's way.
func TestReadersAndWritersGetAlong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "config.json")
	if err := WriteFile(path, []byte("0")); err != nil {
		t.Fatal(err)
	}
	for n := range 50 {
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if content, err := ReadFile(path); err != nil || strings.Trim(string(content), "0") != "" || len(content) == 0 {
					t.Errorf("read %q, %v", content, err)
				}
			})
		}
		for range 2 {
			all.Go(func() {
				if err := WriteFile(path, []byte(strings.Repeat("0", 1+n))); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	if err := Remove(path); err != nil {
		t.Error(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
