package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/store"
)

func newCmdDAGsWhy(a *app.App) *cobra.Command {
	var at, output string
	cmd := &cobra.Command{
		Use:   "why DAG",
		Short: "Tell why a run of a DAG did or did not start",
		Long: `Tells what became of the newest tick of the schedule that was due, now or at the time
that --at names: started, skipped, missed or waiting, and why.`,
		Example: "  dingdag dags why my_dag\n  dingdag dags why my_dag --at 2026-03-01T09:00:00+08:00",
		Args:    command.ExactArgs("DAG"), ValidArgsFunction: a.CompleteDAGs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runDAGsWhy(cmd.Context(), a, args[0], at, output)
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "the time to look at (default now)")
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text|json|yaml")
	command.CompleteWords(cmd, "output", "text", "json", "yaml")
	return cmd
}

func runDAGsWhy(ctx context.Context, a *app.App, id, at, output string) error {
	if output != "text" && output != "json" && output != "yaml" {
		return command.Usagef("unknown output %q: use text, json, yaml", output)
	}
	when := a.Clock()
	if at != "" {
		var err error
		if when, err = a.ParseDate(at); err != nil {
			return command.Usagef("--at: %w", err)
		}
	}
	if when.After(a.Clock()) {
		if d, err := a.DAGs.Find(id); err == nil {
			a.ShowIn(d)
		}
		return command.Usagef("--at %s is in the future: %s shows what comes next", a.Date(when), a.Command("dags", "next-execution", id))
	}
	if ok, err := a.HasStore(); err != nil {
		return err
	} else if !ok {
		// A store is made for a DAG that can be loaded only.
		if _, err := a.DAGs.Find(id); err != nil {
			return err
		}
	}
	ask, err := a.API(ctx)
	if err != nil {
		return err
	}
	w, err := ask.WhyRun(ctx, id, when)
	if err != nil {
		return err
	}
	if w.DAG != nil {
		a.ShowIn(w.DAG)
	}
	if is, err := show.Whole(a.Out, output, w); is {
		return err
	}
	if w.Outcome == "" {
		fmt.Fprintf(a.Out, "not due: %s\n", a.Moments(w.Reason))
	} else {
		fmt.Fprintf(a.Out, "%s: the tick at %s: %s\n", w.Outcome, a.Date(moment(w.Tick)), a.Moments(w.Reason))
	}
	if w.Next != nil {
		fmt.Fprintf(a.Out, "next at %s\n", a.Date(*w.Next))
	}
	return nil
}

func newCmdTasksWhy(a *app.App) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "why DAG TASK [RUN_ID]", Aliases: []string{"failed-deps"},
		Short: "Tell why a task waits or did not run",
		Long: `Tells why the instances of a task are in their state in a run, by default the newest: which
upstream task, pool, limit, pause, retry or earlier run holds them back.`,
		Example: "  dingdag tasks why my_dag my_task",
		Args:    command.RangeArgs(2, "DAG", "TASK", "RUN_ID"), ValidArgsFunction: a.CompleteTasks,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runTasksWhy(cmd.Context(), a, args[0], args[1], command.Argument(args, 2), output)
		},
	}
	show.OutputFlag(cmd, &output)
	return cmd
}

func runTasksWhy(ctx context.Context, a *app.App, dagID, taskID, runID, output string) error {
	if err := show.CheckOutput(output); err != nil {
		return err
	}
	ask, err := a.API(ctx)
	if err != nil {
		return err
	}
	r, whys, err := ask.WhyTask(ctx, dagID, taskID, runID)
	if err != nil {
		return err
	}
	a.ShowInZoneOf(ctx, ask, r.Version)
	l := show.List{Columns: []string{"Task", "State", "Why"}, Wrap: []string{"Why"}}
	for _, w := range whys {
		in := store.Instance{TaskID: taskID, MapIndex: w.MapIndex}
		l.Add(w, in.Label(), w.State, a.Moments(w.Reason))
	}
	return l.Print(a.Out, output)
}
