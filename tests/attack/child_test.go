package attack_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// order is what the child is told: a command to run, with what it is to find in its environment besides.
type order struct {
	Args []string
	Env  []string
}

// deed is what has become of an order.
type deed struct {
	Output string // both
	Code   int
}

// child is an agent that does as it is told: it tells its environment, and then carries out orders until there are no more.
func child() int {
	out := json.NewEncoder(os.Stdout)
	if out.Encode(os.Environ()) != nil {
		return 1
	}
	orders := json.NewDecoder(os.Stdin)
	for {
		var o order
		if orders.Decode(&o) != nil {
			return 0
		}
		if out.Encode(o.carryOut()) != nil {
			return 1
		}
	}
}

func (o order) carryOut() deed {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, o.Args[0], o.Args[1:]...)
	cmd.WaitDelay = time.Second // for what has been started and stays
	cmd.Env = append(os.Environ(), o.Env...)
	output, err := cmd.CombinedOutput()
	d := deed{Output: string(output), Code: cmd.ProcessState.ExitCode()}
	if cmd.ProcessState == nil {
		d.Output = err.Error()
	}
	return d
}

// running is an authsome run with its child.
type running struct {
	w     *world
	cmd   *exec.Cmd
	env   map[string]string // of the child
	names []string          // entries as they are
	say   *json.Encoder
	hear  *json.Decoder
	end   func()
}

// start starts a command whose child is this binary, and waits until it has told its environment.
func (w *world) start(t *testing.T, cmd *exec.Cmd) *running {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := &running{w: w, cmd: cmd, say: json.NewEncoder(stdin), hear: json.NewDecoder(bufio.NewReader(stdout))}
	ended := false
	r.end = func() {
		if ended {
			return
		}
		ended = true
		_ = stdin.Close()
		kill := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		kill.Stop()
	}
	t.Cleanup(r.end)
	if err := r.hear.Decode(&r.names); err != nil {
		r.end()
		t.Fatalf("authsome run: %v\n%s", err, stderr.String())
	}
	r.env = make(map[string]string)
	for _, entry := range r.names {
		name, value, _ := strings.Cut(entry, "=")
		r.env[name] = value
	}
	return r
}

// order has the child run a command.
func (r *running) order(t *testing.T, env []string, args ...string) deed {
	t.Helper()
	var d deed
	err := r.say.Encode(order{args, env})
	if err == nil {
		err = r.hear.Decode(&d)
	}
	if err != nil {
		t.Fatalf("the child does not do %q: %v", args, err)
	}
	return d
}

// String shows it in a failed test.
func (d deed) String() string { return fmt.Sprintf("exit code %d: %s", d.Code, d.Output) }
