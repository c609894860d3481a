package cli

import (
	"io"
	"time"

	"github.com/spf13/cobra"
)

// Manual returns the whole tree of commands as it describes itself, for whoever makes manual pages and completion scripts
// of it. Its commands are not to be run.
func Manual() *cobra.Command {
	a := newApp(Env{Stdout: io.Discard, Stderr: io.Discard, Now: time.Now})
	root := a.command()
	root.InitDefaultHelpFlag()
	root.InitDefaultVersionFlag()
	// Angle brackets would be taken for markup.
	root.PersistentFlags().Lookup("log-file").DefValue = "~/.authsome/logs/authsome.log"
	return root
}
