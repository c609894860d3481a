package standing

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"authsome"
	"authsome/internal/proxy"
	"authsome/internal/run"
)

// Server answers the commands on behalf of a proxy. It is safe for concurrent use.
type Server struct {
	dir    string
	now    func() time.Time
	server *http.Server
	done   chan struct{} // closed when the socket is not served any more
	stop   chan struct{} // closed when a command asks the proxy to stop
	once   sync.Once

	mu       sync.Mutex // guards all below
	state    State
	proxy    *proxy.Proxy // nil while there is none
	settings func() run.Settings
	renews   time.Time
	idle     time.Time // since when nobody has had a connection
}

// Open takes what the directory's last proxy has left and begins to answer. first is what holds when it has left
// nothing; its flags and its project win in any case. The directory is the caller's alone: it holds its lock.
func Open(dir string, first State, now func() time.Time) (*Server, error) {
	s := &Server{dir: dir, now: now, done: make(chan struct{}), stop: make(chan struct{}), state: first, idle: now()}
	before, err := Read(dir)
	switch {
	case err == nil:
		s.state.Address, s.state.Agents = before.Address, before.Agents
		removeSocket(dir, before.Socket)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	s.dropExpired()
	if err := s.listen(); err != nil {
		return nil, fmt.Errorf("open the control socket of the proxy: %w", err)
	}
	return s, nil
}

func (s *Server) listen() error {
	path := filepath.Join(s.dir, socketFile)
	if len(path) > maxSocketPath {
		short, err := os.MkdirTemp(shortTempDir(), "authsome-") // with mode 0700
		if err != nil {
			return err
		}
		path = filepath.Join(short, socketFile)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	ln, err := net.Listen("unix", path) //nolint:noctx // nothing is waited for
	if err != nil {
		return err
	}
	if err := os.Chmod(path, 0o600); err != nil { // nobody else can enter the directory in the meantime
		return errors.Join(err, ln.Close())
	}
	s.state.Socket, s.state.PID, s.state.Started = path, os.Getpid(), s.now().UTC()
	s.server = &http.Server{Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(s.done)
		_ = s.server.Serve(ln)
	}()
	return nil
}

// Address returns where the last proxy of the directory has listened; empty if there was none.
func (s *Server) Address() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Address
}

// Attach lets the agents use a proxy that listens at an address. settings returns what their environments have in
// common at the time; renews is when this proxy gives way to the next.
func (s *Server) Attach(p *proxy.Proxy, address string, settings func() run.Settings, renews time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, stored := range s.state.Agents {
		a, err := stored.agent()
		if err == nil {
			err = p.Admit(a)
		}
		if err != nil {
			return err
		}
	}
	s.proxy, s.settings, s.renews, s.state.Address = p, settings, renews, address
	return s.state.write(s.dir)
}

// Stopped is closed when a command has asked the proxy to stop.
func (s *Server) Stopped() <-chan struct{} { return s.stop }

// IdleSince returns since when no agent has had a connection; the zero time if one has.
func (s *Server) IdleSince() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proxy == nil {
		return s.idle
	}
	for _, a := range s.state.Agents {
		u := s.proxy.Usage(a.Name)
		if u.Connections > 0 {
			s.idle = s.now()
			return time.Time{}
		}
		if u.LastSeen.After(s.idle) {
			s.idle = u.LastSeen
		}
	}
	return s.idle
}

// Close ends the answering. The state stays for the next proxy, unless forget is set.
func (s *Server) Close(forget bool) error {
	// The command that has asked for the end is still to be answered.
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := s.server.Shutdown(ctx)
	if err != nil {
		err = s.server.Close()
	}
	<-s.done
	s.mu.Lock()
	defer s.mu.Unlock()
	removeSocket(s.dir, s.state.Socket) // the listener has done it, but for the directory
	if forget {
		err = errors.Join(err, os.Remove(filepath.Join(s.dir, stateFile)))
	}
	if err != nil {
		return fmt.Errorf("close the control socket of the proxy: %w", err)
	}
	return nil
}

