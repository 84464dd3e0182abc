package cli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
)

func newCmdTasksXComs(a *app.App) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "xcoms DAG [RUN_ID]",
		Short: "List what the tasks of a run returned and pushed, by default the newest",
		Example: "  dingdag tasks xcoms my_dag\n" +
			"  dingdag tasks xcoms my_dag manual__2026-01-31T00:00:00+00:00 -o json",
		Args: command.RangeArgs(1, "DAG", "RUN_ID"), ValidArgsFunction: a.CompleteRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runTasksXComs(cmd.Context(), a, args[0], command.Argument(args, 1), output)
		},
	}
	show.OutputFlag(cmd, &output)
	return cmd
}

func runTasksXComs(ctx context.Context, a *app.App, dagID, runID, output string) error {
	ask, err := a.API(ctx)
	if err != nil {
		return err
	}
	xs, err := ask.XComs(ctx, dagID, runID)
	if err != nil {
		return err
	}
	l := show.List{Columns: []string{"Task", "Map index", "Key", "Value"}, Wrap: []string{"Value"}, Drop: []string{"Map index"}}
	for _, x := range xs {
		index := ""
		if x.MapIndex >= 0 {
			index = strconv.Itoa(x.MapIndex)
		}
		l.Add(x, x.TaskID, index, x.Key, string(x.Value))
	}
	return l.Print(a.Out, output)
}
