package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/obstacles"
	"github.com/dingdag/dingdag/cli/internal/reference"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/cli/internal/testrun"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
)

func newCmdDAGs(a *app.App) *cobra.Command {
	cmd := &cobra.Command{Use: "dags", Short: "List, check, show, test and trigger DAGs, and run them again", Example: "  dingdag dags list\n  dingdag dags test my_dag"}
	cmd.AddCommand(
		newCmdDAGsList(a), newCmdDAGsValidate(a), newCmdDAGsShow(a), testrun.NewDAG(a), newCmdDAGsTrigger(a),
		newCmdDAGsPause(a, true), newCmdDAGsPause(a, false), newCmdDAGsNext(a), newCmdDAGsRuns(a), newCmdDAGsErrors(a), reference.NewConvert(a),
		newCmdDAGsClear(a), newCmdDAGsMark(a, dag.Success), newCmdDAGsMark(a, dag.Failed), newCmdDAGsState(a), newCmdDAGsWhy(a), newCmdBackfill(a), newCmdDAGsDelete(a), newCmdDAGsDeleteRun(a),
	)
	return cmd
}

func newCmdDAGsErrors(a *app.App) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "list-import-errors", Short: "List what is wrong with the DAG files; exit code 1 if anything is",
		Example: "  dingdag dags list-import-errors", Args: command.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := show.CheckOutput(output); err != nil {
				return err
			}
			res, err := a.DAGs.Read()
			if err != nil {
				return err
			}
			own, err := a.OwnFiles(cmd.Context())
			if err != nil {
				return err
			}
			return printDiagnostics(a, own.Of(res.Diagnostics), output, false)
		},
	}
	show.OutputFlag(cmd, &output)
	return cmd
}

// printDiagnostics prints findings: one line each in the compilers' form, or as a list.
// Errors, and with strict warnings too, make the command fail.
func printDiagnostics(a *app.App, ds dag.Diagnostics, output string, strict bool) error {
	l := show.List{Columns: []string{"Place", "Severity", "DAG", "Task", "Problem"}}
	for _, d := range ds {
		l.Add(d, fmt.Sprintf("%s:%d:%d", d.File, d.Line, d.Column), string(d.Severity), d.DAGID, d.TaskID, d.Text)
	}
	if output == "table" || output == "plain" {
		for _, d := range ds {
			fmt.Fprintln(a.Out, show.Shown(a.Out, d.String()))
		}
	} else if err := l.Print(a.Out, output); err != nil {
		return err
	}
	if ds.HasErrors() || strict && len(ds) > 0 {
		return command.ErrQuiet
	}
	return nil
}

