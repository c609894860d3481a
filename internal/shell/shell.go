// Package shell quotes words for shells: for commands in hints, which people paste, and for output that a shell evaluates.
// Use [Word] for a hint, and the function of the shell for output that is meant for it.
//
// It promises that the shell takes what comes out for one word, and understands it as what went in. What no word of a shell
// can hold, a zero byte, is for the caller to keep away.
package shell

import (
	"runtime"
	"strings"
)

// Word makes one word of s for a command that a person pastes: s itself where nothing in it means anything to a shell. On Windows it
// is for the shells that people have there: PowerShell, cmd, and the one that comes with Git.
func Word(s string) string {
	if runtime.GOOS == "windows" {
		return windowsWord(s)
	}
	if isPlain(s) {
		return s
	}
	return POSIX(s)
}

// Command writes a program and its arguments as a person types them, each as [Word] has it.
func Command(args ...string) string {
	words := make([]string, len(args))
	for i, arg := range args {
		words[i] = Word(arg)
	}
	return strings.Join(words, " ")
}

// isPlain reports whether s is one word as it is. A tilde, or an equals sign, which zsh looks at, is not plain.
func isPlain(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !letter && !strings.ContainsRune("/._-+@:,", r)
	})
}

// windowsWord quotes so that three shells understand the same, which they do between double quotes as long as none of them finds
// anything there that it expands. Where one does, the word is PowerShell's, which is on every Windows.
func windowsWord(s string) string {
	switch {
	case isPlain(s):
		return s
	case strings.ContainsAny(s, "$`%!\"“”„\n") || strings.HasPrefix(s, `\\`) || strings.HasSuffix(s, `\`):
		return PowerShell(s)
	default:
		return `"` + s + `"`
	}
}

// POSIX quotes for the shell of POSIX (XCU section 2.2.2), always: between single quotes nothing is special but the quote
// itself.
func POSIX(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// Fish quotes for fish, in which a backslash between single quotes is special before a quote and before itself.
func Fish(s string) string { return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'" }

// PowerShell quotes for PowerShell, in which typographic quotes end a literal string as well as plain ones.
func PowerShell(s string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for _, r := range s {
		if strings.ContainsRune("'\u2018\u2019\u201a\u201b", r) {
			b.WriteRune(r)
		}
		b.WriteRune(r)
	}
	b.WriteByte('\'')
	return b.String()
}
