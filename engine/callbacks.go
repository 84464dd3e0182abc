package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/render"
	"github.com/dingdag/dingdag/store"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/template"
)

// event begins what the callbacks of a DAG are told.
func (e *Engine) event(kind callbacks.Kind, d *dag.DAG) *callbacks.Event {
	return &callbacks.Event{
		Kind: kind, DAGID: d.ID, MapIndex: -1, Host: e.host, Owner: d.Owner, Timezone: d.Location.String(), Program: e.o.Program,
	}
}

// deliveries lets the callbacks of a task say what they have to say about an event, of
// which r knows. What one of them can't say does not silence the others.
func (a *attempt) deliveries(ctx context.Context, r store.Reader, kind callbacks.Kind, in *store.Instance, errText string) []*store.Delivery {
	cbs := a.task.callbacks[kind]
	if len(cbs) == 0 {
		return nil
	}
	ev := a.e.event(kind, a.plan.d)
	ev.RunID, ev.TaskID, ev.MapIndex, ev.TryNumber, ev.MaxTries = a.run.RunID, in.TaskID, in.MapIndex, in.Try, in.MaxTries
	ev.State, ev.Error, ev.Owner = in.State.String(), errText, a.task.t.Owner
	ev.LogicalDate, ev.StartDate, ev.EndDate, ev.NextRetry = render.Moment(a.run.LogicalDate), render.Moment(in.StartDate), render.Moment(in.EndDate), render.Moment(in.RetryAt)
	ev.Log = filepath.Join(a.e.o.LogDir, in.Log)
	tc := a.e.render.Context(ctx, r, a.plan.d, &a.run, a.task.t, in)
	tc.Exception = errText
	return a.e.prepare(a.plan, cbs, ev, tc)
}

// runEvent is what the callbacks of a DAG are told of the end of a run.
func (e *Engine) runEvent(lr *liveRun, kind callbacks.Kind, now time.Time) *callbacks.Event {
	ev := e.event(kind, lr.plan.d)
	ev.RunID, ev.State, ev.Reason = lr.run.RunID, string(lr.run.State), lr.run.Reason
	ev.LogicalDate, ev.StartDate, ev.EndDate = render.Moment(lr.run.LogicalDate), render.Moment(lr.run.StartDate), render.Moment(now)
	return ev
}

// runDeliveries does the same for the callbacks of a DAG. It adds the failed tasks to the
// event, and the error of the first of them if the event has none.
func (e *Engine) runDeliveries(ctx context.Context, r store.Reader, lr *liveRun, ev *callbacks.Event, cbs []boundCallback) []*store.Delivery {
	if len(cbs) == 0 {
		return nil
	}
	// Newer Airflow gives DAG callbacks some instance of the run: the failed one helps most.
	var some *store.Instance
	for _, in := range lr.inst.All() {
		switch {
		case in == nil:
		case in.State == dag.Failed:
			if !slices.Contains(ev.FailedTasks, in.TaskID) { // a mapped task counts once
				ev.FailedTasks = append(ev.FailedTasks, in.TaskID)
			}
			if some == nil || some.State != dag.Failed {
				some = in
			}
		case some == nil:
			some = in
		}
	}
	var t *dag.Task
	if some != nil {
		t = lr.plan.d.Task(some.TaskID)
		ev.Error = cmp.Or(ev.Error, some.Error)
	}
	tc := e.render.Context(ctx, r, lr.plan.d, &lr.run, t, some)
	tc.Reason, tc.Exception = ev.Reason, ev.Error
	return e.prepare(lr.plan, cbs, ev, tc)
}

