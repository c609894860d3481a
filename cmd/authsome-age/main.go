// Command authsome-age does for authsome what takes the libraries of age and SSH, which would cost every start of authsome
// itself: it encrypts the data key, and backups. It is called by authsome.
package main

import (
	"os"

	"authsome/internal/agekey"
	"authsome/internal/agestream"
)

func main() {
	if agestream.Serves(os.Args) {
		os.Exit(agestream.Main())
	}
	os.Exit(agekey.Main())
}
