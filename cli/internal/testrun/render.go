package testrun

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/worker"
)

// renderFlags are the flags of tasks render.
type renderFlags struct {
	conf, output  string
	mapIndex, try int
}

// NewRender makes the command tasks render.
func NewRender(a *app.App) *cobra.Command {
	var f renderFlags
	cmd := &cobra.Command{
		Use:   "render DAG TASK [LOGICAL_DATE | RUN_ID]",
		Short: "Print the templated fields of a task: as they would be, or as they were in a run",
		Long: `With a date, or without one, it renders the task as the DAG file defines it now, for a run that
need not exist.

With a RUN_ID it prints what the last try of that run rendered, or the one that --try names.
This is kept for the newest runs of each DAG (setting max_num_rendered_ti_fields_per_task),
with secrets masked and long values cut. Where nothing was kept it renders again, with the
version of the DAG, the dates, the conf and the XComs of the run, and says so.`,
		Example: "  dingdag tasks render my_dag my_task 2026-01-31\n" +
			"  dingdag tasks render my_dag my_task scheduled__2026-01-31T00:00:00+00:00 --try 1",
		Args: command.RangeArgs(2, "DAG", "TASK", "LOGICAL_DATE or RUN_ID"), ValidArgsFunction: a.CompleteTasks,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runTasksRender(cmd.Context(), a, f, args[0], args[1], args[2:]...)
		},
	}
	cmd.Flags().StringVarP(&f.conf, "conf", "c", "", "JSON object for the conf and params of a run that need not exist")
	cmd.Flags().IntVar(&f.try, "try", 0, "number of the try of a run (default: the last)")
	command.MapIndexFlag(cmd, &f.mapIndex)
	show.OutputFlag(cmd, &f.output)
	return cmd
}

func runTasksRender(ctx context.Context, a *app.App, f renderFlags, dagID, taskID string, of ...string) error {
	if err := show.CheckOutput(f.output); err != nil {
		return err
	}
	r, err := namedRun(ctx, a, dagID, of)
	if err != nil {
		return err
	}
	var fields []worker.RenderedField
	switch {
	case r != nil && f.conf != "":
		return command.Usagef("--conf: run %s has its own conf: give a date instead of the run, or leave it out", r.RunID)
	case r != nil:
		fields, err = renderedIn(ctx, a, r, taskID, f)
	case f.try != 0:
		return command.Usagef("--try: name the run: %s", a.Command("tasks", "render", dagID, taskID, "RUN_ID", "--try", strconv.Itoa(f.try)))
	default:
		fields, err = renderNew(ctx, a, dagID, taskID, f, of)
	}
	if err != nil {
		return err
	}
	return printFields(a, fields, f.output)
}

// namedRun is the run that the last argument names; nil when it is a date, or there is none.
func namedRun(ctx context.Context, a *app.App, dagID string, of []string) (*api.Run, error) {
	if len(of) == 0 || of[0] == "" {
		return nil, nil
	}
	_, notDate := a.ParseDate(of[0])
	if ok, err := a.HasStore(); err != nil || !ok {
		if err == nil && notDate != nil {
			err = fmt.Errorf("%q is neither a date nor a run of dag %q: there are no runs in %s", of[0], dagID, a.Place())
		}
		return nil, err
	}
	s, err := a.OpenStore(ctx)
	if err != nil {
		return nil, err
	}
	r, err := a.APIOn(s).Run(ctx, dagID, of[0])
	if errors.Is(err, store.ErrNotFound) && notDate == nil {
		return nil, nil
	}
	return &r, err
}

// renderNew renders a task for a run that there need not be.
func renderNew(ctx context.Context, a *app.App, dagID, taskID string, f renderFlags, date []string) ([]worker.RenderedField, error) {
	t, err := trigger(a, f.conf, date)
	if err != nil {
		return nil, err
	}
	d, task, err := a.DAGs.FindTask(dagID, taskID)
	if err != nil {
		return nil, err
	}
	a.ShowIn(d)
	e, err := testEngine(ctx, a, os.DevNull, "")
	if err != nil {
		return nil, err
	}
	return e.RenderTask(ctx, d, task.ID, f.mapIndex, t)
}

// renderedIn is what a task of a run rendered.
func renderedIn(ctx context.Context, a *app.App, r *api.Run, taskID string, f renderFlags) ([]worker.RenderedField, error) {
	ask, err := a.API(ctx)
	if err != nil {
		return nil, err
	}
	out, err := ask.Rendered(ctx, api.TryQuery{DAGID: r.DAGID, TaskID: taskID, RunID: r.RunID, MapIndex: f.mapIndex, Try: f.try})
	if err != nil {
		return nil, err
	}
	if f.mapIndex < 0 && out.Instances > 1 {
		a.Notef("%s, %s, of %d instances; --map-index shows another one", out.Label, out.State, out.Instances)
	}
	if !out.Kept && !out.Same {
		why := fmt.Sprintf("what try %d of %s rendered in run %s was not kept", out.Try, taskID, r.RunID)
		if out.Try == 0 {
			why = fmt.Sprintf("%s has not run in run %s", taskID, r.RunID)
		}
		a.Notef("%s: this is rendered now, with the version, dates, conf and XComs of the run", why)
	}
	return out.Fields, nil
}

// printFields prints templated fields: for people each one below its name.
func printFields(a *app.App, fields []worker.RenderedField, output string) error {
	if is, err := show.Whole(a.Out, output, fields); is {
		return err
	}
	for _, f := range fields {
		text, ok := f.Value.(string)
		if !ok {
			b, err := json.MarshalIndent(f.Value, "", "  ")
			if err != nil {
				return err
			}
			text = string(b)
		}
		fmt.Fprintf(a.Out, "# %s\n%s\n", f.Name, show.Shown(a.Out, text))
	}
	return nil
}
