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
	Due           bool      `json:"due_now"`
}

func newNextRow(r timetable.Run, now time.Time) nextRow {
	return nextRow{r.RunAfter.UTC(), r.LogicalDate.UTC(), r.Interval.Start.UTC(), r.Interval.End.UTC(), !r.RunAfter.After(now)}
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
	a.showIn(d)
	last, err := a.lastScheduled(ctx, id)
	if err != nil {
		return err
	}
	known, err := a.pausedDAGs(ctx)
	if err != nil {
		return err
	}
	l := listing{columns: []string{"Run after", "Logical date", "Data interval"}, wrap: []string{"Data interval"}}
	now := clock()
	for range n {
		r, ok := nextRun(d, last)
		if !ok {
			break
		}
		l.add(newNextRow(r, now),
			a.dueNow(r.RunAfter, now), a.date(r.LogicalDate), fmt.Sprintf("[%s, %s)", a.date(r.Interval.Start), a.date(r.Interval.End)))
		last = &r.Interval
		if d.ScheduleText == "@continuous" {
			a.notef("dag %s runs again as soon as the run before has ended: when that is, nobody knows", id)
			break
		}
	}
	if d.Assets != nil {
		if err := sayAssets(ctx, a, d); err != nil {
			return err
		}
	} else if len(l.rows) == 0 {
		fmt.Fprintf(a.Err, "dag %s has no next run: its schedule is %s\n", id, d.ScheduleSummary())
	}
	if isPaused(known, d, a.cfg.PausedAtCreation) {
		fmt.Fprintf(a.Err, "dag %s is paused: nothing runs until dingdag dags unpause %s\n", id, id)
	}
	l.zone = a.showZone()
	return l.print(a.Out, output)
}
