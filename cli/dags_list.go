package cli

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
)

func newCmdDAGsList(a *app.App) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "list", Short: "List the DAGs of the DAGs folder, with the state of their last run and when they run next",
		Example: "  dingdag dags list\n  dingdag dags list -o json", Args: command.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDAGsList(cmd.Context(), a, output) },
	}
	show.OutputFlag(cmd, &output)
	return cmd
}

func runDAGsList(ctx context.Context, a *app.App, output string) error {
	if err := show.CheckOutput(output); err != nil {
		return err
	}
	ask, err := a.Look(ctx)
	if err != nil {
		return err
	}
	ds, broken, err := ask.DAGs(ctx, api.DAGQuery{})
	if err != nil {
		return err
	}
	l := show.List{
		Columns: []string{"DAG", "Schedule", "Tasks", "Owner", "Paused", "Last run", "Next run", "File"},
		Drop:    []string{"File", "Owner", "Tasks", "Paused", "Schedule"},
		Wrap:    []string{"Schedule"},
	}
	now := a.Clock()
	for _, d := range ds.Items {
		l.Add(d, d.DAGID, d.Schedule, strconv.Itoa(d.Tasks), d.Owner, yesNo(d.Paused), string(d.LastState), nextOf(a, d, now), d.File)
	}
	l.Zone = a.ShowZone()
	if err := l.Print(a.Out, output); err != nil {
		return err
	}
	if broken {
		fmt.Fprintf(a.Err, "some DAG files have errors: see %s\n", a.Command("dags", "list-import-errors"))
	}
	return nil
}

// nextOf tells when the schedule of a DAG makes its next run, in words.
func nextOf(a *app.App, d api.DAG, now time.Time) string {
	switch {
	case d.OnAssets:
		return "on assets"
	case d.NextRun == nil:
		return ""
	case d.Paused:
		return "paused"
	case !d.NextRun.After(now):
		return "due now"
	default:
		return a.Date(*d.NextRun)
	}
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
