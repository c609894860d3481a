// Command authsome-age does for authsome what takes the libraries of age and SSH, which would cost every start of authsome
// itself. It is called by authsome.
package main

import (
	"os"

	"authsome/internal/agestream"
)

func main() { os.Exit(agestream.Main()) }
