package cli

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// socketsCommand opens sockets as the user's other programs do: sockets PATH|@NAME... They are gone when the script ends.
func socketsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: sockets PATH|@NAME...")
	}
	for _, name := range args {
		if !strings.HasPrefix(name, "@") {
			name = ts.MkAbs(name)
			ts.Check(os.MkdirAll(filepath.Dir(name), 0o700))
		}
		l, err := net.Listen("unix", name)
		ts.Check(err)
		ts.Defer(func() { _ = l.Close() })
		go greet(l)
	}
}

func greet(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, "hello")
		_ = conn.Close()
	}
}

// knockProgram prints which sockets somebody answers at: knock PATH|@NAME...
func knockProgram() {
	for _, name := range os.Args[1:] {
		conn, err := net.DialTimeout("unix", name, 10*time.Second)
		if err != nil {
			continue
		}
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		if said, _ := io.ReadAll(conn); string(said) == "hello" {
			fmt.Println("answered:", name)
		}
		_ = conn.Close()
	}
}
