package cli

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
)

func newCmdDAGsRuns(a *app) *cobra.Command {
	var (
		state, output string
		limit         int
	)
	cmd := &cobra.Command{
		Use: "list-runs DAG", Short: "List the runs of a DAG, newest first", Example: "  dingdag dags list-runs my_dag --state failed",
		Args: exactArgs("DAG"), ValidArgsFunction: a.completeDAGs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runDAGsRuns(cmd.Context(), a, args[0], state, output, limit)
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "only runs in this state: queued, running, success or failed")
	completeWords(cmd, "state", "queued", "running", "success", "failed")
	cmd.Flags().IntVar(&limit, "limit", 50, "at most so many runs")
	outputFlag(cmd, &output)
	return cmd
}

type runRow struct {
	DAGID         string          `json:"dag_id"`
	RunID         string          `json:"run_id"`
	Type          dag.RunType     `json:"run_type"`
	State         dag.RunState    `json:"state"`
	Reason        string          `json:"reason,omitempty"`
	LogicalDate   *time.Time      `json:"logical_date"`
	IntervalStart *time.Time      `json:"data_interval_start"`
	IntervalEnd   *time.Time      `json:"data_interval_end"`
	RunAfter      *time.Time      `json:"run_after"`
	StartDate     *time.Time      `json:"start_date"`
	EndDate       *time.Time      `json:"end_date"`
	Conf          json.RawMessage `json:"conf,omitempty"`
}

func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func runDAGsRuns(ctx context.Context, a *app, id, state, output string, limit int) error {
	if err := checkOutput(output); err != nil {
		return err
	}
	filter := engine.RunFilter{DAGID: id, Limit: limit}
	switch s := dag.RunState(state); s {
	case "":
	case dag.RunQueued, dag.RunRunning, dag.RunSuccess, dag.RunFailed:
		filter.States = []dag.RunState{s}
	default:
		return usagef("unknown state %q: use queued, running, success or failed", state)
	}
	s, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	runs, err := s.Runs(ctx, filter)
	if err != nil {
		return err
	}
	if len(runs) == 0 {
		if _, err := s.DAG(ctx, id); errors.Is(err, engine.ErrNotFound) {
			if _, err := a.findDAG(id); err != nil {
				return err
			}
		}
	}
	l := listing{columns: []string{"Run", "State", "Reason", "Logical date", "Start", "End"}}
	for _, r := range runs {
		l.add(runRow{
			r.DAGID, r.RunID, r.Type, r.State, r.Reason, optional(r.LogicalDate), optional(r.IntervalStart), optional(r.IntervalEnd),
			optional(r.RunAfter), optional(r.StartDate), optional(r.EndDate), r.Conf,
		}, r.RunID, string(r.State), r.Reason, date(r.LogicalDate), date(r.StartDate), date(r.EndDate))
	}
	return l.print(a.Out, output)
}
