package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/store"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/engine"
)

func newCmdDAGsWhy(a *app) *cobra.Command {
	var at, output string
	cmd := &cobra.Command{
		Use:   "why DAG",
		Short: "Tell why a run of a DAG did or did not start",
		Long: `Tells what became of the newest tick of the schedule that was due, now or at the time
that --at names: started, skipped, missed or waiting, and why.`,
		Example: "  dingdag dags why my_dag\n  dingdag dags why my_dag --at 2026-03-01T09:00:00+08:00",
		Args:    exactArgs("DAG"), ValidArgsFunction: a.completeDAGs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runDAGsWhy(cmd.Context(), a, args[0], at, output)
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "the time to look at (default now)")
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text|json|yaml")
	completeWords(cmd, "output", "text", "json", "yaml")
	return cmd
}

type whyRow struct {
	DAGID   string            `json:"dag_id"`
	At      time.Time         `json:"at"`
	Tick    *time.Time        `json:"tick"`
	Outcome store.TickOutcome `json:"outcome,omitempty"`
	Reason  string            `json:"reason"`
	RunID   string            `json:"run_id,omitempty"`
	Next    *time.Time        `json:"next"`
}

func runDAGsWhy(ctx context.Context, a *app, id, at, output string) error {
	if output != "text" && output != "json" && output != "yaml" {
		return usagef("unknown output %q: use text, json, yaml", output)
	}
	d, problem := a.findDAG(id)
	now := clock()
	when := now
	if at != "" {
		var err error
		if when, err = a.parseDate(at); err != nil {
			return usagef("--at: %w", err)
		}
	}
	if problem == nil {
		a.showIn(d)
	}
	if when.After(now) {
		return usagef("--at %s lies ahead: dingdag dags next-execution %s tells what comes", a.date(when), id)
	}
	var w *engine.Why
	if problem != nil {
		var err error
		if w, err = a.whyBroken(ctx, id, when, now, problem); err != nil {
			return err
		}
		if w == nil {
			return problem
		}
	} else {
		s, err := a.openStore(ctx)
		if err != nil {
			return err
		}
		if w, err = engine.WhyRun(ctx, s, d, when, now); err != nil {
			return err
		}
	}
	row := whyRow{DAGID: id, At: when.UTC(), Tick: optional(w.Tick), Outcome: w.Outcome, Reason: w.Reason, Next: optional(w.Next)}
	if w.Run != nil {
		row.RunID = w.Run.RunID
	}
	switch output {
	case "json":
		return printJSON(a.Out, row)
	case "yaml":
		return printYAML(a.Out, row)
	}
	if w.Outcome == "" {
		fmt.Fprintf(a.Out, "not due: %s\n", a.moments(w.Reason))
	} else {
		fmt.Fprintf(a.Out, "%s: the tick at %s: %s\n", w.Outcome, a.date(w.Tick), a.moments(w.Reason))
	}
	if !w.Next.IsZero() {
		fmt.Fprintf(a.Out, "next at %s\n", a.date(w.Next))
	}
	return nil
}

// whyBroken tells why a run did or did not start although the file of its DAG can't be
// loaded, by the last version that could be. It is nil when nobody knew the DAG.
func (a *app) whyBroken(ctx context.Context, id string, at, now time.Time, problem error) (*engine.Why, error) {
	broken, ok := errors.AsType[*brokenError](problem)
	if !ok {
		return nil, nil
	}
	if ok, err := a.storeExists(); err != nil || !ok {
		return nil, err
	}
	e, err := a.asker(ctx)
	if err != nil {
		return nil, err
	}
	return e.WhyBroken(ctx, id, at, now, broken.problems)
}

func newCmdTasksWhy(a *app) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "why DAG TASK [RUN_ID]", Aliases: []string{"failed-deps"},
		Short: "Tell why a task waits or did not run",
		Long: `Tells why the instances of a task have the state they have in a run, the newest one unless
named: which upstream task, pool, limit, pause, retry or run before holds them.`,
		Example: "  dingdag tasks why my_dag my_task",
		Args:    rangeArgs(2, "DAG", "TASK", "RUN_ID"), ValidArgsFunction: a.completeTasks,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runTasksWhy(cmd.Context(), a, args[0], args[1], output, args[2:]...)
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

type taskWhyRow struct {
	DAGID    string `json:"dag_id"`
	RunID    string `json:"run_id"`
	TaskID   string `json:"task_id"`
	MapIndex int    `json:"map_index"`
	State    string `json:"state"`
	Reason   string `json:"reason"`
}

func runTasksWhy(ctx context.Context, a *app, dagID, taskID, output string, runID ...string) error {
	if err := checkOutput(output); err != nil {
		return err
	}
	s, r, err := a.findRun(ctx, dagID, runID...)
	if err != nil {
		return err
	}
	a.showInZoneOf(ctx, s, r.Version)
	e, err := a.asker(ctx)
	if err != nil {
		return err
	}
	whys, err := e.WhyTask(ctx, r, taskID)
	if errors.Is(err, store.ErrNotFound) {
		if _, _, ferr := a.findTask(dagID, taskID); ferr != nil {
			return ferr
		}
	}
	if err != nil {
		return err
	}
	l := listing{columns: []string{"Task", "State", "Why"}, wrap: []string{"Why"}}
	for _, w := range whys {
		in := store.Instance{TaskID: taskID, MapIndex: w.MapIndex}
		l.add(taskWhyRow{dagID, r.RunID, taskID, w.MapIndex, w.State.String(), w.Reason}, in.Label(), w.State.String(), a.moments(w.Reason))
	}
	return l.print(a.Out, output)
}
