package api

import (
	"context"

	"github.com/dingdag/dingdag/dag"
)

// Grid is the history of a DAG at a glance: its newest runs and the state of each task in each.
type Grid struct {
	DAGID string `json:"dag_id"`
	// Tasks are those of the newest run, in the order of the DAG, and behind them those that
	// only older runs have.
	Tasks []string `json:"tasks"`
	// Runs are the newest first.
	Runs []GridRun `json:"runs"`
}

// GridRun is one column of a [Grid].
type GridRun struct {
	Run
	// Tasks are the states by task id.
	Tasks map[string]GridCell `json:"tasks"`
}

// GridCell is one task in one run.
type GridCell struct {
	// State is that of the task; that of a mapped one is the combined state of its instances.
	State string `json:"state"`
	// Instances counts the instances of a mapped task by their states.
	Instances map[string]int `json:"instances,omitempty"`
}

// Grid tells how the newest runs of a DAG went, at most limit.
func (a *API) Grid(ctx context.Context, dagID string, limit int) (*Grid, error) {
	runs, err := a.Runs(ctx, RunQuery{DAGID: dagID, Page: Page{Limit: limit}})
	if err != nil {
		return nil, err
	}
	g := &Grid{DAGID: dagID, Tasks: []string{}, Runs: []GridRun{}}
	listed := map[string]bool{}
	for _, r := range runs.Items {
		is, err := a.Instances(ctx, dagID, r.RunID)
		if err != nil {
			return nil, err
		}
		column := GridRun{Run: r, Tasks: map[string]GridCell{}}
		for _, in := range is.Items {
			if !listed[in.TaskID] {
				listed[in.TaskID] = true
				g.Tasks = append(g.Tasks, in.TaskID)
			}
			column.Tasks[in.TaskID] = column.Tasks[in.TaskID].with(in)
		}
		g.Runs = append(g.Runs, column)
	}
	return g, nil
}

// with is the cell with one instance more.
func (c GridCell) with(in Instance) GridCell {
	if c.State == "" {
		c.State = in.State
	} else {
		c.State = dag.Combined(dag.State(c.State), dag.State(in.State)).String()
	}
	if in.MapIndex >= 0 {
		if c.Instances == nil {
			c.Instances = map[string]int{}
		}
		c.Instances[in.State]++
	}
	return c
}
