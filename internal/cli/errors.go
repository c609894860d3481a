package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"authsome"
	"authsome/internal/audit"
	"authsome/internal/provider"
)

// exitCode is the table in docs/commands.md.
func exitCode(kind authsome.Kind) int {
	switch kind {
	case authsome.KindUsage:
		return 2
	case authsome.KindProviderNotFound:
		return 3
	case authsome.KindLoginFailed:
		return 4
	case authsome.KindConnectionNotFound:
		return 5
	case authsome.KindRefreshFailed:
		return 6
	case authsome.KindVaultUnavailable:
		return 7
	case authsome.KindCancelled:
		return 8
	case authsome.KindUnreachable:
		return 9
	case authsome.KindDenied:
		return 10
	default:
		return 1
	}
}

// kindOfExit is the inverse of exitCode.
func kindOfExit(code int) authsome.Kind {
	for _, kind := range []authsome.Kind{
		authsome.KindUsage, authsome.KindProviderNotFound, authsome.KindLoginFailed, authsome.KindConnectionNotFound,
		authsome.KindRefreshFailed, authsome.KindVaultUnavailable, authsome.KindCancelled, authsome.KindUnreachable,
		authsome.KindDenied,
	} {
		if exitCode(kind) == code {
			return kind
		}
	}
	return authsome.KindInternal
}

// exitStatus is an error that has been reported already, or that is none: it only carries an exit code.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// exit reports err and returns the exit code for it.
func (a *app) exit(err error) int {
	status, reported := errors.AsType[exitStatus](err)
	if lost := a.out.lost(); lost != nil {
		if reported {
			a.printErrorText(lost)
		} else if err == nil || errors.Is(err, a.out.err) {
			err = lost
		}
	}
	if reported {
		return int(status)
	}
	if err == nil {
		return 0
	}
	err = asUsage(err)
	e, ok := errors.AsType[*authsome.Error](err)
	if !ok {
		e = &authsome.Error{Kind: authsome.KindInternal, Message: err.Error(), Err: err}
		if _, ok := errors.AsType[*fs.PathError](err); ok {
			e.Hint = "authsome doctor" // a full disk, or somebody else's file
		}
		if errors.Is(err, context.Canceled) {
			e.Kind, e.Message = authsome.KindCancelled, "cancelled"
		}
	}
	if e.Kind == authsome.KindUsage && asksForJSON(a.env.Args) {
		a.flags.json = true // what is wrong with the arguments may have kept the flag from being read
	}
	a.printError(e)
	return exitCode(e.Kind)
}

// asksForJSON looks for --json where it is not a child's argument.
func asksForJSON(args []string) bool {
	for _, arg := range args {
		switch arg {
		case "--":
			return false
		case "--json":
			return true
		}
	}
	return false
}

// printError writes an error for people on standard error, or for programs on standard output if something arrives there.
func (a *app) printError(e *authsome.Error) {
	if a.flags.json && a.out.err == nil && a.printJSON(a.errorObject(e)) == nil {
		return
	}
	a.printErrorText(e)
}

// printErrorText writes an error for people, on standard error.
func (a *app) printErrorText(e *authsome.Error) {
	if invalid, ok := errors.AsType[*provider.ValidationError](e); ok {
		a.printProblems(invalid)
	} else {
		fmt.Fprintf(a.env.Stderr, "%s %s\n", a.paint(red, "Error:"), forPeople(e.Message))
	}
	a.printHint(e)
}

// printProblems writes what is wrong with a definition, a line each, with what would be right.
func (a *app) printProblems(invalid *provider.ValidationError) {
	fmt.Fprintf(a.env.Stderr, "%s the definition cannot be used:\n", a.paint(red, "Error:"))
	for _, p := range invalid.Problems {
		fmt.Fprintf(a.env.Stderr, "  %s\n", audit.Printable(p.String()))
		if p.Example != "" {
			fmt.Fprintf(a.env.Stderr, "    for example: %s\n", audit.Printable(p.Example))
		}
	}
}

// warn reports what did not stop the command.
func (a *app) warn(e *authsome.Error) {
	if e == nil {
		return
	}
	fmt.Fprintf(a.env.Stderr, "%s %s\n", a.paint(yellow, "warning:"), forPeople(e.Message))
	a.printHint(e)
}

// amended returns an error with something changed about it. The error itself is left alone: others may know it.
func amended(err error, change func(e *authsome.Error)) error {
	e, ok := errors.AsType[*authsome.Error](err)
	if !ok {
		return err
	}
	said := *e
	change(&said)
	return &said
}

func (a *app) printHint(e *authsome.Error) {
	if hint := a.hint(e); hint != "" {
		fmt.Fprintf(a.env.Stderr, "hint: %s\n", forPeople(hint))
	}
}

// hint is what an error says to do. Where the default profile was named, it is: another one may be in use otherwise, and the command of
// the hint be about that.
func (a *app) hint(e *authsome.Error) string {
	if a.flags.profile != string(authsome.DefaultProfile) {
		return e.Hint
	}
	return withFlag(e.Hint, e.Ref.Provider, "--profile "+a.flags.profile)
}

// withFlag adds a flag to the command about a provider that a hint consists of, if it does.
func withFlag(hint string, p authsome.ProviderName, flag string) string {
	for _, verb := range []string{"login", "get", "logout"} {
		command := "authsome " + verb + " " + string(p) + " "
		if rest, ok := strings.CutPrefix(hint+" ", command); ok && p != "" {
			return strings.TrimSuffix(command+flag+" "+rest, " ")
		}
	}
	return hint
}

func (a *app) errorObject(e *authsome.Error) object {
	kind := e.Kind
	if kind == "" {
		kind = authsome.KindInternal
	}
	o := object{
		{"error", kind},
		{"message", e.Message},
		{"hint", a.hint(e)},
		{"reason", e.Reason},
		{"provider", e.Ref.Provider},
		{"connection", e.Ref.Connection},
	}
	if invalid, ok := errors.AsType[*provider.ValidationError](e); ok {
		problems := make([]object, len(invalid.Problems))
		for i, p := range invalid.Problems {
			problems[i] = object{{"path", p.Path}, {"message", p.Message}, {"example", p.Example}}
		}
		o = append(o, member{"problems", problems})
	}
	return o
}
