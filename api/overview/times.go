package overview

import (
	"context"
	"maps"
	"slices"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/store"
)

// TimesQuery selects what [Overview.Times] tells.
type TimesQuery struct {
	DAGID string
	// Task is the one of which the states are told, empty for all tasks.
	Task string
	// Runs bounds how many runs there are, Cells how many states of tasks: of a DAG with many tasks those of fewer runs
	// are told.
	Runs, Cells int
}

// Times is when the last runs of a DAG and their tasks began and ended.
type Times struct {
	// Runs are the newest ones, the oldest of them first.
	Runs []api.Run
	// Tasks are those of the newest run in the order of its version.
	Tasks []string
	// Cells are the states of tasks by task, for each of the last runs that are told; those before have none.
	Cells map[string][]TimedCell
	// Told is of how many runs the states of tasks are told.
	Told int
}

// TimedCell is a task in a run.
type TimedCell struct {
	Cell

	// Run is the number of the run in [Times.Runs].
	Run int
}

// Times tells it.
func (o *Overview) Times(ctx context.Context, q TimesQuery) (*Times, error) {
	l, err := o.o.API.Runs(ctx, api.RunQuery{DAGID: q.DAGID, Page: api.Page{Limit: q.Runs}})
	if err != nil {
		return nil, err
	}
	t := &Times{Runs: l.Items, Cells: map[string][]TimedCell{}}
	slices.Reverse(t.Runs)
	if len(t.Runs) == 0 {
		return t, nil
	}
	if shape, err := o.shape(ctx, t.Runs[len(t.Runs)-1].Version); err == nil { // else the tasks are those that have a state
		for _, n := range shape.Nodes {
			if !n.Group {
				t.Tasks = append(t.Tasks, n.ID)
			}
		}
	}
	t.Told = len(t.Runs)
	var only []string
	if q.Task != "" {
		only = []string{q.Task}
	} else if n := len(t.Tasks); n > 0 {
		t.Told = min(t.Told, max(1, q.Cells/n))
	}
	keys, at := []int64{}, map[int64]int{}
	for i := len(t.Runs) - t.Told; i < len(t.Runs); i++ {
		keys = append(keys, t.Runs[i].Key)
		at[t.Runs[i].Key] = i
	}
	states, err := o.o.Store.TaskStates(ctx, keys, only...)
	if err != nil {
		return nil, err
	}
	for _, s := range states {
		t.add(s, at[s.RunKey])
	}
	listed := map[string]bool{}
	for _, id := range t.Tasks {
		listed[id] = true
	}
	for _, id := range slices.Sorted(maps.Keys(t.Cells)) { // those that only older runs have
		slices.SortFunc(t.Cells[id], func(a, b TimedCell) int { return a.Run - b.Run })
		if !listed[id] {
			t.Tasks = append(t.Tasks, id)
		}
	}
	return t, nil
}

// add adds a state of a task, of a mapped one to those that it has in the run already.
func (t *Times) add(s *store.TaskState, run int) {
	cells := t.Cells[s.TaskID]
	if n := len(cells); n == 0 || cells[n-1].Run != run { // they come by run
		cells = append(cells, TimedCell{Run: run})
	}
	cells[len(cells)-1].add(s.State, s.Try, s.StartDate, s.EndDate)
	t.Cells[s.TaskID] = cells
}
