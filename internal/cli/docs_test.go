package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// pages returns the documents of the project, by name.
func pages(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for _, name := range append(names, "../../README.md", "../../SECURITY.md", "../../CONTRIBUTING.md") {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(name)] = string(b)
	}
	return all
}

// commandsIn returns the command lines of authsome in the code of a document, each without its first word.
func commandsIn(page string) []string {
	var lines []string
	fenced := false
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
			continue
		}
		if fenced || strings.HasPrefix(line, "    ") {
			line = strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(line), "$ "), `eval "$(`)
			if command, ok := strings.CutPrefix(line, "authsome "); ok {
				lines = append(lines, command)
			}
			continue
		}
		for i, span := range strings.Split(line, "`") {
			if command, ok := strings.CutPrefix(span, "authsome "); ok && i%2 == 1 {
				lines = append(lines, command)
			}
		}
	}
	return lines
}

// What the documents have somebody type is there: the command, its subcommand and the flags.
func TestDocumentedCommandsExist(t *testing.T) {
	t.Parallel()
	root := Manual()
	end := regexp.MustCompile(`(^| )(--|\||#|<|>|&&|;)( |$)|\)"|;$`)
	found := 0
	for name, page := range pages(t) {
		for _, line := range commandsIn(page) {
			words := strings.Fields(line[:slices.Concat(end.FindStringIndex(line), []int{len(line)})[0]])
			if len(words) == 0 || strings.ToUpper(words[0]) == words[0] {
				continue // authsome COMMAND
			}
			found++
			cmd, rest, err := root.Find(words)
			if err != nil || cmd == root && !strings.HasPrefix(words[0], "-") {
				t.Errorf("%s: authsome %s: there is no such command", name, line)
				continue
			}
			if cmd.HasSubCommands() && cmd.Args == nil && len(rest) > 0 && rest[0] != strings.ToUpper(rest[0]) {
				t.Errorf("%s: authsome %s: %s has no such subcommand", name, line, cmd.CommandPath())
			}
			for _, word := range words {
				if flag, ok := strings.CutPrefix(word, "--"); ok && !hasFlag(cmd, flag) {
					t.Errorf("%s: authsome %s: %s has no flag --%s", name, line, cmd.CommandPath(), flag)
				}
			}
		}
	}
	if found < 100 {
		t.Errorf("only %d commands were found: the documents are not read rightly", found)
	}
}

func hasFlag(cmd *cobra.Command, flag string) bool {
	name, _, _ := strings.Cut(strings.TrimRight(flag, ",.;)]…'\""), "=")
	return name == "help" || cmd.Flags().Lookup(name) != nil || cmd.InheritedFlags().Lookup(name) != nil
}

// Flags that stand alone in the text are some command's. Those of other programs are few.
func TestDocumentedFlagsExist(t *testing.T) {
	t.Parallel()
	others := []string{"require", "user"}
	span := regexp.MustCompile("`--([a-z][a-z-]*)[^`]*`")
	for name, page := range pages(t) {
		for _, m := range span.FindAllStringSubmatch(page, -1) {
			if !slices.Contains(others, m[1]) && !anyHasFlag(Manual(), m[1]) {
				t.Errorf("%s: no command has the flag --%s", name, m[1])
			}
		}
	}
}

func anyHasFlag(cmd *cobra.Command, flag string) bool {
	return hasFlag(cmd, flag) || slices.ContainsFunc(cmd.Commands(), func(c *cobra.Command) bool { return anyHasFlag(c, flag) })
}

// Every command has a place in the overview.
func TestCommandsAreDocumented(t *testing.T) {
	t.Parallel()
	overview := pages(t)["commands.md"]
	for _, cmd := range Manual().Commands() {
		if !cmd.Hidden && !strings.Contains(overview, "`"+cmd.Name()) {
			t.Errorf("docs/commands.md does not name %s", cmd.CommandPath())
		}
	}
}

// Every target of the Makefile is in the list that "make help" prints.
func TestTargetsAreDocumented(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	_, targets, _ := strings.Cut(string(makefile), "\n.PHONY: all ")
	targets, _, _ = strings.Cut(targets, "\n")
	list := pages(t)["CONTRIBUTING.md"]
	for _, target := range strings.Fields(targets) {
		if !strings.Contains(list, "\n    make "+target+" ") {
			t.Errorf("CONTRIBUTING.md does not name make %s", target)
		}
	}
}

// Variables of our own that the program reads or sets are documented, and no others.
func TestVariablesAreDocumented(t *testing.T) {
	t.Parallel()
	var documented strings.Builder
	for _, page := range pages(t) {
		documented.WriteString(page)
	}
	inCode, inTests := variablesIn(t, false), variablesIn(t, true)
	for name := range inCode {
		if !strings.Contains(documented.String(), "`"+name) {
			t.Errorf("%s is not documented", name)
		}
	}
	for _, name := range regexp.MustCompile(`AUTHSOME_[A-Z_]+`).FindAllString(documented.String(), -1) {
		if !inCode[name] && !inTests[name] {
			t.Errorf("%s is documented, and nothing reads it", name)
		}
	}
}

// variablesIn returns the names of variables of our own in the source of the program, or of its tests.
func variablesIn(t *testing.T, tests bool) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	quoted := regexp.MustCompile(`"(AUTHSOME_[A-Z_]+)[="]`)
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules" || d.Name() == ".git") {
			return fs.SkipDir
		}
		isTest := strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, filepath.Join("..", "..", "tests"))
		if filepath.Ext(path) != ".go" || isTest != tests {
			return nil
		}
		source, err := os.ReadFile(path)
		for _, m := range quoted.FindAllSubmatch(source, -1) {
			names[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
