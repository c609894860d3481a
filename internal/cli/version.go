package cli

import (
	"runtime"
	"runtime/debug"
	"strconv"

	"github.com/spf13/cobra"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: exactly(0),
		RunE: func(*cobra.Command, []string) error { return a.printVersion() },
	}
}

func (a *app) printVersion() error {
	if a.flags.json {
		return a.printJSON(object{
			{"version", version()}, {"go", runtime.Version()}, {"os", runtime.GOOS}, {"arch", runtime.GOARCH},
		})
	}
	a.printf("authsome %s\n", version())
	return nil
}

// addVersion adds --version to the flags. Cobra's own prints what it is told to by a template, and with package text/template,
// which looks up methods by their names, the linker keeps every method of the program: a tenth of all that it consists of.
func (a *app) addVersion(root *cobra.Command) {
	root.Flags().BoolFunc("version", "version for authsome", func(value string) error {
		asked, err := strconv.ParseBool(value)
		if asked {
			root.RunE = func(*cobra.Command, []string) error { return a.printVersion() }
		}
		return err
	})
}

// version is what the build says of itself.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown)"
}