// removeSocket removes a socket, and the directory that was made for it.
func removeSocket(dir, socket string) {
	if socket == "" || checkPlace(dir, socket) != nil {
		return
	}
	_ = os.Remove(socket)
	if at := filepath.Dir(socket); at != filepath.Clean(dir) {
		_ = os.Remove(at) // it is empty, or somebody else's
	}
}

func (s *Server) dropExpired() {
	now := s.now()
	s.state.Agents = slices.DeleteFunc(s.state.Agents, func(a StoredAgent) bool { return !now.Before(a.Expires) })
}

// add gives an agent access.
func (s *Server) add(r AddRequest) (*Access, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proxy == nil {
		return nil, &authsome.Error{Kind: authsome.KindUnreachable, Message: "the proxy is about to start or to end", Hint: "try again"}
	}
	s.dropExpired()
	if r.Name == "" {
		r.Name = s.freeName()
	}
	if err := CheckName(r.Name); err != nil {
		return nil, &authsome.Error{Kind: authsome.KindUsage, Message: err.Error()}
	}
	at := slices.IndexFunc(s.state.Agents, func(a StoredAgent) bool { return a.Name == r.Name })
	if at >= 0 && !r.Replace {
		return nil, &authsome.Error{
			Kind: authsome.KindUsage, Message: fmt.Sprintf("there is an agent %s, and its password cannot be told again", r.Name),
			Hint: fmt.Sprintf("authsome proxy add %s --replace", r.Name),
		}
	}
	if r.Life <= 0 {
		return nil, &authsome.Error{Kind: authsome.KindUsage, Message: "the access of an agent must last for a while"}
	}
	password := authsome.NewSecret(rand.Text())
	digest := proxy.DigestOf(password)
	stored := StoredAgent{
		Name: r.Name, Digest: hex.EncodeToString(digest[:]), Added: s.now().UTC(), Expires: s.now().Add(r.Life).UTC(),
	}
	agents := slices.Clone(s.state.Agents)
	if at >= 0 {
		agents[at] = stored
	} else {
		agents = append(agents, stored)
	}
	if err := s.keep(agents); err != nil {
		return nil, err
	}
	if err := s.proxy.Admit(proxy.Agent{Name: stored.Name, Password: digest, Expires: stored.Expires}); err != nil {
		return nil, err
	}
	settings := s.settings()
	settings.Password = authsome.Secret{}
	return &Access{Name: r.Name, Password: password.Reveal(), Expires: stored.Expires, Settings: settings}, nil
}

func (s *Server) freeName() string {
	for n := 1; ; n++ {
		name := fmt.Sprintf("agent-%d", n)
		if !slices.ContainsFunc(s.state.Agents, func(a StoredAgent) bool { return a.Name == name }) {
			return name
		}
	}
}

// keep writes the agents before anything rests on them.
func (s *Server) keep(agents []StoredAgent) error {
	before := s.state.Agents
	s.state.Agents = agents
	if err := s.state.write(s.dir); err != nil {
		s.state.Agents = before
		return err
	}
	return nil
}

// revoke takes an agent's access away. That comes first: it holds even if it cannot be written down.
func (s *Server) revoke(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.proxy != nil && s.proxy.Revoke(name)
	agents := slices.Clone(s.state.Agents)
	agents = slices.DeleteFunc(agents, func(a StoredAgent) bool { return a.Name == name })
	if len(agents) == len(s.state.Agents) && !known {
		return &authsome.Error{
			Kind: authsome.KindConnectionNotFound, Message: fmt.Sprintf("there is no agent %s", name), Hint: "authsome proxy agents",
		}
	}
	if err := s.keep(agents); err != nil {
		s.state.Agents = agents
		return fmt.Errorf("%s is revoked, but will be known again after a restart: %w", name, err)
	}
	return nil
}

// status says how things stand.
func (s *Server) status() *Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropExpired()
	st := &Status{State: s.state, Renews: s.renews, Agents: []AgentStatus{}}
	st.State.Agents = nil
	for _, a := range s.state.Agents {
		var u proxy.Usage
		if s.proxy != nil {
			u = s.proxy.Usage(a.Name)
		}
		st.Agents = append(st.Agents, AgentStatus{
			Name: a.Name, Added: a.Added, Expires: a.Expires, Connections: u.Connections, LastSeen: u.LastSeen,
		})
	}
	return st
}
