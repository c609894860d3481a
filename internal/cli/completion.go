package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

func (a *app) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "completion SHELL", Short: "Print a completion script for bash, zsh, fish or powershell",
		Long: "Print a completion script for bash, zsh, fish or powershell. That for bash needs the package bash-completion, that for\n" +
			"zsh needs compinit to have been called before.",
		Example: "  source <(authsome completion bash)     # in ~/.bashrc\n" +
			"  source <(authsome completion zsh)      # in ~/.zshrc\n" +
			"  authsome completion fish | source      # in ~/.config/fish/config.fish\n" +
			"  authsome completion powershell | Out-String | Invoke-Expression",
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"}, Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.completion(cmd, args[0]) },
	}
}

// completion prints a script that asks this program for what can follow, so that it never grows old.
func (a *app) completion(cmd *cobra.Command, shell string) error {
	if !a.flags.json {
		return writeCompletion(cmd, shell, a.out)
	}
	var script strings.Builder
	if err := writeCompletion(cmd, shell, &script); err != nil {
		return err
	}
	return a.printJSON(object{{"shell", shell}, {"script", script.String()}})
}

func writeCompletion(cmd *cobra.Command, shell string, w io.Writer) error {
	root := cmd.Root()
	switch shell {
	case "bash":
		return root.GenBashCompletionV2(w, true)
	case "zsh":
		return root.GenZshCompletion(w)
	case "fish":
		return root.GenFishCompletion(w, true)
	case "powershell":
		return root.GenPowerShellCompletionWithDesc(w)
	default:
		return usageError(cmd, fmt.Sprintf("no shell %q; there are bash, zsh, fish and powershell", shell))
	}
}
