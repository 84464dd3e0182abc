package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/dag"
)

func newCmdDAGsNext(a *app.App) *cobra.Command {
	var (
		n      int
		output string
	)
	cmd := &cobra.Command{
		Use: "next-execution DAG", Short: "Print when a DAG runs next", Example: "  dingdag dags next-execution my_dag -n 5",
		Args: command.ExactArgs("DAG"), ValidArgsFunction: a.CompleteDAGs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runDAGsNext(cmd.Context(), a, args[0], n, output)
		},
	}
	cmd.Flags().IntVarP(&n, "num-executions", "n", 1, "how many runs")
	show.OutputFlag(cmd, &output)
	return cmd
}

func runDAGsNext(ctx context.Context, a *app.App, id string, n int, output string) error {
	if err := show.CheckOutput(output); err != nil {
		return err
	}
	if n < 1 {
		return command.Usagef("-n %d: must be at least 1", n)
	}
	d, err := a.DAGs.Find(id)
	if err != nil {
		return err
	}
	a.ShowIn(d)
	ask, err := a.Look(ctx)
	if err != nil {
		return err
	}
	next, err := ask.Next(ctx, d, n)
	if err != nil {
		return err
	}
	l := show.List{Columns: []string{"Run after", "Logical date", "Data interval"}, Wrap: []string{"Data interval"}}
	for _, r := range next.Runs {
		l.Add(r, a.DueNow(r.RunAfter), a.Date(r.LogicalDate), fmt.Sprintf("[%s, %s)", a.Date(r.IntervalStart), a.Date(r.IntervalEnd)))
	}
	switch {
	case d.Assets != nil:
		sayAssets(a, d, next.Assets)
	case len(next.Runs) == 0:
		fmt.Fprintf(a.Err, "dag %s has no next run: its schedule is %s\n", id, d.ScheduleSummary())
	case d.ScheduleText == "@continuous":
		a.Notef("dag %s runs again as soon as the previous run has ended, at a time that is not known yet", id)
	}
	if next.Paused {
		fmt.Fprintf(a.Err, "dag %s is paused: nothing runs until dingdag dags unpause %s\n", id, id)
	}
	l.Zone = a.ShowZone()
	return l.Print(a.Out, output)
}

// sayAssets tells what a DAG that runs by assets waits for.
func sayAssets(a *app.App, d *dag.DAG, awaited []api.AwaitedAsset) {
	fmt.Fprintf(a.Err, "dag %s runs when updated: %s\n", d.ID, d.Assets)
	for _, x := range awaited {
		since := "not updated since the last run"
		if x.UpdatedAt != nil {
			since = "updated at " + a.Date(*x.UpdatedAt)
		}
		fmt.Fprintf(a.Err, "  %s: %s\n", x.Name, since)
	}
}
