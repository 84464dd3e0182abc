package app

import (
	"strings"

	"github.com/dingdag/dingdag/cli/internal/settings"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/cli/internal/show"
)

// runsOffered is how many of the newest runs of a DAG the shell is offered.
const runsOffered = 50

// Completer offers what may stand in the place of one argument, given those before it. Each
// offer may have a description behind a tab.
type Completer func(a *App, cmd *cobra.Command, before []string) ([]string, error)

// Complete offers the words of each argument in turn, those that begin with what is typed.
func (a *App) Complete(each ...Completer) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= len(each) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		settings.ReadFlags(cmd, a.Flags)
		words, err := each[len(args)](a, cmd, args)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var out []string
		for _, w := range words {
			if strings.HasPrefix(w, typed) {
				out = append(out, w)
			}
		}
		// The order is that of the list: the newest run first.
		return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}

// DagWords are the DAGs of the DAGs folder.
func DagWords(a *App, _ *cobra.Command, _ []string) ([]string, error) {
	ix, err := a.DAGs.Index()
	if err != nil {
		return nil, err
	}
	dags := ix.DAGs()
	out := make([]string, len(dags))
	for i, d := range dags {
		out[i] = d.ID + "\t" + show.OneLine(d.Description)
	}
	return out, nil
}

// TaskWords are the tasks of the DAG that the first argument names.
func TaskWords(a *App, _ *cobra.Command, before []string) ([]string, error) {
	d, err := a.DAGs.Find(before[0])
	if err != nil {
		return nil, err
	}
	out := make([]string, len(d.Tasks))
	for i, t := range d.Tasks {
		out[i] = t.ID + "\t" + t.Operator
	}
	return out, nil
}

// RunWords are the newest runs of the DAG that the first argument names. Nothing is made to
// look for them.
func RunWords(a *App, cmd *cobra.Command, before []string) ([]string, error) {
	ask, err := a.Look(cmd.Context())
	if err != nil {
		return nil, err
	}
	rs, err := ask.Runs(cmd.Context(), api.RunQuery{DAGID: before[0], Page: api.Page{Limit: runsOffered}})
	out := make([]string, len(rs.Items))
	for i, r := range rs.Items {
		out[i] = r.RunID + "\t" + string(r.State)
	}
	return out, err
}

// CompleteDAGs offers a DAG.
func (a *App) CompleteDAGs(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	return a.Complete(DagWords)(cmd, args, typed)
}

// CompleteRuns offers a DAG and a run of it.
func (a *App) CompleteRuns(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	return a.Complete(DagWords, RunWords)(cmd, args, typed)
}

// CompleteTasks offers a DAG, a task and a run.
func (a *App) CompleteTasks(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	return a.Complete(DagWords, TaskWords, RunWords)(cmd, args, typed)
}

// CompleteRunFlag offers the runs of the DAG that the first argument names as the value of a
// flag.
func (a *App) CompleteRunFlag(cmd *cobra.Command, flag string) {
	err := cmd.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.Complete(nil, RunWords)(cmd, args[:1], typed)
	})
	if err != nil {
		panic(err) // the flag was added a line before
	}
}
