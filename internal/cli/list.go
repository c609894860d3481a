package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"authsome"
	"authsome/internal/shell"
	"authsome/local"
)

func (a *app) listCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List providers and connections", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.list(cmd) },
	}
}

func (a *app) list(cmd *cobra.Command) error {
	layer, profile, err := a.inProfile(cmd.Context())
	if err != nil {
		return err
	}
	all, broken, err := layer.Providers(cmd.Context(), profile)
	if err != nil {
		return err
	}
	for _, b := range broken {
		a.warn(&authsome.Error{
			Message: fmt.Sprintf("the definition %s cannot be used: %v", b.Path, b.Err),
			Hint:    "correct it, or authsome remove " + shell.Word(string(b.Name)),
		})
	}
	a.warnOfUndefined(all, broken)
	if a.flags.json {
		return a.printJSON(listObject(profile, all, broken))
	}
	return a.printList(all)
}

// warnOfUndefined names the providers with connections, but without a definition, unless that has been called broken.
func (a *app) warnOfUndefined(all []authsome.ProviderState, broken []authsome.BrokenDefinition) {
	for _, p := range all {
		isIt := func(b authsome.BrokenDefinition) bool { return b.Name == p.Name }
		if p.Source == "" && !slices.ContainsFunc(broken, isIt) {
			a.warn(&authsome.Error{
				Message: fmt.Sprintf("there is no definition of %s any more, and its credentials cannot be used", p.Name),
				Hint:    fmt.Sprintf("authsome register PATH puts one back; authsome remove %s forgets what is left", p.Name),
			})
		}
	}
}

func listObject(
	profile authsome.ProfileName, all []authsome.ProviderState, broken []authsome.BrokenDefinition,
) object {
	providers := make([]object, len(all))
	for i, p := range all {
		if p.Source == "" { // the definition that has gone was the user's own
			p.Source = authsome.SourceCustom
		}
		providers[i] = object{
			{"name", p.Name},
			{"display_name", p.DisplayName},
			{"auth_type", p.AuthType},
			{"flow", p.Flow},
			{"source", p.Source},
			{"state", state(p)},
			{"connections", summaries(p.Connections)},
		}
	}
	problems := make([]object, len(broken))
	for i, b := range broken {
		problems[i] = object{{"name", b.Name}, {"path", b.Path}, {"message", b.Err.Error()}}
	}
	return object{{"profile", profile}, {"providers", providers}, {"broken", problems}}
}

// state is how far a profile has got with a provider.
func state(p authsome.ProviderState) string {
	switch {
	case len(p.Connections) > 0:
		return "connected"
	case p.Configured:
		return "configured"
	default:
		return "available"
	}
}

// inProfile names a profile in a sentence, if it is not the default one.
func inProfile(profile authsome.ProfileName) string {
	if profile == authsome.DefaultProfile {
		return ""
	}
	return " in the profile " + string(profile)
}

// sayNoConnections says what stands in place of an empty table.
func (a *app) sayNoConnections() error {
	profile, err := a.profile()
	if err != nil {
		return err
	}
	a.say("no connections%s yet; authsome login %s makes one", inProfile(profile), local.Arguments(authsome.Ref{Provider: "PROVIDER", Profile: profile}))
	return nil
}

// printList names what there is, and shows what is connected last: that is next to the prompt, where it is seen.
func (a *app) printList(all []authsome.ProviderState) error {
	rows := [][]string{{"PROVIDER", "CONNECTION", "STATUS", "EXPIRES", "LOGIN NEEDED"}}
	var available []string
	for _, p := range all {
		for _, c := range p.Connections {
			rows = append(rows, []string{string(p.Name), mark(c), string(c.Status), text(c.ExpiresAt), loginNeeded(c)})
		}
		switch state(p) {
		case "configured":
			rows = append(rows, []string{string(p.Name), "-", "configured", ""})
		case "available":
			available = append(available, string(p.Name))
		}
	}
	slices.Sort(available)
	a.say("available: %s\n", wrap(available, a.columns()-len("available: "), len("available: ")))
	if len(rows) == 1 {
		return a.sayNoConnections()
	}
	return a.table(rows)
}

// wrap joins words to lines of at most so many columns, the second and later ones indented. With less than a column there
// is one line.
func wrap(words []string, columns, indent int) string {
	var b strings.Builder
	length := 0
	for i, w := range words {
		switch {
		case i == 0:
		case columns > 0 && length+1+len(w) > columns:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			length = 0
		default:
			b.WriteByte(' ')
			length++
		}
		b.WriteString(w)
		length += len(w)
	}
	return b.String()
}

// mark adds a star to the connection that is meant when none is named.
func mark(c authsome.Connection) string {
	if c.Default {
		return string(c.Ref.Connection) + " *"
	}
	return string(c.Ref.Connection)
}
