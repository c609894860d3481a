package agent

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"
)

var testKey = bytes.Repeat([]byte{0x5a}, 32)

func testKeyring(t *testing.T, timeout, lifetime time.Duration, now func() time.Time) *keyring {
	t.Helper()
	k, err := newKeyring(timeout, lifetime, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.close(); err != nil {
			t.Error(err)
		}
	})
	return k
}

func (k *keyring) holds(id string) bool {
	key, ok := k.get(id, nil)
	return ok && bytes.Equal(key, testKey)
}

func TestKeysStayWhileTheyAreUsedAndNoLongerThanTheirLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := testKeyring(t, time.Hour, 3*time.Hour, time.Now)
		if !k.put("a", testKey) || !k.holds("a") || k.holds("b") {
			t.Fatal("the key is not there")
		}
		for range 3 { // 2:57 in all
			time.Sleep(59 * time.Minute)
			if !k.holds("a") {
				t.Fatal("the key has gone although it was used")
			}
		}
		time.Sleep(3 * time.Minute)
		if k.holds("a") {
			t.Error("the key has outlived its life")
		}
		k.put("a", testKey)
		time.Sleep(time.Hour)
		if k.has("a") {
			t.Error("the key stays although nobody uses it")
		}
		if !bytes.Equal(k.memory.pages, make([]byte, len(k.memory.pages))) {
			t.Error("the memory of a key that is over is not overwritten")
		}
	})
}

// While the machine sleeps one clock stands still; the other one can be set back. Each is believed when it says more.
func TestTheLongerOfTwoClocksCounts(t *testing.T) {
	t.Parallel()
	wall := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC) // without the clock that cannot be set
	k := testKeyring(t, time.Hour, 0, func() time.Time { return wall })
	k.put("a", testKey)
	wall = wall.Add(8 * time.Hour)
	if k.has("a") {
		t.Error("the key has slept through its end")
	}
	before := time.Now()
	after := before.Add(2 * time.Hour)
	if d := elapsed(before, after); d != 2*time.Hour {
		t.Errorf("2 hours are %v", d)
	}
	if d := elapsed(before, before.Round(0).Add(-time.Hour)); d > 0 {
		t.Errorf("a clock set back makes %v", d)
	}
}

func TestAKeyIsNotExchangedForAnother(t *testing.T) {
	t.Parallel()
	k := testKeyring(t, time.Hour, 0, time.Now)
	k.put("a", testKey)
	if !k.put("a", testKey) {
		t.Error("the same key again is refused")
	}
	if k.put("a", make([]byte, 32)) || !k.holds("a") {
		t.Error("a key took the place of another")
	}
	for n := 1; n < maxKeys; n++ {
		if !k.put(string(rune('a'+n)), testKey) {
			t.Fatalf("there is no room for key %d", n)
		}
	}
	if k.put("one more", testKey) {
		t.Error("there is room for more keys than there are slots")
	}
	k.lock()
	if k.has("a") || !k.put("one more", testKey) {
		t.Error("locking has not made room")
	}
}

func TestLockingOverwrites(t *testing.T) {
	t.Parallel()
	k := testKeyring(t, time.Hour, 0, time.Now)
	k.put("a", testKey)
	k.put("b", testKey)
	if !bytes.Contains(k.memory.pages, testKey) {
		t.Fatal("the keys are not where they should be")
	}
	k.lock()
	if bytes.ContainsFunc(k.memory.pages, func(r rune) bool { return r != 0 }) {
		t.Error("something is left in the memory")
	}
}
