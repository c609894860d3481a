package crash_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"authsome/internal/authserver"
)

// What the environment may change.
const (
	envRefreshes = "AUTHSOME_CRASH_REFRESHES" // how many processes are killed in all
	envSeed      = "AUTHSOME_CRASH_SEED"      // the seed that a failed run has printed
)

// workers is how many homes are treated at once. The work is the processes', so this is for two cores.
const workers = 2

// verifyEvery is how many processes are killed in a row before the login is used: up to that many deaths add up.
const verifyEvery = 4

// grace is how long the server accepts a refresh token again. The next process starts within milliseconds; the rest is
// for machines under load.
const grace = 30 * time.Second

// TestCrash kills the program in the middle of what it does, over and over, and then uses the login. The server rotates
// refresh tokens, keeps a short grace, and ends access tokens when it issues new ones; a token that it has issued and
// that is not in the vault is lost with the process that had asked for it.
func TestCrash(t *testing.T) {
	t.Parallel()
	rounds := number(t, envRefreshes, 150)
	seed := number(t, envSeed, rand.Uint64N(1<<32))
	t.Logf("%s=%d", envSeed, seed)
	for i := range uint64(workers) {
		t.Run(fmt.Sprintf("worker %d", i), func(t *testing.T) {
			t.Parallel()
			w := newWorker(t, rand.New(rand.NewPCG(seed, i)))
			for n := range rounds / workers {
				w.kill(w.pick())
				if n%verifyEvery == verifyEvery-1 {
					w.verify()
				}
			}
			w.finish()
		})
	}
}

func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// rotating is the server that the crashes are survived against.
func rotating() authserver.Config {
	return authserver.Config{
		Consent: authserver.ConsentApprove, Rotation: authserver.RotateGrace, Grace: grace, KillOldAccessToken: true,
	}
}
