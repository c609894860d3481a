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
	envKills = "AUTHSOME_CRASH_KILLS" // how many processes are killed in all
	envSeed  = "AUTHSOME_CRASH_SEED"  // the seed that a failed run has printed
)

// workers is how many homes are treated at once. The work is the processes', so this is for two cores.
const workers = 2

// reportEvery is how many processes of a worker are killed before it says so.
const reportEvery = 500

// verifyEvery is how many processes are killed in a row before everything is looked at: up to that many deaths add up.
const verifyEvery = 4

// grace is how long the server accepts a refresh token again. The next process starts within milliseconds; the rest is
// for machines under load.
const grace = 30 * time.Second

// TestCrash kills the program in the middle of what it does, over and over. Then the vault opens, the doctor finds nothing, the
// audit log holds what it held, and what was stored is there; and the login is used. The server rotates
// refresh tokens, keeps a short grace, and ends access tokens when it issues new ones; a token that it has issued and
// that is not in the vault is lost with the process that had asked for it.
func TestCrash(t *testing.T) {
	t.Parallel()
	kills := number(t, envKills, 150)
	seed := number(t, envSeed, rand.Uint64N(1<<32))
	t.Logf("%s=%d", envSeed, seed)
	for i := range uint64(workers) {
		t.Run(fmt.Sprintf("worker %d", i), func(t *testing.T) {
			t.Parallel()
			w := newWorker(t, rand.New(rand.NewPCG(seed, i)))
			for n := 1; w.kills < int(kills/workers); n++ {
				w.kill(w.pick())
				if n%verifyEvery == 0 {
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
