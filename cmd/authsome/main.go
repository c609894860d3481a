// Command authsome keeps logins for agents: see "authsome help".
package main

import (
	"os"

	"authsome/internal/cli"
)

func main() { os.Exit(cli.Main()) }