// prepare lets callbacks say what they have to say about an event. One that can't say it
// tells the event by its default message, or leaves a record of why it tells nothing.
func (e *Engine) prepare(p *plan, cbs []boundCallback, ev *callbacks.Event, tc *template.Context) (out []*store.Delivery) {
	ev.DAGFolder = p.d.Folder()
	for _, b := range cbs {
		told := *ev
		m, err := e.prepareOne(p, b, &told, tc)
		if err != nil {
			e.o.Log.Error("a callback could not be prepared", "callback", b.name, "event", ev.Kind, "dag", ev.DAGID, "run", ev.RunID,
				"task", ev.TaskID, "error", e.o.Masker.Mask(err.Error()))
			told.Problem = e.o.Masker.Mask(err.Error())
			m, err = e.prepareDefault(p, b, &told, tc, err)
		}
		if err == nil {
			out = append(out, e.delivery(m, &told))
			continue
		}
		d := e.delivery(callbacks.Message{
			Sender: b.name, Channel: b.name, Payload: json.RawMessage("null"), Summary: fmt.Sprintf("%s of %s by callback %s", ev.Kind, ev.Subject(), b.name),
		}, &told)
		d.State, d.Error = store.DeliveryRefused, e.o.Masker.Mask(err.Error())
		out = append(append(out, d), e.lastResort(d, &told)...)
	}
	return out
}

// delivery is a message in the outbox.
func (e *Engine) delivery(m callbacks.Message, ev *callbacks.Event) *store.Delivery {
	now := e.now()
	data, err := json.Marshal(ev)
	if err != nil { // times and texts encode
		e.o.Log.Error("encode an event", "error", err)
	}
	return &store.Delivery{
		State: store.DeliveryWaiting, Channel: m.Channel, Sender: m.Sender, Summary: m.Summary, Payload: m.Payload, EventData: data,
		Event: string(ev.Kind), DAGID: ev.DAGID, RunID: ev.RunID, TaskID: ev.TaskID, Try: ev.TryNumber,
		CreatedAt: now, UpdatedAt: now,
	}
}

// withFields adds the templated parameters of a callback to what its templates may name,
// as they stand in the file (Airflow, BaseNotifier).
func withFields(tc *template.Context, b boundCallback) *template.Context {
	own := *tc
	own.Extra = maps.Clone(tc.Extra)
	if own.Extra == nil {
		own.Extra = map[string]any{}
	}
	values := b.spec.Values(b.cb)
	for _, f := range b.spec.Fields() {
		if f.Template {
			own.Extra[f.Name] = values[f.Name]
		}
	}
	return &own
}

// prepareOne renders one callback and lets it write its message.
func (e *Engine) prepareOne(p *plan, b boundCallback, ev *callbacks.Event, tc *template.Context) (m callbacks.Message, err error) {
	defer recovered(&err)
	cb, err := b.spec.Render(b.cb, e.render.Field(p.d, withFields(tc, b), b.spec.NamesFile))
	if err != nil {
		return m, fmt.Errorf("the callback's template failed: %w", err)
	}
	return prepareRendered(b, cb, ev)
}

func prepareRendered(b boundCallback, cb callbacks.Callback, ev *callbacks.Event) (callbacks.Message, error) {
	m, err := cb.Prepare(ev)
	if err == nil && strings.TrimSpace(m.Sender) == "" {
		err = fmt.Errorf("callback %q names no sender", b.name)
	}
	return m, err
}

// prepareDefault lets a callback that failed with cause tell the event by its default
// message. What renders of its parameters still counts: where to, and whom to name.
func (e *Engine) prepareDefault(p *plan, b boundCallback, ev *callbacks.Event, tc *template.Context, cause error) (m callbacks.Message, err error) {
	defer recovered(&err)
	var lost []string
	field := e.render.Field(p.d, withFields(tc, b), b.spec.NamesFile)
	cb, err := b.spec.Render(b.cb, func(name, text string) (v any, err error) {
		defer func() {
			if recovered(&err); err != nil {
				lost = append(lost, name)
				v, err = "", nil
			}
		}()
		return field(name, text)
	})
	if err != nil {
		return m, cause
	}
	f, ok := cb.(callbacks.Fallback)
	if !ok {
		return m, cause
	}
	if cb, err = f.Fallback(lost); err != nil {
		return m, fmt.Errorf("%w; %w", cause, err)
	}
	return prepareRendered(b, cb, ev)
}

// recovered turns a panic of a callback into an error. It is to be deferred.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("the callback panicked: %v", r)
	}
}
