package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"authsome"
	"authsome/internal/demo"
)

const demoName = "demo"

func (a *app) demoCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: demoName, Short: "See all of it work on this computer, without an account and without a network",
		Long: "Play a login from the browser to its end with a provider that exists on this computer only, in a temporary\n" +
			"home, and verify every step. It takes a few seconds and leaves nothing behind.",
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context()) },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "browser URL", Short: "Approve the demo's consent page", Hidden: true, Args: exactly(1),
			RunE: func(cmd *cobra.Command, args []string) error { return demo.Browse(cmd.Context(), args[0]) },
		},
		&cobra.Command{
			Use: "fetch URL", Short: "Print what an address answers", Hidden: true, Args: exactly(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return demo.Fetch(cmd.Context(), a.out, args[0])
			},
		},
		&cobra.Command{
			Use: "variable NAME", Short: "Print a variable of the environment", Hidden: true, Args: exactly(1),
			RunE: func(_ *cobra.Command, args []string) error {
				_, err := fmt.Fprintln(a.env.Stdout, os.Getenv(args[0]))
				return err
			},
		},
	)
	return cmd
}

// demo runs this executable for every step, so that what is shown is what a person gets.
func (a *app) demo(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this executable: %w", err)
	}
	cfg := demo.Config{
		Executable: self, Arguments: []string{demoName}, Environ: a.env.Environ,
		Transcript: a.out, Colour: a.mayColour(a.env.Stdout),
	}
	if a.flags.json {
		cfg.Transcript = io.Discard
	}
	results, err := demo.Run(ctx, cfg)
	switch {
	case errors.Is(err, context.Canceled):
		return &authsome.Error{Kind: authsome.KindCancelled, Message: "the demo was cancelled", Err: err}
	case err != nil:
		return err
	case a.flags.json:
		return a.printJSON(object{{"ok", true}, {"steps", results}})
	}
	return nil
}