func newCmdDAGsValidate(a *app.App) *cobra.Command {
	var (
		output         string
		strict, report bool
	)
	cmd := &cobra.Command{
		Use:   "validate [PATH…]",
		Short: "Check DAG files or folders without running anything",
		Long: `Checks everything that can be checked without running: YAML, keys, values, schedules,
dependencies, operators' parameters and template syntax. Every problem is printed at
once as file:line:column: severity: text.

With --report it prints how many files load, and a line for each kind of problem: how many
files have it, what to do, and one of the places. Begin with that when you move here with
many files.`,
		Example: "  dingdag dags validate\n  dingdag dags validate dags/orders.yaml --strict\n  dingdag dags validate dags --report",
		RunE: func(_ *cobra.Command, args []string) error {
			if err := show.CheckOutput(output); err != nil {
				return err
			}
			res, err := a.DAGs.Read(args...)
			if err != nil {
				return err
			}
			if report {
				return reportObstacles(a, args, res, output, strict)
			}
			if err := printDiagnostics(a, res.Diagnostics, output, strict); err != nil {
				return err
			}
			if output == "table" || output == "plain" {
				fmt.Fprintf(a.Out, "no errors in %s\n", countDAGs(len(res.DAGs)))
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "fail on warnings too")
	cmd.Flags().BoolVar(&report, "report", false, "print how many files load, and each kind of problem once")
	show.OutputFlag(cmd, &output)
	return cmd
}

// reportObstacles sums up what loading the files at the paths gave.
func reportObstacles(a *app.App, paths []string, res dagfile.Result, output string, strict bool) error {
	files, err := a.DAGs.Files(paths...)
	if err != nil {
		return err
	}
	r := obstacles.Of(files, res)
	whole, err := show.Whole(a.Out, output, r)
	if err == nil && !whole {
		err = r.Print(a.Out, output)
	}
	if err == nil && (res.Diagnostics.HasErrors() || strict && len(res.Diagnostics) > 0) {
		err = command.ErrQuiet
	}
	return err
}

func countDAGs(n int) string {
	if n == 1 {
		return "1 DAG"
	}
	return strconv.Itoa(n) + " DAGs"
}

func newCmdDAGsShow(a *app.App) *cobra.Command {
	var format, output string
	formats, forms := []string{"tree", "mermaid", "dot"}, []string{"text", "json", "yaml"}
	cmd := &cobra.Command{
		Use: "show DAG", Short: "Print a DAG and its settings as a tree, as JSON or YAML, or its graph as Mermaid or DOT",
		Example: "  dingdag dags show my_dag\n  dingdag dags show my_dag -o json\n  dingdag dags show my_dag --format mermaid",
		Args:    command.ExactArgs("DAG"), ValidArgsFunction: a.CompleteDAGs,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case !slices.Contains(formats, format):
				return command.Usagef("unknown format %q: use %s", format, strings.Join(formats, ", "))
			case !slices.Contains(forms, output):
				return command.Usagef("unknown output %q: use %s", output, strings.Join(forms, ", "))
			case output != "text" && cmd.Flags().Changed("format"):
				return command.Usagef("--format %s is text: leave out --output %s", format, output)
			}
			d, err := a.DAGs.Find(args[0])
			if err != nil {
				return err
			}
			if output == "text" {
				return showDAG(a, d, format)
			}
			ask, err := a.Look(cmd.Context())
			if err != nil {
				return err
			}
			shown, err := ask.Details(cmd.Context(), d)
			if err != nil {
				return err
			}
			if output == "json" {
				return show.JSON(a.Out, shown)
			}
			return show.YAML(a.Out, shown)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", strings.Join(forms, "|"))
	command.CompleteWords(cmd, "output", forms...)
	cmd.Flags().StringVar(&format, "format", "tree", strings.Join(formats, "|"))
	command.CompleteWords(cmd, "format", formats...)
	return cmd
}

func showDAG(a *app.App, d *dag.DAG, format string) error {
	switch format {
	case "mermaid":
		return d.Mermaid(a.Out)
	case "dot":
		return d.DOT(a.Out)
	}
	a.ShowIn(d)
	ask := a.APIOn(nil) // what the file says, whatever has run
	facts := [][2]string{
		{"dag", d.ID},
		{"file", fmt.Sprintf("%s:%d", d.Pos.File, d.Pos.Line)},
		{"description", d.Description},
		{"schedule", d.ScheduleSummary()},
		{"start_date", a.Date(d.StartDate)},
		{"end_date", a.Date(d.EndDate)},
		{"catchup", fmt.Sprintf("%t (only the newest missed run is made up unless true)", d.Catchup)},
		{"max_active_runs", strconv.Itoa(d.MaxActiveRuns)},
		{"max_active_tasks", strconv.Itoa(d.MaxActiveTasks)},
		{"paused when new", strconv.FormatBool(ask.PausedWhenNew(d))},
		{"tags", strings.Join(d.Tags, ", ")},
	}
	for _, f := range api.TemplateFiles(d) {
		facts = append(facts, [2]string{"template file", f.Name + " " + cmp.Or(f.SHA256, "cannot be read")})
	}
	if r, ok := ask.FirstRun(d); ok {
		facts = append(facts, [2]string{"next run", describeRun(a, r)})
	}
	for _, t := range d.Tasks {
		if len(t.Outlets) > 0 {
			facts = append(facts, [2]string{"outlets of " + t.ID, assetNames(t.Outlets)})
		}
	}
	for _, f := range facts {
		if f[1] != "" {
			fmt.Fprintf(a.Out, "%-16s %s\n", f[0], f[1])
		}
	}
	fmt.Fprintln(a.Out)
	return d.Tree(a.Out)
}

func describeRun(a *app.App, r api.NextRun) string {
	return fmt.Sprintf("run_after %s, logical_date %s, data_interval [%s, %s)",
		a.DueNow(r.RunAfter), a.Date(r.LogicalDate), a.Date(r.IntervalStart), a.Date(r.IntervalEnd))
}

func newCmdDAGsTrigger(a *app.App) *cobra.Command {
	var (
		runID, conf, logical string
		wait                 bool
	)
	cmd := &cobra.Command{
		Use:   "trigger DAG",
		Short: "Create a manual run for the running scheduler",
		Long: `Asks the scheduler on the same home folder for a run: it checks the params, creates the run
with its own version of the DAG file, and starts it within a second; while the DAG is paused
the run stays queued. While no scheduler is running, the run is created in the store and
waits for the next one.

With --wait it shows the progress of the run and exits with code 1 if the run fails. Ctrl-C
ends the wait, not the run.`,
		Example: "  dingdag dags trigger my_dag --wait\n  dingdag dags trigger my_dag --conf '{\"day\": \"2026-01-31\"}'",
		Args:    command.ExactArgs("DAG"), ValidArgsFunction: a.CompleteDAGs,
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := a.ParseDate(logical)
			if err != nil {
				return command.Usagef("--logical-date: %w", err)
			}
			if cmd.Flags().Changed("conf") && conf == "" {
				return command.Usagef("--conf: is empty: write a JSON object, or leave it out")
			}
			return runDAGsTrigger(cmd.Context(), a, api.Trigger{DAGID: args[0], RunID: runID, LogicalDate: at, Conf: json.RawMessage(conf)}, wait)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&runID, "run-id", "r", "", "id of the run (default manual__ and the moment)")
	f.StringVarP(&conf, "conf", "c", "", "JSON object for the run's conf and params")
	f.StringVarP(&logical, "logical-date", "l", "", "logical date, for instance 2026-01-31 or 2026-01-31T08:00:00+08:00 (default now)")
	f.BoolVarP(&wait, "wait", "w", false, "wait for the run to end")
	return cmd
}

func runDAGsTrigger(ctx context.Context, a *app.App, t api.Trigger, wait bool) error {
	ask, err := a.API(ctx)
	if err != nil {
		return err
	}
	if wait {
		if err := canWait(ctx, a, ask); err != nil {
			return err
		}
		t.NotPaused = true
	}
	done, err := ask.Trigger(ctx, t)
	if errors.Is(err, api.ErrPaused) {
		return fmt.Errorf("--wait: dag %s is paused, so nothing would start the run, and none was created: run dingdag dags unpause %s first, or leave out --wait", t.DAGID, t.DAGID)
	}
	if err := triggered(ctx, a, ask, done, err); err != nil || !wait {
		return err
	}
	return waitRun(ctx, a, ask, done)
}

// triggered tells of a run that was made, or why none was.
func triggered(ctx context.Context, a *app.App, ask *api.API, done *api.Triggered, err error) error {
	if fe, ok := errors.AsType[*api.FieldError](err); ok {
		// The text may begin with the name of the field, as the flag does.
		text := strings.TrimPrefix(fe.Err.Error(), strings.ReplaceAll(fe.Field, "_", " ")+" ")
		return command.Usagef("--%s: %s", strings.ReplaceAll(fe.Field, "_", "-"), text)
	}
	if err != nil {
		return unknownToScheduler(a, err)
	}
	a.ShowInZoneOf(ctx, ask, done.Run.Version)
	for _, w := range done.Warnings {
		fmt.Fprintln(a.Err, "warning: --"+w)
	}
	id := done.Run.DAGID
	if done.Paused {
		fmt.Fprintf(a.Err, "dag %s is paused: the run stays queued until dingdag dags unpause %s\n", id, id)
	}
	_, err = fmt.Fprintf(a.Out, "created run %s of dag %s, %s\n", done.Run.RunID, id, done.Run.State)
	return err
}

// unknownToScheduler names the places where a DAG is and where it is not.
func unknownToScheduler(a *app.App, err error) error {
	if ns, ok := errors.AsType[*api.NotScheduledError](err); ok {
		return fmt.Errorf("%w; it is in %s, but the dingdag that is running on %s does not have it: check its dags_folder and its log", ns.Err, a.Settings.DAGsFolder, a.Place())
	}
	return err
}

func newCmdDAGsPause(a *app.App, pause bool) *cobra.Command {
	verb, short := "pause", "Pause a DAG: it gets no new runs and its runs start no new tasks"
	if !pause {
		verb, short = "unpause", "Resume a paused DAG"
	}
	return &cobra.Command{
		Use: verb + " DAG", Short: short, Example: "  dingdag dags " + verb + " my_dag",
		Args: command.ExactArgs("DAG"), ValidArgsFunction: a.CompleteDAGs,
		RunE: func(cmd *cobra.Command, args []string) error {
			ask, err := a.API(cmd.Context())
			if err != nil {
				return err
			}
			if err := ask.Pause(cmd.Context(), args[0], pause); err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.Out, "dag %s is %sd\n", args[0], verb)
			return err
		},
	}
}
