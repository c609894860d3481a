package crash_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"authsome/tests/internal/acme"
	"authsome/tests/internal/process"
)

// worker kills processes of one home.
type worker struct {
	t        *testing.T
	random   *rand.Rand
	home     *process.Home
	provider *acme.Provider
	wire     *wire

	name    string                   // of the connection to acme
	key     string                   // of openai, as far as it is known to be stored; empty: none
	keys    int                      // how many keys there have been
	typical map[string]time.Duration // how long a deed takes, by its name
	old     [2]string                // homes of authsome 0.2 to import from
	taken   map[string]string        // the keys that imported connections hold
	head    string                   // a file with the signed state of the audit log at the last look
	entries int                      // of the audit log by then
	kills   int                      // how many processes died
	killed  map[string]int           // and of which deed
	ended   map[string]int           // how many were faster
	died    [phases]int              // where refreshing processes died

	backups vaultOfBackups

	bystanders int // how many processes used the login meanwhile
}

// measurements is how often each deed is done undisturbed, to know how long it takes.
const measurements = 4

// deed is something that a process does until it is killed.
type deed struct {
	name  string
	args  []string
	stdin string
	after func(r process.Result) // looks at what has become of it
	// begun reports whether it has come to the part in which a death matters most; nil if it has none. That part may be so
	// short that few processes would die in it by chance.
	begun func() bool
}

func newWorker(t *testing.T, random *rand.Rand) *worker {
	w := &worker{
		t: t, random: random, home: process.NewHome(t), name: "default", typical: make(map[string]time.Duration),
		killed: make(map[string]int), ended: make(map[string]int),
	}
	w.provider = acme.Start(t, rotating(), func(server http.Handler) http.Handler {
		w.wire = &wire{server: server}
		return w.wire
	})
	w.provider.Register(t, w.home)
	w.provider.Login(t, w.home)
	w.writeOldHomes()
	w.prepareBackups()
	for range measurements {
		for _, d := range w.deeds() {
			w.measure(d.make())
		}
	}
	w.verify()
	return w
}

// choice is a deed and how often it is chosen, in relation to the others.
type choice struct {
	weight int
	make   func() deed
}

// deeds are what processes die of: most often of a refresh. Another deed needs a line here.
func (w *worker) deeds() []choice {
	return []choice{
		{10, w.refresh},
		{2, w.store},
		{1, w.logout},
		{1, w.rename},
		{3, w.takeIn},
		{3, w.reveal},
		{2, w.rotateKey},
		{1, w.useKey},
		{2, w.backup},
	}
}

// pick chooses what the next process does.
func (w *worker) pick() deed {
	all := w.deeds()
	sum := 0
	for _, c := range all {
		sum += c.weight
	}
	i := w.random.IntN(sum)
	for _, c := range all {
		if i -= c.weight; i < 0 {
			return c.make()
		}
	}
	panic("unreachable")
}

func (w *worker) refresh() deed {
	args := []string{"get", "acme", "--refresh", "--field", "access_token", "--show-secret", "--connection", w.name}
	return deed{name: "refresh", args: args, after: func(r process.Result) {
		if token := strings.TrimSpace(r.Stdout); r.Code == 0 && !w.provider.AccessTokenValid(token) {
			w.fail("the refreshed token is not accepted\n%s", r)
		}
	}}
}

// store replaces an API key. A process that dies leaves the old one or the new one.
func (w *worker) store() deed {
	w.keys++
	fresh := fmt.Sprintf("sk-crash-test-key-number-%010d", w.keys)
	args := []string{"login", "openai", "--force", "--with-token"}
	return deed{name: "login", args: args, stdin: fresh, after: func(r process.Result) {
		got := w.storedKey()
		if got != fresh && (got != w.key || r.Code == 0) {
			w.fail("stored is %q, neither the old key %q nor the new one %q\n%s", got, w.key, fresh, r)
		}
		w.key = got
	}}
}

func (w *worker) logout() deed {
	return deed{name: "logout", args: []string{"logout", "openai"}, after: func(r process.Result) {
		got := w.storedKey()
		if got != "" && (got != w.key || r.Code == 0) {
			w.fail("stored is %q after a logout from %q\n%s", got, w.key, r)
		}
		w.key = got
	}}
}

func (w *worker) storedKey() string {
	r := w.home.Try(w.t, "get", "openai", "--field", "api_key", "--show-secret")
	if r.Code != 0 && r.Code != 5 {
		w.fail("the key cannot be read\n%s", r)
	}
	return strings.TrimSpace(r.Stdout)
}

// rename gives the connection to acme another name. A process that dies leaves it under one of the two.
func (w *worker) rename() deed {
	from, to := w.name, "work"
	if from == to {
		to = "default"
	}
	return deed{name: "rename", args: []string{"connection", "rename", "acme", from, to}, after: func(r process.Result) {
		names := w.names()
		if len(names) != 1 || names[0] != from && names[0] != to || r.Code == 0 && names[0] != to {
			w.fail("after a rename of %s to %s there is %q\n%s", from, to, names, r)
		}
		w.name = names[0]
	}}
}

func (w *worker) names() []string {
	var list struct {
		Connections []struct{ Connection string }
	}
	out := w.home.Must(w.t, "connection", "list", "acme", "--json")
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		w.fail("connection list: %v: %s", err, out)
	}
	var names []string
	for _, c := range list.Connections {
		names = append(names, c.Connection)
	}
	return names
}

// measure does something to its end.
func (w *worker) measure(d deed) {
	begin := time.Now()
	r, err := w.home.Run(w.t.Context(), d.stdin, d.args...)
	if err != nil || r.Code != 0 {
		w.fail("%s: %v\n%s", d.name, err, r)
	}
	w.typical[d.name] += time.Since(begin) / measurements
	d.after(r)
}

