package cli

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"authsome/internal/agekey"
	"authsome/internal/agent"
	"authsome/internal/agestream"
	"authsome/local"
)

// testWork is what scrypt has to do for a backup in a script. What it has to do otherwise takes the race detector seconds.
const testWork = 10

// TestMain makes this binary the programs that the scripts start: a process of its own each, as in real life.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"authsome": authsomeProgram,
		"browse":   browseProgram,
		"fetch":    fetchProgram,
		"acmecli":  acmeProgram,
		"knock":    knockProgram,

		"authsome-age": func() {
			if agestream.Serves(os.Args) {
				os.Exit(agestream.MainWith(testWork))
			}
			os.Exit(agekey.Main())
		},
	})
}

// TestScripts runs testdata/script. A script is named after the promise it shows: contract_2.1_… belongs to the first
// promise of section 2, command_get_… to a command. What the scripts can do besides testscript's own commands:
//
//	authserver start [-rotation R] [-grace D] [-lifetime D] [-consent approve|deny] [-kill-old-token true]
//	                 [-interval D] [-device-lifetime D]
//	                       an authorization server, and definitions: acme.json (it), lamp.json (with the device flow, too),
//	                       keys.json (an API key, to be found in api.key), mixed.json (its endpoints lie on the host of
//	                       its API)
//	authserver api         an HTTPS API behind any name; $RESOLVE… lead run to it
//	authserver stop        an outage, until authserver restart
//	authserver fault F...  what the next token requests meet, see scriptWorld.fault
//	authserver calls G N   there have been N token requests of the grant type G
//	authserver secret|consent NEW, revoke-all, reject-access-tokens      what people do at the provider
//	authserver forget-clients           the clients that have registered themselves are gone
//	corporate start        a proxy at $CORPORATE that wants a login and leads every name to the API; it alone can
//	corporate asked TEXT   whether that proxy has had a request with the text in its first line
//	corporate forget       what it has had
//	exits CODE COMMAND [ARGUMENT]...    the exit code is exactly that
//	json [PATH [VALUE]]                 stdout is one JSON document, with that value at the path
//	jsonkeys PATH NAME...               and the object at the path has these members
//	entry NAME=VALUE...                 a line of the NDJSON on stdout has these members
//	oldhome DIR            a home of the Python authsome 0.2, with two profiles, keys, and tokens that the authorization
//	                       server has issued; old.access and old.key hold the ones of the default profile
//	secretfiles FILE...    puts secrets in place of the words API-KEY (that of api.key), NEW-KEY, OTHER-KEY, SECOND-KEY (that
//	                       of second.key), CLIENT-ID and CLIENT-SECRET
//	snapshot FILE PATH...  writes names, modes and digests of all files below to FILE
//	modes DIR                           every directory below is 0700, every file 0600
//	sockets PATH|@NAME...               sockets of other programs; knock PATH|@NAME... prints which of them answer
//	damage FILE PAGE                    that page of a database is overwritten
//	agekey FILE · sshkey FILE           an identity; its recipient is in $RECIPIENT, or $SSHRECIPIENT
//	sql FILE STATEMENTS                 somebody with write access changes a database
//	tmpfs DIR SIZE · remount DIR ro|rw · fill DIR      a disk of its own, where [mounts] says that there can be one
//	[!tool:PROGRAM] skip                where it is not installed; in CI that is a failure
//	[!sandbox] skip                     where the kernel cannot; in CI on Linux that is a failure
//
// TEST_CLOCK_OFFSET moves the clock of the authsome of a script, and TEST_SETTLE says after what time its proxies begin to
// keep logins alive. At the end of every script, no secret may be found in
// the home, in a temporary file or in what authsome printed, but for what a script asked to see.
func TestScripts(t *testing.T) {
	deadline, _ := t.Deadline()
	commands := map[string]func(*testscript.TestScript, bool, []string){
		"authserver": authserverCommand, "corporate": corporateCommand, "exits": exitsCommand, "json": jsonCommand, "jsonkeys": jsonKeysCommand,
		"entry": entryCommand, "modes": modesCommand, "sockets": socketsCommand,
		"oldhome": oldHomeCommand, "snapshot": snapshotCommand,
		"secretfiles": secretFilesCommand,
	}
	maps.Copy(commands, storeCommands())
	maps.Copy(commands, mountCommands())
	testscript.RunT(brief{t}, testscript.Params{
		Deadline: deadline,
		Dir:      filepath.Join("testdata", "script"), Setup: setUpScript, RequireUniqueNames: true,
		Cmds: commands, Condition: scriptCondition,
	})
}

// brief prints what happened in the failing part of a script only, also with -v.
type brief struct{ *testing.T }

func (brief) Verbose() bool { return false }

func (t brief) Run(name string, f func(testscript.T)) {
	t.T.Run(name, func(t *testing.T) { f(brief{t}) })
}

func setUpScript(env *testscript.Env) error {
	home := filepath.Join(env.WorkDir, "home")
	w := newScriptWorld(env.WorkDir, home)
	env.Values[worldKey{}] = w
	for name, value := range map[string]string{
		"HOME": env.WorkDir, "AUTHSOME_HOME": home, "BROWSER": "browse", "TERM": "dumb",
		envTranscript: filepath.Join(env.WorkDir, "transcript"),
		// The race detector sleeps a second at the end of each process otherwise.
		"GORACE": os.Getenv("GORACE") + " atexit_sleep_ms=0",
	} {
		env.Setenv(name, value)
	}
	env.Defer(func() {
		w.close()
		_, _ = (&agent.Client{Dir: filepath.Join(home, local.RunDir)}).Lock(context.Background()) // ends one that was started
		if t, ok := env.T().(testing.TB); ok {
			w.checkSecrets(t)
		}
	})
	return nil
}
