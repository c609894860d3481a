package cli

import (
	"fmt"
	"slices"

	"authsome"
	"authsome/internal/standing"
)

// checkRules fails when a proxy that is running does not go by the project's file that holds here: an agent of this directory would
// be without its restrictions. A file that nobody has agreed to is an error here as it is for a run.
func (a *app) checkRules(status *standing.Status, o *proxyOptions) error {
	if o.run.noFile {
		return nil
	}
	here := &limits{}
	if err := a.readProjectFile(here); err != nil || here.path == "" {
		return err
	}
	heeded, err := a.rulesOf(status)
	if err != nil || heeded == here.path {
		return err
	}
	if heeded == "" {
		heeded = "no project's file"
	}
	return &authsome.Error{
		Kind: authsome.KindDenied, Reason: "other_file",
		Message: fmt.Sprintf("%s says what may run here, and the proxy that is running heeds %s", here.path, heeded),
		Hint:    "authsome proxy start --project   (or do without the file: --no-project-file)",
	}
}

// rulesOf returns the project's file that a proxy goes by; empty if there is none.
func (a *app) rulesOf(status *standing.Status) (string, error) {
	if status.Dir == "" || slices.Contains(status.Flags, "--no-project-file=true") {
		return "", nil
	}
	list, err := a.trustList()
	if err != nil {
		return "", err
	}
	return list.Find(status.Dir, a.userHome())
}
