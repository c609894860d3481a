// Command authsome-age encrypts and decrypts the data key of authsome with age. It is called by authsome.
package main

import (
	"os"

	"authsome/internal/agekey"
)

func main() { os.Exit(agekey.Main()) }
