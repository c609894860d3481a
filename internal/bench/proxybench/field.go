package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// maxFiles is how many files a proxy with ten thousand tunnels has open, and more.
const maxFiles = 32_000

// endpoint is what a child process says of itself on its first line of output.
type endpoint struct {
	Address string `json:"address"`
	CA      []byte `json:"ca,omitempty"` // PEM
	PID     int    `json:"pid"`
}

// field is the processes that take part. They are started when they are first needed.
type field struct {
	options
	at    map[string]endpoint
	stops []func()
}

// start starts this program in another role.
func (f *field) start(role string) error {
	if _, ok := f.at[role]; ok {
		return nil
	}
	at, stop, err := start(role, f.at["origin"])
	if err != nil {
		return err
	}
	if f.at == nil {
		f.at = make(map[string]endpoint)
	}
	f.at[role] = at
	f.stops = append(f.stops, stop)
	return nil
}

func (f *field) close() {
	for i := range f.stops {
		f.stops[len(f.stops)-1-i]()
	}
}

// target returns the way of a candidate to the origin.
func (f *field) target(candidate string) (target, error) {
	origin := f.at["origin"]
	role, host := candidate, hostMatched
	switch candidate {
	case "direct":
		return target{host: hostOther, ca: origin.CA, direct: origin.Address, pid: origin.PID}, nil
	case "tunnel":
		host = hostOther
	case "unmatched":
		role, host = "authsome", hostOther
	case "redacted":
		role = "redacting"
	case "matched":
		role = "authsome"
	}
	if err := f.start(role); err != nil {
		return target{}, err
	}
	t := target{proxy: f.at[role].Address, host: host, ca: f.at[role].CA, pid: f.at[role].PID}
	if host == hostOther {
		t.ca = origin.CA
	}
	return t, nil
}

// start starts a process of its own, so that it is fresh. stop ends it.
func start(role string, origin endpoint) (at endpoint, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return at, nil, err
	}
	encoded, err := json.Marshal(origin)
	if err != nil {
		return at, nil, err
	}
	cmd := exec.Command(self, "-role", role, "-origin", string(encoded))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return at, nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return at, nil, err
	}
	if err := cmd.Start(); err != nil {
		return at, nil, fmt.Errorf("start the %s: %w", role, err)
	}
	stop = func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	}
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &at)
	}
	if err != nil {
		stop()
		return at, nil, fmt.Errorf("start the %s: %w", role, err)
	}
	return at, stop, nil
}

// atEnd is called before a child process ends.
var atEnd = func() {}

// announce tells the parent where this process listens, and ends the process when the parent has gone.
func announce(e endpoint) error {
	if e.PID == 0 {
		e.PID = os.Getpid()
	}
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		atEnd()
		os.Exit(0)
	}()
	_, err = fmt.Println(string(line))
	return err
}
