package overview

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// Grid is the history of a DAG: its newest runs and the state of each task and group in each.
type Grid struct {
	// Nodes are the tasks and groups of the newest run, and behind them the tasks that only older runs have.
	Nodes []Node
	// Columns are the runs, the oldest first.
	Columns []Column
	// Older is the cursor of the runs before these, empty when there are none.
	Older string
	// Partial says why tasks that have no state yet are missing, or is empty.
	Partial string
}

// Column is a run in a [Grid].
type Column struct {
	api.Run

	// Cells are by the id of the task or group.
	Cells map[string]Cell
}

// Cell is a task or group in a run.
type Cell struct {
	// State is that of the task, of all its instances, or of all tasks in the group.
	State string
	// Instances counts the instances of a mapped task by state, or the tasks of a group.
	Instances map[string]int
	// Try is the number of the last try.
	Try int
	// StartDate and EndDate are those of the last tries, zero before they come.
	StartDate, EndDate time.Time
}

// GridQuery selects the runs of a grid.
type GridQuery struct {
	DAGID string
	// States and Type select runs; empty ones select all.
	States []string
	Type   string
	// Limit bounds how many runs there are; Before is [Grid.Older] of another grid.
	Limit  int
	Before string
}

// Grid tells how the newest runs of a DAG went.
func (o *Overview) Grid(ctx context.Context, q GridQuery) (*Grid, error) {
	ask := api.RunQuery{DAGID: q.DAGID, Type: dag.RunType(q.Type), Page: api.Page{Limit: q.Limit, Cursor: q.Before}}
	for _, s := range q.States {
		ask.States = append(ask.States, dag.RunState(s))
	}
	runs, err := o.o.API.Runs(ctx, ask)
	if err != nil {
		return nil, err
	}
	g := &Grid{Older: runs.Next}
	keys := make([]int64, len(runs.Items))
	for i, r := range runs.Items {
		keys[i] = r.Key
	}
	states, err := o.o.Store.TaskStates(ctx, keys)
	if err != nil {
		return nil, err
	}
	of := map[int64][]*store.TaskState{}
	for _, s := range states {
		of[s.RunKey] = append(of[s.RunKey], s)
	}
	listed := map[string]bool{}
	for i, r := range runs.Items { // the newest first
		shape, err := o.shape(ctx, r.Version)
		if err != nil {
			shape = &Shape{}
			if i == 0 {
				g.Partial = o.o.Masker.Mask(err.Error())
			}
		}
		for _, n := range shape.Nodes {
			if !listed[n.ID] && (i == 0 || !n.Group) {
				listed[n.ID] = true
				if i > 0 {
					n.Depth, n.Parent, n.Label = 0, "", n.ID
				}
				g.Nodes = append(g.Nodes, n)
			}
		}
		c := Column{r, cells(shape, of[r.Key])}
		for _, s := range of[r.Key] { // of a version that can't be read
			if !listed[s.TaskID] {
				listed[s.TaskID] = true
				g.Nodes = append(g.Nodes, Node{ID: s.TaskID, Label: s.TaskID, Mapped: s.Mapped})
			}
		}
		g.Columns = append(g.Columns, c)
	}
	slices.Reverse(g.Columns)
	if len(runs.Items) > 0 {
		return g, nil
	}
	if d, err := o.o.Folder.DAG(q.DAGID); err == nil { // the head of the page says when it can't be loaded
		g.Nodes = shapeOf(d).Nodes
	}
	return g, nil
}

// shape is that of a version.
func (o *Overview) shape(ctx context.Context, version string) (*Shape, error) {
	return o.o.Shapes.of(version, func() (*dag.DAG, error) { return o.o.API.DAGOf(ctx, version) })
}

// cells are those of a run. What has got nowhere yet is none.
func cells(shape *Shape, states []*store.TaskState) map[string]Cell {
	out := make(map[string]Cell, len(shape.Nodes))
	for _, s := range states {
		c := out[s.TaskID]
		c.add(s.State, s.Try, s.StartDate, s.EndDate)
		if s.Mapped {
			c.count(s.State.String(), s.Count)
		}
		out[s.TaskID] = c
	}
	for _, n := range shape.Nodes {
		if _, ok := out[n.ID]; !ok && !n.Group {
			out[n.ID] = Cell{State: dag.None.String()}
		}
	}
	for _, n := range shape.Nodes {
		if n.Group {
			continue
		}
		t := out[n.ID]
		for _, group := range shape.Groups[n.ID] {
			c := out[group]
			c.add(state(t.State), t.Try, t.StartDate, t.EndDate)
			c.count(t.State, 1)
			out[group] = c
		}
	}
	return out
}

// state is the state with a word.
func state(word string) dag.State {
	if word == dag.None.String() {
		return dag.None
	}
	return dag.State(word)
}

func (c *Cell) add(s dag.State, try int, start, end time.Time) {
	if c.State == "" {
		c.State = s.String()
	} else {
		c.State = combined(state(c.State), s).String()
	}
	c.Try = max(c.Try, try)
	if c.StartDate.IsZero() || !start.IsZero() && start.Before(c.StartDate) {
		c.StartDate = start
	}
	if end.After(c.EndDate) {
		c.EndDate = end
	}
}

// combined is the state of two: of those that are not finished, one that is at work shows before one that waits.
func combined(a, b dag.State) dag.State {
	if !a.Finished() && !b.Finished() && a != b {
		if cmp.Compare(work(b), work(a)) > 0 {
			return b
		}
		return a
	}
	return dag.Combined(a, b)
}

// work orders the states of what is not finished by how near it is to its end.
func work(s dag.State) int {
	return slices.Index([]dag.State{dag.None, dag.Scheduled, dag.Queued, dag.UpForReschedule, dag.UpForRetry, dag.Deferred, dag.Restarting, dag.Running}, s)
}

func (c *Cell) count(state string, n int) {
	if c.Instances == nil {
		c.Instances = map[string]int{}
	}
	c.Instances[state] += n
}
