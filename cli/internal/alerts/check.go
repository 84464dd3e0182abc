package alerts

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/yamlvalue"
)

func newCmdCheck(a *app.App) *cobra.Command {
	var since, output string
	cmd := &cobra.Command{
		Use: "check", Short: "Check that every alert was told to somebody, for probes and cron",
		Long: `Prints a line for each alert that was refused and nothing arrived in its place, that may not have
arrived, or that has waited for over 10 minutes; the exit code is 1 then. Alerts that somebody has
acknowledged do not count, unless they wait.`,
		Example: "  dingdag alerts check\n  dingdag alerts check --since 7d -o json", Args: command.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runCheck(cmd.Context(), a, since, output) },
	}
	cmd.Flags().StringVar(&since, "since", "24h", "how far back alerts are looked at, for instance 24h or 7d")
	show.OutputFlag(cmd, &output)
	return cmd
}

func runCheck(ctx context.Context, a *app.App, since, output string) error {
	if err := show.CheckOutput(output); err != nil {
		return err
	}
	back, err := yamlvalue.ParseDuration(since)
	if err != nil || back <= 0 {
		return command.Usagef("--since %q: must be a duration such as 24h or 7d", since)
	}
	ask, err := a.API(ctx)
	if err != nil {
		return err
	}
	found, err := ask.CheckAlerts(ctx, a.Clock().Add(-back).Truncate(time.Millisecond))
	if err != nil {
		return err
	}
	l := show.List{Columns: []string{"ID", "Problem"}}
	var b strings.Builder
	for _, p := range found {
		l.Add(p, strconv.FormatInt(p.ID, 10), p.Line())
		fmt.Fprintln(&b, show.Shown(a.Out, p.Line()))
	}
	if len(found) == 0 {
		fmt.Fprintf(&b, "every alert of the last %s was told, or is about to be\n", since)
	}
	if output == "table" {
		_, err = fmt.Fprint(a.Out, b.String())
	} else {
		err = l.Print(a.Out, output)
	}
	if err == nil && len(found) > 0 {
		return command.ErrQuiet
	}
	return err
}
