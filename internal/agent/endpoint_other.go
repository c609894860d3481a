//go:build !linux && !darwin && !windows

package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
)

type endpoint struct{ net.Listener }

// listen fails: this system has not been taught to say who is at the other end of a socket.
func listen(string) (*endpoint, error) {
	return nil, fmt.Errorf("an agent on this system: %w", errors.ErrUnsupported)
}

func dial(context.Context, string) (conn, error) { return nil, errNoAgent }

func identify(net.Conn) (Caller, error) { return Caller{}, errStranger }

func describe(pid int) Caller { return Caller{PID: pid} }
