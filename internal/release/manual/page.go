package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// What cobra writes of an option: its name and value in a paragraph, and after a tab, which readers of manual pages show as
// they like, what it does.
var (
	option  = regexp.MustCompile(`(?m)^(?:\.PP\n)?(\\fB--?[^\n]+)\n\t`)
	nothing = regexp.MustCompile(`(?m)^(\\fB--?[^\n]*\\fP)(?:\[=false\]|=\[\]|="")$`)
	request = regexp.MustCompile(`(?m)^(\.TP\n[^\n]+\n)(['.])`) // a text that begins like a request of the typesetter
	titled  = regexp.MustCompile(`(?m)^(\.TH "[^"]*" "[^"]*") "[^"]*"`)
)

// tidy makes of each option a paragraph with a hanging tag, leaves out a default that says nothing, and gives the date as
// readers of manual pages understand it.
func tidy(page []byte, date time.Time) []byte {
	page = option.ReplaceAll(page, []byte(".TP\n$1\n"))
	page = request.ReplaceAll(page, []byte(`$1\&$2`))
	page = nothing.ReplaceAll(page, []byte("$1"))
	return titled.ReplaceAll(page, []byte(`$1 "`+date.Format(time.DateOnly)+`"`))
}

func tidyPages(dir string, date time.Time) error {
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil {
		return err
	}
	for _, path := range pages {
		page, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, tidy(page, date), 0o644); err != nil {
			return fmt.Errorf("tidy a manual page: %w", err)
		}
	}
	return nil
}
