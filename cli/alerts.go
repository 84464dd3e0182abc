package cli

import (
	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/cli/internal/alerts"
	"github.com/dingdag/dingdag/cli/internal/app"
)

func newCmdAlerts(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use: "alerts", Short: "List the messages of callbacks, tell whether they arrived, and decide about those that did not",
		Example: "  dingdag alerts list --state refused,uncertain\n  dingdag alerts told my_dag --at 03:00\n  dingdag alerts retry 7",
	}
	cmd.AddCommand(alerts.Commands(a)...)
	cmd.AddCommand(alertsSnoozes(a)...)
	return cmd
}
