package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"time"

	"authsome/internal/authserver"
)

// roleProvider is what this program is called with to be the provider. That is a process of its own, as a provider is: the one
// that starts a crowd has no time to answer meanwhile.
const roleProvider = "provider"

// The paths by which the measuring process steers the provider.
const (
	pathLifetime = "/bench/lifetime" // POST, with a duration as the query: of access tokens from now on
	pathDelay    = "/bench/delay"    // POST, with a duration as the query: what the next token request takes
	pathCalls    = "/bench/calls"    // GET: what has become of the token requests with a refresh token
)

// calls is what the provider says of the token requests with a refresh token.
type calls struct {
	Number  int
	Arrived time.Time // when the last one did
}

// serveProvider is the provider until standard input ends.
func serveProvider() error {
	server := authserver.New(authserver.Config{
		Clients: []authserver.Client{{ID: clientID, RedirectURIs: []string{"http://127.0.0.1/callback"}}},
		Consent: authserver.ConsentApprove, Rotation: authserver.RotateStrict,
	})
	mux := http.NewServeMux()
	steer := func(path string, set func(time.Duration)) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			d, err := time.ParseDuration(r.URL.RawQuery)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			set(d)
		})
	}
	steer(pathLifetime, server.SetAccessTokenLifetime)
	steer(pathDelay, func(d time.Duration) { server.Inject(authserver.Delay(d)) })
	arrivals := make(chan time.Time, 1)
	mux.HandleFunc("GET "+pathCalls, func(w http.ResponseWriter, _ *http.Request) {
		said := calls{Number: server.TokenRequests("refresh_token")}
		select {
		case said.Arrived = <-arrivals:
		default:
		}
		_ = json.NewEncoder(w).Encode(said) // who asks sees that an answer is missing
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-arrivals:
		default:
		}
		arrivals <- time.Now()
		server.ServeHTTP(w, r)
	})
	mux.Handle("/", server)
	s := httptest.NewServer(mux)
	defer s.Close()
	fmt.Println(s.URL)
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// provider is the process that is the provider.
type provider struct {
	url  string
	stop func() error
}

func startProvider() (*provider, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, roleProvider)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &provider{stop: func() error { return errors.Join(stdin.Close(), cmd.Wait()) }}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the provider: %w", err), p.stop())
	}
	p.url = line[:len(line)-1]
	return p, nil
}

// steer sets something of the provider's.
func (p *provider) steer(path string, d time.Duration) error {
	resp, err := http.Post(p.url+path+"?"+d.String(), "", nil)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New("the provider answers " + strconv.Itoa(resp.StatusCode))
	}
	return nil
}

// calls asks for the token requests with a refresh token.
func (p *provider) calls() (c calls, err error) {
	resp, err := http.Get(p.url + pathCalls)
	if err != nil {
		return calls{}, err
	}
	defer resp.Body.Close()
	err = json.NewDecoder(resp.Body).Decode(&c)
	return c, err
}
