package cli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

func newCmdTasksTries(a *app.App) *cobra.Command {
	var (
		q      api.TryQuery
		output string
	)
	cmd := &cobra.Command{
		Use:   "tries DAG TASK [RUN_ID]",
		Short: "List the tries of a task in a run, the newest one unless one is named, with their errors",
		Long: `List the tries of a task in a run, the newest one unless one is named: when each began and
ended, on which host and in which process, and why it failed. Those before a task was cleared
count too. The log of each is what "tasks logs --try" prints.`,
		Example: "  dingdag tasks tries my_dag my_task\n  dingdag tasks tries my_dag my_task manual__2026-01-31T00:00:00+00:00 -o json",
		Args:    command.RangeArgs(2, "DAG", "TASK", "RUN_ID"), ValidArgsFunction: a.CompleteTasks,
		RunE: func(cmd *cobra.Command, args []string) error {
			q.DAGID, q.TaskID, q.RunID = args[0], args[1], command.Argument(args, 2)
			return runTasksTries(cmd.Context(), a, q, output)
		},
	}
	cmd.Flags().IntVar(&q.MapIndex, "map-index", -1, "only this instance of a mapped task; -1 is all")
	show.OutputFlag(cmd, &output)
	return cmd
}

func runTasksTries(ctx context.Context, a *app.App, q api.TryQuery, output string) error {
	if err := show.CheckOutput(output); err != nil {
		return err
	}
	ask, err := a.API(ctx)
	if err != nil {
		return err
	}
	tries, err := ask.Tries(ctx, q)
	if err != nil {
		return err
	}
	l := show.List{
		Columns: []string{"Run", "Task", "Try", "State", "Started", "Ended", "Duration", "Host", "PID", "Error"},
		Drop:    []string{"PID", "Host", "Ended", "Started"}, Wrap: []string{"Error"}, Once: "Run",
	}
	for _, t := range tries {
		row := store.Instance{TaskID: t.TaskID, MapIndex: t.MapIndex, RenderedMapIndex: t.RenderedMapIndex}
		start, end := moment(t.StartDate), moment(t.EndDate)
		until := start
		if t.State == dag.Running.String() {
			until = a.Clock()
		}
		l.Add(t, t.RunID, row.Label(), strconv.Itoa(t.TryNumber), t.State, a.Date(start), a.Date(end), show.Took(start, end, until),
			t.Hostname, pid(t.PID), t.Error)
	}
	l.Zone = a.ShowZone()
	return l.Print(a.Out, output)
}

// pid is empty where none was recorded.
func pid(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
