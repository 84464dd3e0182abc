package cli

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/spf13/cobra"
)

func newCmdTasksXComs(a *app) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "xcoms DAG [RUN_ID]",
		Short: "List what the tasks of a run have returned and pushed, of the newest run unless one is named",
		Example: "  dingdag tasks xcoms my_dag\n" +
			"  dingdag tasks xcoms my_dag manual__2026-01-31T00:00:00+00:00 -o json",
		Args: rangeArgs(1, "DAG", "RUN_ID"), ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			runID := ""
			if len(args) > 1 {
				runID = args[1]
			}
			return runTasksXComs(cmd.Context(), a, args[0], runID, output)
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

type xcomRow struct {
	TaskID   string          `json:"task_id"`
	MapIndex int             `json:"map_index"`
	Key      string          `json:"key"`
	Value    json.RawMessage `json:"value"`
}

func runTasksXComs(ctx context.Context, a *app, dagID, runID, output string) error {
	s, r, err := a.findRun(ctx, dagID, runID)
	if err != nil {
		return err
	}
	xs, err := s.RunXComs(ctx, r.Key)
	if err != nil {
		return err
	}
	l := listing{columns: []string{"Task", "Map index", "Key", "Value"}, wrap: []string{"Value"}, drop: []string{"Map index"}}
	for _, x := range xs {
		masked := string(a.maskerOnce().MaskJSON(x.Value))
		index := ""
		if x.MapIndex >= 0 {
			index = strconv.Itoa(x.MapIndex)
		}
		l.add(xcomRow{x.TaskID, x.MapIndex, x.Key, json.RawMessage(masked)}, x.TaskID, index, x.Key, masked)
	}
	return l.print(a.Out, output)
}
