package cli

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"authsome"
)

func (a *app) inspectCommand() *cobra.Command {
	var match string
	cmd := &cobra.Command{
		Use: "inspect PROVIDER", Short: "Show a definition with its connections", Args: exactly(1),
		Example: "  authsome inspect github\n  authsome inspect github --match https://api.github.com/user",
		RunE:    func(cmd *cobra.Command, args []string) error { return a.inspect(cmd, args[0], match) },
	}
	cmd.Flags().StringVar(&match, "match", "", "say whether a request for this URL would get the credential, and why")
	return cmd
}

func (a *app) inspect(cmd *cobra.Command, provider, match string) error {
	layer, ref, err := a.at(cmd.Context(), provider, "")
	if err != nil {
		return err
	}
	p, err := layer.Provider(cmd.Context(), ref.Profile, ref.Provider)
	if err != nil {
		return err
	}
	if match != "" {
		return a.inspectMatch(p, match)
	}
	if !a.flags.json {
		return a.printDefinition(p)
	}
	definition, err := definitionObject(p)
	if err != nil {
		return err
	}
	return a.printJSON(definition)
}

// definitionObject is the definition's own JSON with the profile's view of it behind.
func definitionObject(p *authsome.ProviderState) (object, error) {
	b, err := json.Marshal(p.Provider)
	if err != nil {
		return nil, err
	}
	return object{
		{"name", p.Name},
		{"source", p.Source},
		{"state", state(*p)},
		{"configured", p.Configured},
		{"connections", summaries(p.Connections)},
		{"definition", json.RawMessage(b)},
		{"facts_from", factsFrom(p)},
	}, nil
}
