//go:build amd64 || arm64

package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"syscall"
)

// text is a string of any bytes, which JSON has not: a path or a variable need not be UTF-8.
type text string

// MarshalJSON writes base64.
func (t text) MarshalJSON() ([]byte, error) { return json.Marshal([]byte(t)) }

// UnmarshalJSON reads base64.
func (t *text) UnmarshalJSON(data []byte) error {
	var b []byte
	err := json.Unmarshal(data, &b)
	*t = text(b)
	return err
}

func texts(list []string) []text {
	all := make([]text, len(list))
	for i, s := range list {
		all[i] = text(s)
	}
	return all
}

func plain(list []text) []string {
	all := make([]string, len(list))
	for i, t := range list {
		all[i] = string(t)
	}
	return all
}

// order is what the broker tells the first process of a box: first to enter, then to execute, then signals.
type order struct {
	Enter  *scene
	Exec   *execution
	Signal int
}

// scene is a [View] and what else the outside knows.
type scene struct {
	Dir, UserHome, Home, Keep text
	Hide, ReadOnly            []text
	Links                     []text // symbolic links, to be as fixed as what they lead to
	Fixed                     []text // what can be reached by no other way: nothing on the way to it is moved
	Write                     []text
	Programs                  []text // the directories of PATH
	Runtime                   text   // XDG_RUNTIME_DIR, without links
	Expected                  []text // directories that are made where they are missing
	Still                     []text // directories in which nothing appears any more
	Sockets                   []text // of programs outside
}

type execution struct {
	Path      text
	Args, Env []text
}

// answer is what the first process says to each order but a signal; after that, once, how the program ended.
type answer struct {
	Failure *failure
	Ended   bool
	Status  syscall.WaitStatus
}

// failure is an error that crosses the socket.
type failure struct {
	Errno   syscall.Errno // 0 if it was none
	Message string
}

func asFailure(err error) *failure {
	if err == nil {
		return nil
	}
	f := &failure{Message: err.Error()}
	_ = errors.As(err, &f.Errno)
	return f
}

func (f *failure) err() error {
	if f == nil {
		return nil
	}
	if f.Errno != 0 && f.Message == f.Errno.Error() {
		return f.Errno
	}
	if f.Errno != 0 {
		return &remoteError{f.Message, f.Errno}
	}
	return errors.New(f.Message)
}

type remoteError struct {
	message string
	errno   syscall.Errno
}

func (e *remoteError) Error() string { return e.message }
func (e *remoteError) Unwrap() error { return e.errno }

func attempt(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
