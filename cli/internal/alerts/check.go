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
)

func newCmdCheck(a *app.App) *cobra.Command {
	var since, output string
	cmd := &cobra.Command{
		Use: "check", Short: "Check that every alert was told to somebody, for probes and cron",
		Long: `Prints a line for each alert that was refused and nothing arrived in its place, that may not have
arrived, or that has waited for over 10 minutes; the exit code is 1 then. Alerts that somebody has
acknowledged do not count, unless they wait. Successes and retries that were refused because the quota
of their robot is kept for failures are a note.`,
		Example: "  dingdag alerts check\n  dingdag alerts check --since 7d -o json", Args: command.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runCheck(cmd.Context(), a, since, output) },
	}
	cmd.Flags().StringVar(&since, "since", "24h", "how far back alerts are looked at: 24h, 7d, or a date")
	show.OutputFlag(cmd, &output)
	return cmd
}

func runCheck(ctx context.Context, a *app.App, since, output string) error {
	if err := show.CheckOutput(output); err != nil {
		return err
	}
	from, err := a.Since("--since", since)
	switch {
	case err != nil:
		return err
	case from.IsZero() || from.After(a.Clock()):
		return command.Usagef("--since %q: must be in the past", since)
	}
	ask, err := a.AskStore(ctx)
	if err != nil {
		return err
	}
	found, err := ask.CheckAlerts(ctx, from.Truncate(time.Millisecond))
	if err != nil {
		return err
	}
	kept, err := ask.KeptBack(ctx, from.Truncate(time.Millisecond))
	if err != nil {
		return err
	}
	if kept > 0 {
		a.Notef("successes and retries refused because the quota of their robot is kept for failures: %d; see %s", kept, a.Command("alerts", "list", "--state", "refused", "--unacked"))
	}
	l := show.List{Columns: []string{"ID", "Problem"}}
	var b strings.Builder
	for _, p := range found {
		l.Add(p, strconv.FormatInt(p.ID, 10), p.Line())
		fmt.Fprintln(&b, show.Shown(a.Out, p.Line()))
	}
	if len(found) == 0 {
		fmt.Fprintf(&b, "no alert since %s needs a person: each was told, is about to be, or was silenced or acknowledged\n", a.Date(from))
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
