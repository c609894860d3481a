// Command manual writes what a package of authsome carries besides the program: manual pages and completion scripts, both
// made of what the commands say of themselves. The same sources give the same bytes, wherever and whenever it runs.
//
//	manual DIR
//
// writes DIR/man/*.1 and DIR/completions/authsome.{bash,zsh,fish,ps1}. The date of the pages is SOURCE_DATE_EPOCH
// (seconds since 1970), as https://reproducible-builds.org/specs/source-date-epoch/ has it, or missing.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"authsome/internal/cli"
)

// overview is what the page of the command itself has besides the description: what holds for all commands.
const overview = `

# EXIT STATUS
0 done, 1 other failure, 2 usage, 3 provider not found, 4 login failed, 5 no such connection or credential, 6 refresh failed
or token expired, 7 vault unavailable, 8 cancelled, 9 server unreachable, 10 denied by policy. **authsome run** ends as its
child does: its code, 128 and the number of the signal that ended it, 127 not found, 126 not executable.

# ENVIRONMENT
**AUTHSOME_HOME** is where everything lies, ~/.authsome if unset. **AUTHSOME_PROFILE** is the default of --profile.
**AUTHSOME_MASTER_KEY** is the master key, base64 of 32 bytes, in place of the key file. **BROWSER** is the command that opens
an address. **NO_COLOR** turns colour off.

# FILES
~/.authsome/vault.db holds the connections, encrypted; ~/.authsome/audit.log what was used and when;
~/.authsome/logs/authsome.log what helps to find faults; ~/.authsome/providers your own definitions.
`

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: manual DIR")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func write(dir string) error {
	return errors.Join(writePages(filepath.Join(dir, "man")), writeCompletions(filepath.Join(dir, "completions")))
}

func writePages(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	date, err := sourceDate()
	if err != nil {
		return err
	}
	root := cli.Manual()
	root.DisableAutoGenTag = true // it would name the day
	root.Long += overview
	header := &doc.GenManHeader{Title: "AUTHSOME", Section: "1", Source: "authsome", Manual: "Authsome Manual", Date: &date}
	if err := doc.GenManTree(root, header, dir); err != nil {
		return fmt.Errorf("write the manual pages: %w", err)
	}
	return tidyPages(dir, date)
}

// sourceDate returns the date of the sources. Where there is none, a fixed one: cobra would take today's.
func sourceDate() (time.Time, error) {
	value := os.Getenv("SOURCE_DATE_EPOCH")
	if value == "" {
		return time.Unix(0, 0).UTC(), nil
	}
	seconds, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH is %q, not a number of seconds: %w", value, err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

func writeCompletions(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root := cli.Manual()
	for name, generate := range map[string]func(*cobra.Command, io.Writer) error{
		"bash": func(c *cobra.Command, w io.Writer) error { return c.GenBashCompletionV2(w, true) },
		"zsh":  (*cobra.Command).GenZshCompletion,
		"fish": func(c *cobra.Command, w io.Writer) error { return c.GenFishCompletion(w, true) },
		"ps1":  (*cobra.Command).GenPowerShellCompletionWithDesc,
	} {
		var script bytes.Buffer
		if err := generate(root, &script); err != nil {
			return fmt.Errorf("make the completion for %s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, "authsome."+name), script.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}
