package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
)

// version is set by the linker; a plain go build leaves "dev".
var version = "dev" //nolint:gochecknoglobals // set by the linker

func newCmdVersion(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  dingdag version",
		Args:    command.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(a.Out, versionLine())
			return err
		},
	}
}

// addVersionFlag adds the flag --version. The one that cobra has is formatted with a template, for
// which the linker keeps every method of every type: it can't know which of them one calls.
func addVersionFlag(root *cobra.Command, a *app.App) {
	asked := root.Flags().BoolP("version", "v", false, "version for dingdag")
	help := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		if *asked && !cmd.Flags().Changed("help") {
			_, _ = fmt.Fprint(a.Out, versionLine())
			return
		}
		help(cmd, args)
	})
}

// versionLine is what dingdag version and dingdag --version print.
func versionLine() string {
	v := version
	if bi, ok := debug.ReadBuildInfo(); ok && v == "dev" && bi.Main.Version != "" && bi.Main.Version != "(devel)" {
		v = bi.Main.Version
	}
	return fmt.Sprintf("dingdag %s %s %s/%s\n", v, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
