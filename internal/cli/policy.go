package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"authsome"
	"authsome/internal/policy"
	"authsome/internal/shell"
	"authsome/internal/trust"
	"authsome/local"
)

// policyFlags are the flags with which a command that opens a proxy is told what may go through it. All such commands take the
// same: register adds them, [app.limits] reads them together with the project's file.
type policyFlags struct {
	connections []string // PROVIDER=CONNECTION, or PROVIDER=CONNECTION host/path
	only        []string
	allow, deny []string
	readOnly    bool
	unmatched   string
	rates       []string
	noFile      bool
}

// register adds the flags to a command's.
func (o *policyFlags) register(f *pflag.FlagSet) {
	f.StringArrayVar(&o.connections, "connection", nil,
		"PROVIDER=CONNECTION to use in place of the default one, or 'PROVIDER=CONNECTION HOST/PATH' for some requests")
	f.StringArrayVar(&o.only, "only", nil, "PROVIDER whose credentials are added, and no other's")
	f.StringArrayVar(&o.allow, "allow", nil, "'METHOD HOST/PATH' that may be requested, and nothing that no --allow names")
	f.StringArrayVar(&o.deny, "deny", nil, "'METHOD HOST/PATH' that may not be requested")
	f.BoolVar(&o.readOnly, "read-only", false, "only requests that change nothing, at hosts of connected providers")
	f.StringVar(&o.unmatched, "unmatched", "allow", "what becomes of traffic to other hosts: allow or deny")
	f.StringArrayVar(&o.rates, "rate", nil, "N/min (or s, hour, day) requests of each connection at most, or PROVIDER=N/min")
	f.BoolVar(&o.noFile, "no-project-file", false, "do without the project's "+trust.Dir+"/"+trust.File)
}

// options is what the flags say, each with its own name for its place.
func (o *policyFlags) options() policy.Options {
	entries := func(flag string, values []string) []policy.Entry {
		var all []policy.Entry
		for _, v := range values {
			all = append(all, policy.Entry{Text: v, At: flag})
		}
		return all
	}
	out := policy.Options{
		Connections: entries("--connection", o.connections), Only: entries("--only", o.only), Allow: entries("--allow", o.allow),
		Deny: entries("--deny", o.deny), Rates: entries("--rate", o.rates),
		Unmatched: policy.Entry{Text: o.unmatched, At: "--unmatched"},
	}
	if o.readOnly {
		out.ReadOnly = "--read-only"
	}
	return out
}

// limits is what a proxy may do, from the command line and the project's file.
type limits struct {
	flags, file policy.Options
	config      policy.Config
	path        string // of the project's file; empty: there is none

	given   policyFlags
	dir     string // where the file was looked for
	content []byte // of the file, as it was agreed to
}

// limits reads the flags and the project's file. It fails when the file has not been agreed to: to go on without what it says
// would be to go on without its restrictions.
func (a *app) limits(o policyFlags) (*limits, error) {
	l := &limits{flags: o.options(), given: o}
	if _, err := policy.Combine(l.flags); err != nil {
		return nil, &authsome.Error{Kind: authsome.KindUsage, Message: err.Error(), Hint: "authsome run --help", Err: err}
	}
	if !o.noFile {
		if err := a.readProjectFile(l); err != nil {
			return nil, err
		}
	}
	var err error
	l.config, err = policy.Combine(l.flags, l.file)
	if err != nil {
		return nil, fileError(l.path, err)
	}
	return l, nil
}

// configuration is that of the policy.
func (l *limits) configuration(chosen *chosenRoutes, now func() time.Time) policy.Config {
	cfg := l.config
	cfg.SafePosts, cfg.UnsafeGets, cfg.Now = chosen.safePosts, chosen.unsafeGets, now
	return cfg
}

// readProjectFile finds the file that holds where the command is started, and reads it if it is trusted.
func (a *app) readProjectFile(l *limits) error {
	list, err := a.trustList()
	if err != nil {
		return err
	}
	if l.dir, err = os.Getwd(); err != nil {
		return fmt.Errorf("find the project's file: %w", err)
	}
	return a.readProjectFileIn(l, list)
}

// readProjectFileIn reads the file that holds for the directory, if it is on the list.
func (a *app) readProjectFileIn(l *limits, list *trust.List) error {
	path, err := list.Find(l.dir, a.userHome())
	if err != nil || path == "" {
		return err
	}
	content, err := readRules(path)
	state := list.State(path, content)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		state = trust.Missing
	case err != nil:
		return fileError(path, err)
	}
	if state != trust.Trusted {
		return untrusted(path, state)
	}
	l.path, l.content = path, content
	l.file, err = policy.ParseFile(path, content)
	if err != nil {
		return fileError(path, err)
	}
	return nil
}

// maxRules is more than any project's file holds, in bytes.
const maxRules = 1 << 20

// readRules reads a project's file. Who has not agreed to it yet need not trust the project either: what is no file may never
// end.
func readRules(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxRules {
		return nil, fmt.Errorf("%s is no file, or larger than %d bytes", path, maxRules)
	}
	return os.ReadFile(path)
}

// untrusted is the refusal to run by a file that nobody has agreed to.
func untrusted(path string, state trust.State) error {
	e := &authsome.Error{
		Kind: authsome.KindDenied, Reason: "file_" + string(state),
		Hint: fmt.Sprintf("read it, then: authsome trust %s   (or do without it: --no-project-file)", shell.Word(path)),
	}
	switch state {
	case trust.Changed:
		e.Message = fmt.Sprintf("%s has changed since it was trusted", path)
	case trust.Missing:
		e.Message = fmt.Sprintf("%s was trusted and is gone", path)
		e.Hint = fmt.Sprintf("put it back, or: authsome untrust %s", shell.Word(path))
	default:
		e.Message = fmt.Sprintf("%s says what may run here, and is not trusted", path)
	}
	return e
}

func fileError(path string, err error) error {
	return &authsome.Error{
		Kind: authsome.KindUsage, Message: "the project's file cannot be used: " + err.Error(),
		Hint: "correct it, then: authsome trust " + shell.Word(path), Err: err,
	}
}

// trustList opens the list of trusted files.
func (a *app) trustList() (*trust.List, error) {
	home, err := a.homeDir()
	if err != nil {
		return nil, err
	}
	return trust.Open(filepath.Join(home, local.TrustFile))
}