// kill begins something and ends the process somewhere on the way.
func (w *worker) kill(d deed) {
	w.wire.reset()
	cmd := w.home.Command(w.t.Context(), d.args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(d.stdin), &stdout, &stderr
	if err := cmd.Start(); err != nil {
		w.fail("%s: %v", d.name, err)
	}
	bystander := w.bystander(d)
	begin, exited := time.Now(), make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait()
	}()
	w.await(d, exited)
	at, took := phase(w.wire.phase.Load()), time.Since(begin)
	_ = cmd.Process.Kill() // or it has ended by itself
	<-exited
	bystander()
	r := process.Result{Stdout: stdout.String(), Stderr: stderr.String(), Code: cmd.ProcessState.ExitCode()}
	switch {
	case r.Code == -1 && d.name == "refresh":
		w.died[at]++
		w.countKill(d)
	case r.Code == -1:
		w.countKill(d)
	case r.Code == 0, d.name == "logout" && r.Code == 5: // there was nothing to log out from
		w.ended[d.name]++
	default:
		w.fail("%s after %s\n%s", d.name, took, r)
	}
	w.adapt(d.name, took, r.Code == -1)
	w.wire.reset()
	d.after(r)
}

// await returns when a process is to die: at any moment of its deed or, half of the time, somewhere in the part that matters most.
func (w *worker) await(d deed, exited <-chan struct{}) {
	left := time.NewTimer(time.Duration(w.random.Float64() * 1.2 * float64(w.typical[d.name])))
	if d.begun != nil && w.random.IntN(2) == 0 {
		part := time.Duration(w.random.Float64() / 4 * float64(w.typical[d.name]))
		for !d.begun() {
			select {
			case <-exited:
				return
			case <-time.After(100 * time.Microsecond):
			}
		}
		left.Reset(part)
	}
	select {
	case <-exited:
	case <-left.C:
	}
}

// adapt follows a machine that gets faster or slower, so that the kills stay spread over the whole of a deed.
func (w *worker) adapt(name string, took time.Duration, killed bool) {
	t := w.typical[name]
	if !killed || took > t {
		w.typical[name] = t + (took-t)/8
	}
}

// bystander lets another process use the login meanwhile, now and then, and returns what waits for it. Whatever happens
// to the first process, the other one gets a token.
func (w *worker) bystander(d deed) (wait func()) {
	if d.name != "refresh" || w.random.IntN(4) > 0 {
		return func() {}
	}
	ended := make(chan process.Result, 1)
	go func() {
		r, err := w.home.Run(w.t.Context(), "",
			"get", "acme", "--connection", w.name, "--field", "access_token", "--show-secret")
		if err != nil {
			r.Stderr += err.Error()
		}
		ended <- r
	}()
	return func() {
		w.bystanders++
		if r := <-ended; r.Code != 0 || !strings.HasPrefix(r.Stdout, "at-") || r.Stderr != "" {
			w.fail("a process beside the one that was killed\n%s", r)
		}
	}
}

func (w *worker) countKill(d deed) {
	w.kills++
	w.killed[d.name]++
	if w.kills%reportEvery == 0 {
		w.t.Logf("%d killed, nothing lost", w.kills)
	}
}

// verify looks at everything, and uses the login: it is there, it is good, and the API would accept it.
func (w *worker) verify() {
	w.verifyHome()
	r := w.home.Try(w.t, "get", "acme", "--json", "--show-secret")
	var got struct {
		Status      string `json:"status"`
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(r.Stdout), &got); err != nil || r.Code != 0 {
		w.fail("the login cannot be used: %v\n%s", err, r)
	}
	if got.Status != "connected" || !w.provider.AccessTokenValid(got.AccessToken) {
		w.fail("the login is %s, its token accepted: %t\n%s", got.Status, w.provider.AccessTokenValid(got.AccessToken), r)
	}
}

// finish looks at the home as a whole and reports what was survived.
func (w *worker) finish() {
	w.verify()
	if names := w.names(); !slices.Equal(names, []string{w.name}) {
		w.fail("connections: %q", names)
	}
	w.home.Must(w.t, "list", "--json")
	w.t.Logf("killed %v, faster than the kill %v, %d others at work meanwhile", w.killed, w.ended, w.bystanders)
	w.t.Logf("%d backups were written, %d of them restored into a second home; %d processes left a part of one, encrypted",
		w.backups.written, w.backups.restored, w.backups.torn)
	for at, n := range w.died {
		w.t.Logf("refreshes killed %s: %d", phase(at), n)
	}
	replays := w.replays()
	w.t.Logf("refresh tokens sent again by the next process: %d", replays)
	if w.killed["refresh"] > 50 && replays == 0 {
		w.t.Error("no process died in a refresh: this has tested nothing")
	}
}

// replays counts the refresh requests that repeat a token: each is a process that died between sending it and storing
// its successor.
func (w *worker) replays() int {
	seen, again := make(map[string]bool), 0
	for _, r := range w.provider.Requests() {
		token := r.Form.Get("refresh_token")
		if seen[token] {
			again++
		}
		seen[token] = token != ""
	}
	return again
}

// fail ends the test with what the program has written about it.
func (w *worker) fail(format string, args ...any) {
	w.t.Helper()
	log, _ := exec.Command("tail", "-n", "25", w.home.Dir+"/logs/authsome.log").CombinedOutput()
	trail, _ := w.home.Run(w.t.Context(), "", "log", "-n", "8")
	w.t.Fatalf(format+"\naudit log:\n%s\ndebug log:\n%s", append(args, trail.Stdout, log)...)
}
