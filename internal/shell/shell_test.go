package shell

import (
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// words are what paths and secrets may look like, and what shells make something of.
var words = []string{
	"", "plain", "/home/ada/.authsome/vault.db", "two words", " ", "it's", "''", "'", `a\b`, `\`, `"`, "$HOME", "${HOME}", "`id`", "$(id)",
	"a\nb", "\n", "a\tb", "*", "?", "[a]", "~", "~root", "#a", "a#b", "!!", "a;b", "a&b", "a|b", "<a", ">a", "(a)", "{a,b}", "a=b", "=a", "%1",
	"-n", "--", "ähnlich", "‘all’", "\x01\x1b[31m", "\xff\xfe", "é'\\'",
}

// eval returns what a real shell makes of a word.
func eval(t *testing.T, word string) string {
	t.Helper()
	out, err := exec.Command("sh", "-c", "set -- "+word+"\nprintf '%s,%s' \"$#\" \"$1\"").CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", word, err, out)
	}
	count, value, _ := strings.Cut(string(out), ",")
	if count != "1" {
		t.Fatalf("%s is %s words", word, count)
	}
	return value
}

func needShell(t testing.TB) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("a shell of POSIX is needed")
	}
}

func TestShellReadsWhatWasQuoted(t *testing.T) {
	t.Parallel()
	needShell(t)
	for _, s := range words {
		for name, quote := range map[string]func(string) string{"Word": Word, "POSIX": POSIX} {
			if got := eval(t, quote(s)); got != s {
				t.Errorf("%s(%q): sh reads %q", name, s, got)
			}
		}
	}
}

func TestCommandsAreWrittenAsTyped(t *testing.T) {
	t.Parallel()
	needShell(t)
	got := Command("authsome", "run", "--", "sh", "-c", "echo $ACME_TOKEN")
	if want := `authsome run -- sh -c 'echo $ACME_TOKEN'`; got != want {
		t.Errorf("written as %s, want %s", got, want)
	}
}

// The files of most people have names that are read more easily as they are.
func TestPlainWordsStayAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"/home/ada/.authsome/master.key", "api.acme.test:443", "ada@acme.test", "a-b_c+d,e"} {
		if isPlain(s) != (windowsWord(s) == s) || !isPlain(s) {
			t.Errorf("%s is quoted", s)
		}
	}
}

func TestWordsOnWindows(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"plain":                         "plain",
		"":                              `""`,
		`C:\Users\ada\.authsome`:        `"C:\Users\ada\.authsome"`,
		`C:\Users\Ada L\.authsome`:      `"C:\Users\Ada L\.authsome"`,
		`C:\Users\O'Brien\x`:            `"C:\Users\O'Brien\x"`,
		`C:\a&b`:                        `"C:\a&b"`,
		`C:\$x`:                         `'C:\$x'`,
		`C:\50%\it's`:                   `'C:\50%\it''s'`,
		`\\server\share`:                `'\\server\share'`,
		`C:\a\`:                         `'C:\a\'`,
		"C:\\\u201cquoted\u201d\u2019s": "'C:\\\u201cquoted\u201d\u2019\u2019s'",
	} {
		if got := windowsWord(s); got != want {
			t.Errorf("%s: got %s, want %s", s, got, want)
		}
	}
}

func TestQuotingOfOtherShells(t *testing.T) {
	t.Parallel()
	const s = `it's ‘all’ \ here`
	if got, want := Fish(s), `'it\'s ‘all’ \\ here'`; got != want {
		t.Errorf("fish: got %s, want %s", got, want)
	}
	if got, want := PowerShell(s), `'it''s ‘‘all’’ \ here'`; got != want {
		t.Errorf("PowerShell: got %s, want %s", got, want)
	}
}

func FuzzWord(f *testing.F) {
	needShell(f)
	for _, s := range words {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.Contains(s, "\x00") {
			t.Skip("no argument can hold it")
		}
		for _, word := range []string{Word(s), POSIX(s)} {
			if got := eval(t, word); got != s {
				t.Errorf("%q: sh reads %q", word, got)
			}
		}
	})
}
