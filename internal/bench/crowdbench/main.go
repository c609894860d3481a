// Command crowdbench measures what a crowd feels: many processes that want one token which has just expired and which the
// provider rotates, beside as many processes that only start and exit. It prints Markdown.
//
//	crowdbench -authsome bin/authsome
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	endpointTakes = 200 * time.Millisecond
	lifetime      = 2 * time.Second // of the token that expires
	target        = 1.5
	clientID      = "bench-client"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == roleProvider {
		if err := serveProvider(); err != nil {
			fmt.Fprintln(os.Stderr, "Error:", err)
			os.Exit(1)
		}
		return
	}
	program := flag.String("authsome", "bin/authsome", "the program to measure")
	processes := flag.Int("processes", 200, "how many start at once")
	rounds := flag.Int("rounds", 9, "how often the crowds take turns")
	flag.Parse()
	if err := measure(os.Stdout, *program, *processes, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func measure(w io.Writer, program string, processes, rounds int) error {
	dir, err := os.MkdirTemp("", "crowdbench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // nothing depends on it
	s, err := prepare(dir, program)
	if err != nil {
		return err
	}
	defer s.provider.stop() //nolint:errcheck // nothing depends on it
	var starts, fresh, gets, freshRatios, ratios, arrivals []float64
	for round := range rounds + 1 {
		start, err := s.crowd(processes, "version")
		if err != nil {
			return err
		}
		get, arrived, err := s.refresh(processes)
		if err != nil {
			return err
		}
		read, err := s.crowd(processes, "get", "crowd", "--json")
		if err != nil {
			return err
		}
		if round > 0 { // the first round warms up
			starts, fresh, gets = append(starts, ms(start)), append(fresh, ms(read)), append(gets, ms(get))
			freshRatios = append(freshRatios, float64(read)/float64(start))
			ratios = append(ratios, float64(get-endpointTakes)/float64(start))
			arrivals = append(arrivals, ms(arrived))
		}
	}
	ratio := median(ratios)
	verdict := ""
	if ratio > target {
		verdict = " (short)"
	}
	fmt.Fprintf(w, "| %d processes at once | until the last has ended | less the endpoint's %d ms, relative to the first row |\n|---|---|---|\n",
		processes, endpointTakes.Milliseconds())
	fmt.Fprintf(w, "| `authsome version`: start and exit | %.0f ms | 1 |\n", median(starts))
	fmt.Fprintf(w, "| `authsome get`, a token that lives: no call | %.0f ms | %.2f, nothing subtracted |\n", median(fresh), median(freshRatios))
	fmt.Fprintf(w, "| `authsome get`, an expired token that rotates: one call | %.0f ms | %.2f%s |\n", median(gets), ratio, verdict)
	fmt.Fprintf(w, "\nThe one call reaches the provider after %.0f ms.\n", median(arrivals))
	return nil
}

// stage is a home and a provider at which it has logged in.
type stage struct {
	home     string
	program  string
	provider *provider
}

func prepare(dir, program string) (*stage, error) {
	s := &stage{home: filepath.Join(dir, "home"), program: filepath.Join(dir, "authsome")}
	content, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(s.program, content, 0o700); err != nil {
		return nil, err
	}
	if s.provider, err = startProvider(); err != nil {
		return nil, err
	}
	definition := filepath.Join(dir, "crowd.json")
	if err := os.WriteFile(definition, []byte(fmt.Sprintf(`{
		"schema_version": 1, "name": "crowd", "display_name": "Crowd", "auth_type": "oauth2", "flow": "pkce", "host_url": "api.crowd.test",
		"client": {"client_id_env": "CROWD_CLIENT_ID"},
		"oauth": {
			"authorization_url": "%[1]s/authorize", "token_url": "%[1]s/token", "scopes": ["read"], "pkce": "required", "client_auth": "none"
		}
	}`, s.provider.url)), 0o600); err != nil {
		return nil, err
	}
	if out, err := s.command("register", definition).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("register the provider: %w\n%s", err, out)
	}
	return s, nil
}

func (s *stage) command(args ...string) *exec.Cmd {
	cmd := exec.Command(s.program, args...)
	cmd.Env = append(os.Environ(), "AUTHSOME_HOME="+s.home, "CROWD_CLIENT_ID="+clientID)
	return cmd
}

// login logs in anew; the browser is an HTTP client.
func (s *stage) login() error {
	cmd := s.command("login", "crowd", "--force", "--no-browser")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	said, visited := &strings.Builder{}, false
	for chunk := make([]byte, 4096); err == nil; {
		var n int
		n, err = stderr.Read(chunk)
		said.Write(chunk[:n])
		for _, line := range strings.Split(said.String(), "\n") {
			if address := strings.TrimSpace(line); strings.HasPrefix(address, "http") && !visited && strings.HasSuffix(said.String(), "\n") {
				visited = true
				resp, err := http.Get(address)
				if err != nil {
					return errors.Join(err, cmd.Process.Kill())
				}
				_ = resp.Body.Close()
			}
		}
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("log in: %w\n%s", err, said)
	}
	return nil
}

// refresh lets a crowd want a token that has expired. It returns what the crowd takes, and when its one call has reached the provider.
func (s *stage) refresh(processes int) (took, arrived time.Duration, err error) {
	if err := s.provider.steer(pathLifetime, lifetime); err != nil {
		return 0, 0, err
	}
	if err := s.login(); err != nil {
		return 0, 0, err
	}
	time.Sleep(lifetime)
	err = errors.Join(s.provider.steer(pathLifetime, time.Hour), s.provider.steer(pathDelay, endpointTakes))
	if err != nil {
		return 0, 0, err
	}
	before, err := s.provider.calls()
	if err != nil {
		return 0, 0, err
	}
	begin := time.Now()
	took, err = s.crowd(processes, "get", "crowd", "--json")
	if err != nil {
		return 0, 0, err
	}
	after, err := s.provider.calls()
	if err != nil {
		return 0, 0, err
	}
	if n := after.Number - before.Number; n != 1 {
		return 0, 0, fmt.Errorf("%d processes have called the token endpoint %d times", processes, n)
	}
	return took, after.Arrived.Sub(begin), nil
}

// crowd starts processes at once and returns how long it takes until the last of them has ended. All succeed, and all
// that show a connection show the same.
func (s *stage) crowd(processes int, args ...string) (time.Duration, error) {
	outputs := make([][]byte, processes)
	errs := make([]error, processes)
	var group sync.WaitGroup
	begin := time.Now()
	for i := range processes {
		group.Go(func() { outputs[i], errs[i] = s.command(args...).Output() })
	}
	group.Wait()
	took := time.Since(begin)
	if err := errors.Join(errs...); err != nil {
		return 0, fmt.Errorf("%s: %w", args[0], err)
	}
	if args[0] != "get" {
		return took, nil
	}
	tokens := make(map[string]bool)
	for _, out := range outputs {
		var got struct {
			Status    string `json:"status"`
			ExpiresAt string `json:"expires_at"` // tells the tokens apart
		}
		if err := json.Unmarshal(out, &got); err != nil || got.Status != "connected" {
			return 0, fmt.Errorf("get printed something else than a connection that is connected: %w", err)
		}
		tokens[got.ExpiresAt] = true
	}
	if len(tokens) != 1 {
		return 0, fmt.Errorf("%d processes have got %d tokens", processes, len(tokens))
	}
	return took, nil
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
