package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/dingdag/dingdag/store"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
)

const (
	// DefaultRenderedRuns is Airflow's max_num_rendered_ti_fields_per_task, here for each DAG.
	DefaultRenderedRuns = 30
	// DefaultRenderedLength bounds a kept field, in bytes. Airflow's 4096 cuts many queries.
	DefaultRenderedLength = 16 << 10
	// renderedAfter is how long a try may run before what it rendered is stored by itself: one
	// that hangs can then be looked at. Shorter ones store it with their outcome.
	renderedAfter = time.Second
)

// RenderedField is a templated field and what it renders to.
type RenderedField struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
}

// noteRendered remembers what the try has rendered, unless it is what the file says anyhow:
// that can be read from the version of the DAG.
func (a *attempt) noteRendered(op operator.Operator) {
	if a.e.o.RenderedRuns <= 0 || a.in.RunKey == 0 {
		return
	}
	if a.task.t.Mapping == nil && a.sameFields(op) {
		return
	}
	fields := a.renderedFields(op)
	for i := range fields {
		fields[i].Value = cutValue(fields[i].Value, a.e.o.RenderedLength)
	}
	b, err := encodeFields(fields)
	if err != nil {
		a.log.Warn("the rendered fields are not kept", "error", err)
		return
	}
	a.rendered.Store(&store.RenderedTry{
		RunKey: a.in.RunKey, DAGID: a.run.DAGID, TaskID: a.in.TaskID, MapIndex: a.in.MapIndex, Try: a.in.Try, At: a.e.now(), Fields: b,
	})
}

// sameFields reports whether the templated fields of an operator are as in the file.
func (a *attempt) sameFields(op operator.Operator) bool {
	now, file := a.task.spec.Values(op), a.task.spec.Values(a.task.op)
	for _, f := range a.task.spec.Fields() {
		if f.Template && !reflect.DeepEqual(now[f.Name], file[f.Name]) {
			return false
		}
	}
	return true
}

// renderedFields are the templated fields of an operator of the task, secrets masked.
func (a *attempt) renderedFields(op operator.Operator) []RenderedField {
	values := a.task.spec.Values(op)
	var out []RenderedField
	for _, f := range a.task.spec.Fields() {
		switch {
		case !f.Template:
		case f.Secret:
			out = append(out, RenderedField{f.Name, "***"})
		default:
			out = append(out, RenderedField{f.Name, params.FloatNumbers(a.e.maskValue(values[f.Name]))})
		}
	}
	return out
}

// cutValue bounds a value: a longer one becomes the beginning of its text, which says so.
func cutValue(v any, limit int) any {
	s, ok := v.(string)
	if !ok {
		b, err := encodeFields(v)
		if err != nil || len(b) <= limit {
			return v // what can't be encoded is told of by the caller
		}
		s = string(b)
	}
	if len(s) <= limit {
		return v
	}
	end := limit
	for end > 0 && s[end]&0xc0 == 0x80 { // not within a character
		end--
	}
	return fmt.Sprintf("%s… (cut: %d bytes in all)", s[:end], len(s))
}

// encodeFields is JSON with the signs of queries and markup as they are.
func encodeFields(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// keepRendered stores what a try that goes on has rendered. One that can't be stored now
// is stored with the outcome.
func (a *attempt) keepRendered(ctx context.Context) {
	r := a.rendered.Load()
	if r == nil {
		return
	}
	write := context.WithoutCancel(ctx)
	err := a.e.store.Tx(write, func(tx store.Tx) error { return tx.PutRenderedFields(write, r, a.e.o.RenderedRuns) })
	if err == nil {
		a.rendered.CompareAndSwap(r, nil)
	}
}

// putRendered stores it with the outcome.
func (a *attempt) putRendered(c *change) error {
	if r := a.rendered.Load(); r != nil {
		return c.PutRenderedFields(c.ctx, r, a.e.o.RenderedRuns)
	}
	return nil
}

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
	Fields []RenderedField
}

// RenderedTry shows the templated fields of a try of a task instance. The map index is -1
// for a task that is not mapped; try 0 is the last one. It returns [store.ErrNotFound] when the
// version of the run has no such task.
func (e *Engine) RenderedTry(ctx context.Context, r *store.Run, taskID string, mapIndex, try int) (*Rendering, error) {
	p, err := e.plan(ctx, e.store, r.DAGID, r.Version)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", r.RunID, err)
	}
	i := p.indexOf(taskID)
	if i < 0 {
		return nil, fmt.Errorf("task %q in run %s: %w", taskID, r.RunID, store.ErrNotFound)
	}
	task := p.d.Tasks[i]
	if task.Mapping == nil && mapIndex >= 0 {
		return nil, fmt.Errorf("task %q is not mapped and has no map index %d", taskID, mapIndex)
	}
	in := store.Instance{RunKey: r.Key, TaskID: taskID, MapIndex: mapIndex, MaxTries: task.Retries + 1, Operator: task.Operator}
	is, err := e.store.Instances(ctx, r.Key)
	if err != nil {
		return nil, err
	}
	for _, row := range is {
		if row.TaskID == taskID && row.MapIndex == mapIndex {
			in = *row
		}
	}
	last := max(in.Try, 1)
	if try > last {
		return nil, fmt.Errorf("%s has no try %d in run %s: its last is %d", in.Label(), try, r.RunID, last)
	}
	out := &Rendering{MapIndex: mapIndex}
	if in.Try > 0 {
		out.Try = orDefault(try, last)
	}
	in.Try = orDefault(try, last)
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
		in.StartDate = e.now()
	}
	a := &attempt{e: e, plan: p, task: &p.tasks[i], i: i, run: *r, in: in}
	op, err := a.render(ctx)
	if err != nil {
		return nil, fmt.Errorf("task %q: nothing that it rendered was kept, and it can't be rendered now: %s", taskID, e.o.Masker.Mask(err.Error()))
	}
	out.Fields = a.renderedFields(op)
	out.Same = task.Mapping == nil && a.sameFields(op)
	return out, nil
}
