package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/timetable"
)

func newCmdDAGsNext(a *app) *cobra.Command {
	var (
		n      int
		output string
	)
	cmd := &cobra.Command{
		Use: "next-execution DAG", Short: "Print when a DAG runs next", Example: "  dingdag dags next-execution my_dag -n 5",
		Args: exactArgs("DAG"), ValidArgsFunction: a.completeDAGs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runDAGsNext(cmd.Context(), a, args[0], n, output)
		},
	}
	cmd.Flags().IntVarP(&n, "num-executions", "n", 1, "how many runs")
	outputFlag(cmd, &output)
	return cmd
}

type nextRow struct {
	RunAfter      time.Time `json:"run_after"`
	LogicalDate   time.Time `json:"logical_date"`
	IntervalStart time.Time `json:"data_interval_start"`
	IntervalEnd   time.Time `json:"data_interval_end"`
}

func runDAGsNext(ctx context.Context, a *app, id string, n int, output string) error {
	if err := checkOutput(output); err != nil {
		return err
	}
	if n < 1 {
		return usagef("-n %d: must be at least 1", n)
	}
	d, err := a.findDAG(id)
	if err != nil {
		return err
	}
	var last *timetable.Interval
	paused := isPaused(nil, d, a.cfg.PausedAtCreation)
	if ok, err := a.storeExists(); err != nil {
		return err
	} else if ok {
		s, err := a.openStore(ctx)
		if err != nil {
			return err
		}
		r, err := s.LastScheduled(ctx, id)
		if err != nil {
			return err
		}
		if r != nil {
			last = &timetable.Interval{Start: r.IntervalStart, End: r.IntervalEnd}
		}
		if st, err := s.DAG(ctx, id); err == nil {
			paused = st.Paused
		}
	}
	l := listing{columns: []string{"Run after", "Logical date", "Data interval"}}
	for range n {
		r, ok := nextRun(d, last)
		if !ok {
			break
		}
		l.add(nextRow{r.RunAfter, r.LogicalDate, r.Interval.Start, r.Interval.End},
			r.RunAfter.Format(time.RFC3339), r.LogicalDate.Format(time.RFC3339),
			fmt.Sprintf("[%s, %s)", r.Interval.Start.Format(time.RFC3339), r.Interval.End.Format(time.RFC3339)))
		last = &r.Interval
	}
	if d.Assets != nil {
		if err := sayAssets(ctx, a, d); err != nil {
			return err
		}
	} else if len(l.rows) == 0 {
		fmt.Fprintf(a.Err, "dag %s has no next run: its schedule is %s\n", id, d.ScheduleSummary())
	}
	if paused {
		fmt.Fprintf(a.Err, "dag %s is paused: nothing runs until dingdag dags unpause %s\n", id, id)
	}
	return l.print(a.Out, output)
}
