package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/store"
)

// runsOffered is how many of the newest runs of a DAG the shell is offered.
const runsOffered = 50

// completer offers what may stand in the place of one argument, given those before it. Each
// offer may have a description behind a tab.
type completer func(a *app, cmd *cobra.Command, before []string) ([]string, error)

// complete offers the words of each argument in turn, those that begin with what is typed.
func (a *app) complete(each ...completer) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= len(each) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		a.readFlags(cmd)
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

// dagWords are the DAGs of the DAGs folder.
func dagWords(a *app, _ *cobra.Command, _ []string) ([]string, error) {
	ix, err := a.index()
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

// taskWords are the tasks of the DAG that the first argument names.
func taskWords(a *app, _ *cobra.Command, before []string) ([]string, error) {
	d, err := a.findDAG(before[0])
	if err != nil {
		return nil, err
	}
	out := make([]string, len(d.Tasks))
	for i, t := range d.Tasks {
		out[i] = t.ID + "\t" + t.Operator
	}
	return out, nil
}

// runWords are the newest runs of the DAG that the first argument names. Nothing is made to
// look for them.
func runWords(a *app, cmd *cobra.Command, before []string) ([]string, error) {
	ok, err := a.storeExists()
	if err != nil || !ok {
		return nil, err
	}
	s, err := a.openStore(cmd.Context())
	if err != nil {
		return nil, err
	}
	rs, err := s.Runs(cmd.Context(), store.RunFilter{DAGID: before[0], Limit: runsOffered})
	out := make([]string, len(rs))
	for i, r := range rs {
		out[i] = r.RunID + "\t" + string(r.State)
	}
	return out, err
}

// completeDAGs, completeRuns and completeTasks offer a DAG; a DAG and a run of it; a DAG, a
// task and a run.
func (a *app) completeDAGs(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	return a.complete(dagWords)(cmd, args, typed)
}

func (a *app) completeRuns(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	return a.complete(dagWords, runWords)(cmd, args, typed)
}

func (a *app) completeTasks(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	return a.complete(dagWords, taskWords, runWords)(cmd, args, typed)
}

// completeRunFlag offers the runs of the DAG that the first argument names as the value of a
// flag.
func (a *app) completeRunFlag(cmd *cobra.Command, flag string) {
	err := cmd.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.complete(nil, runWords)(cmd, args[:1], typed)
	})
	if err != nil {
		panic(err) // the flag was added a line before
	}
}
