package engine

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/worker"
)

// Rendering is what the templated fields of one try of a run rendered to.
type Rendering struct {
	MapIndex int
	// Try is 0 for an instance that has not run.
	Try int
	// Kept says that the fields are those of the try. Otherwise nothing was kept of it, and they
	// are rendered now, with the dates, conf, version and XComs that the run has.
	Kept bool
	// Same says that the fields hold no template, so that they were the same at every time.
	Same   bool
	Fields []worker.RenderedField
}

// RenderedTry shows the templated fields of a try of a task instance. The map index is -1
// for a task that is not mapped; try 0 is the last one. It returns [store.ErrNotFound] when the
// version of the run has no such task.
func (e *Engine) RenderedTry(ctx context.Context, r *store.Run, taskID string, mapIndex, try int) (*Rendering, error) {
	p, err := e.plans.Of(ctx, e.store, r.DAGID, r.Version)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", r.RunID, err)
	}
	i := p.IndexOf(taskID)
	if i < 0 {
		return nil, fmt.Errorf("task %q in run %s: %w", taskID, r.RunID, store.ErrNotFound)
	}
	task := p.DAG.Tasks[i]
	if task.Mapping == nil && mapIndex >= 0 {
		return nil, fmt.Errorf("task %q is not mapped and has no map index %d", taskID, mapIndex)
	}
	in := store.Instance{RunKey: r.Key, TaskID: taskID, MapIndex: mapIndex, MaxTries: task.Retries + 1, Operator: task.Operator}
	found, err := e.store.FindInstances(ctx, store.InstanceFilter{RunKey: r.Key, TaskID: taskID, MapIndex: &mapIndex})
	if err != nil {
		return nil, err
	}
	if len(found) > 0 {
		in = *found[0]
	}
	last := max(in.Try, 1)
	if try > last {
		return nil, fmt.Errorf("%s has no try %d in run %s: its last is %d", in.Label(), try, r.RunID, last)
	}
	out := &Rendering{MapIndex: mapIndex}
	if in.Try > 0 {
		out.Try = cmp.Or(try, last)
	}
	in.Try = cmp.Or(try, last)
	kept, err := e.store.RenderedFields(ctx, r.Key, taskID, mapIndex, in.Try)
	if err != nil {
		return nil, err
	}
	if kept != nil {
		out.Kept = true
		d := json.NewDecoder(bytes.NewReader(kept))
		d.UseNumber()
		err = d.Decode(&out.Fields)
		return out, err
	}
	in.State, in.EndDate = dag.Running, time.Time{} // as the try saw itself
	if in.StartDate.IsZero() {
		in.StartDate = e.runs.Now()
	}
	out.Fields, out.Same, err = e.worker.Try(p.Work, i, r, &in).Fields(ctx)
	if err != nil {
		return nil, fmt.Errorf("task %q: nothing that it rendered was kept, and it cannot be rendered now: %w", taskID, err)
	}
	return out, nil
}

// TemplateFields are the names of the parameters of an operator that may hold templates.
func (e *Engine) TemplateFields(operator string) []string {
	out := []string{}
	spec, ok := e.o.Operators.Lookup(operator)
	if !ok {
		return out
	}
	for _, f := range spec.Fields() {
		if f.Rendered() || f.Late {
			out = append(out, f.Name)
		}
	}
	return out
}
