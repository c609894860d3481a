package main

import (
	"fmt"
	"net"
	"sync/atomic"
	"time"
)

// firstContacts makes connections to names that the proxy has never heard, sixteen at once, while another client sends
// requests on an open connection: no lock that a certificate is made under may be in its way.
func firstContacts(f *field) (string, error) {
	theirs, err := contacts(f, "smallest")
	if err != nil {
		return "", err
	}
	ours, err := contacts(f, "authsome")
	if err != nil {
		return "", err
	}
	return cells("first contact with new hosts", fmt.Sprintf(
		"%d hosts: %.0f/s, smallest net/http MITM %.0f/s; a warm request meanwhile %.0f µs, there %.0f µs",
		f.hosts, ours.rate, theirs.rate, ours.warm, theirs.warm),
		fmt.Sprintf("%.0f MB", ours.before), fmt.Sprintf("%.0f MB (there %.0f MB)", ours.after, theirs.after),
		"bounded"), nil
}

type contact struct{ rate, warm, before, after float64 }

func contacts(f *field, role string) (c contact, err error) {
	at, stop, err := start(role, f.at["origin"])
	if err != nil {
		return c, err
	}
	defer stop()
	t := target{proxy: at.Address, host: hostMatched, ca: at.CA, pid: at.PID}
	session, err := t.session()
	if err != nil {
		return c, err
	}
	conn, br, err := t.open(session)
	if err != nil {
		return c, err
	}
	defer conn.Close() //nolint:errcheck // nothing was written that matters
	if err := t.request(conn, br, new(atomic.Int64)); err != nil {
		return c, err
	}
	c.before = residentMB(at.PID)
	var over atomic.Bool
	warm := make(chan []float64, 1)
	go func() {
		var took []float64
		for !over.Load() {
			started := time.Now()
			if t.request(conn, br, new(atomic.Int64)) != nil {
				break
			}
			took = append(took, float64(time.Since(started).Nanoseconds())/1e3)
			time.Sleep(5 * time.Millisecond)
		}
		warm <- took
	}()
	started := time.Now()
	err = t.meetAll(f.hosts)
	c.rate = float64(f.hosts) / time.Since(started).Seconds()
	over.Store(true)
	c.warm = medianOf(<-warm)
	c.after = residentMB(at.PID)
	return c, err
}

// meetAll makes a connection to each of n names.
func (t target) meetAll(n int) error {
	var next atomic.Int64
	return atOnce(16, func(int) error {
		for {
			i := next.Add(1)
			if i > int64(n) {
				return nil
			}
			other := t
			other.host = fmt.Sprintf("h%d%s", i, hostsFirst)
			session, err := other.session()
			if err != nil {
				return err
			}
			conn, _, err := other.open(session)
			if err != nil {
				return err
			}
			_ = conn.Close()
		}
	})
}

// idleTunnels holds tunnels open and reports the memory of the proxy.
func idleTunnels(f *field) (string, error) {
	n := min(f.tunnels, (raiseFileLimit(maxFiles)-100)/2)
	at, stop, err := start("authsome", f.at["origin"])
	if err != nil {
		return "", err
	}
	defer stop()
	before := residentMB(at.PID)
	t := target{proxy: at.Address, host: hostOther}
	conns := make([]net.Conn, n)
	defer func() {
		for _, c := range conns {
			if c != nil {
				_ = c.Close()
			}
		}
	}()
	var next atomic.Int64
	err = atOnce(8, func(int) error {
		for {
			i := int(next.Add(1)) - 1
			if i >= n {
				return nil
			}
			conn, err := t.tunnel()
			if err != nil {
				return err
			}
			conns[i] = conn
		}
	})
	if err != nil {
		return "", err
	}
	time.Sleep(f.slice)
	after := residentMB(at.PID)
	mark := ""
	if after >= 300 {
		mark = " (short)"
	}
	return cells("idle tunnels", fmt.Sprintf("%d tunnels, %.1f KB each", n, (after-before)*1e3/float64(n)),
		fmt.Sprintf("%.0f MB", before), fmt.Sprintf("**%.0f MB**%s", after, mark), "< 300 MB for 10,000"), nil
}
