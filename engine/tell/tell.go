// Package tell is what callbacks are told: it makes the event and the names that templates
// see of what happened to a task, a run or a DAG, and lets each callback write its message.
package tell

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/engine/plan"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/outbox"
	"github.com/dingdag/dingdag/render"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/template"
)

// Teller lets callbacks speak. All but Program, OnImportError, DailyDigest and Bound are required.
type Teller struct {
	Render *render.Renderer
	Outbox *outbox.Outbox
	// Host is the machine, Program how people call the program.
	Host, Program string
	// Logs knows where the logs of tries are.
	Logs *Logs
	// Location is the zone of what belongs to no DAG.
	Location *time.Location
	// OnImportError are told of DAG files that break and are mended.
	OnImportError []outbox.Callback
	// DailyDigest are told once a day what happened, with times in DailyLocation, or when that
	// is nil in Location.
	DailyDigest   []outbox.Callback
	DailyLocation *time.Location
	// Bound are the conversations that hear of what happens, beside callbacks; nil for none.
	Bound *Bound
}

// event begins what the callbacks of a DAG are told.
func (t *Teller) event(kind callbacks.Kind, d *dag.DAG) *callbacks.Event {
	ev := &callbacks.Event{
		Kind: kind, DAGID: d.ID, MapIndex: -1, Host: t.Host, Owner: d.Owner, Timezone: d.Location.String(), Program: t.Program,
	}
	t.concern(ev, d.Owner)
	return ev
}

// concern makes an event one of the people behind an owner.
func (t *Teller) concern(ev *callbacks.Event, owner string) {
	who := t.Render.Owners.Of(owner)
	ev.OwnerMobiles, ev.OwnerUserIDs, ev.OwnerEmails, ev.OwnerProblem = who.Mobiles, who.UserIDs, who.Emails, who.Problem
}

// Try is a try of a task instance of which callbacks are told.
type Try struct {
	Plan     *plan.Plan
	Task     dagrun.Task
	Run      *store.Run
	Instance *store.Instance
	// Recovery is what the try has mended, for on_recovery.
	Recovery *Recovery
	// Ask is what the try asks people, for on_ask.
	Ask *store.Ask
	// Notice tells of it beside the callbacks of the task; nil for none.
	Notice *operator.Notice
	// Blocks finds the ids of the tasks that do not run because it failed.
	Blocks func() []string
}

// Task lets the callbacks of a task say what they have to say about an event, of which r
// knows. What one of them can't say does not silence the others.
func (t *Teller) Task(ctx context.Context, r render.Reader, kind callbacks.Kind, of Try) []*store.Delivery {
	p, run, in := of.Plan, of.Run, of.Instance
	cbs, task := p.Tasks[of.Task].Callbacks[kind], p.Tasks[of.Task].Task
	if of.Notice != nil {
		cbs = append(slices.Clone(cbs), t.Outbox.Named(of.Notice.Notifier, of.Notice.Params))
	}
	bound := t.ofTask(ctx, kind, p.DAG, task)
	if len(cbs)+len(bound) == 0 {
		return nil
	}
	ev := t.event(kind, p.DAG)
	ev.RunID, ev.TaskID, ev.MapIndex, ev.TryNumber, ev.MaxTries = run.RunID, in.TaskID, in.MapIndex, in.Try, in.MaxTries
	ev.State, ev.Error, ev.Owner = in.State.String(), in.Error, task.Owner
	t.concern(ev, task.Owner)
	ev.LogicalDate, ev.StartDate, ev.EndDate = render.Moment(run.LogicalDate), render.Moment(in.StartDate), render.Moment(in.EndDate)
	if kind == callbacks.Retry { // of a task that is deferred, RetryAt is when it goes on by itself
		ev.NextRetry = render.Moment(in.RetryAt)
	}
	t.Logs.tell(ev, in)
	if of.Ask != nil {
		ev.Ask = askOf(of.Ask)
	}
	if kind == callbacks.Failure {
		ev.Blocks = of.Blocks()
	}
	tc := t.Render.Context(ctx, r, p.DAG, run, task, in)
	tc.Exception = in.Error
	t.Logs.show(tc, in)
	of.Recovery.tell(ev, tc)
	return t.prepare(p, cbs, bound, ev, tc)
}

// askOf is what a try asks as callbacks are told of it.
func askOf(a *store.Ask) *callbacks.Ask {
	out := &callbacks.Ask{
		ID: a.ID, Subject: a.Subject, Body: a.Body, Options: a.Options, Multiple: a.Multiple, Defaults: a.Defaults, Deadline: render.Moment(a.Deadline),
	}
	for _, p := range a.Params {
		out.Params = append(out.Params, p.Name)
		if p.Value == nil {
			out.Needed = append(out.Needed, p.Name)
		}
	}
	for _, p := range a.Assigned {
		out.Assigned, out.AssignedIDs = append(out.Assigned, p.String()), append(out.AssignedIDs, p.ID)
	}
	return out
}

// EndOfTry is the kind of callback that hears of the end of a try, empty for none.
func EndOfTry(s dag.State) callbacks.Kind {
	switch s {
	case dag.Success:
		return callbacks.Success
	case dag.Failed:
		return callbacks.Failure
	case dag.UpForRetry:
		return callbacks.Retry
	case dag.Skipped:
		return callbacks.Skipped
	default:
		return ""
	}
}

// Run is a run of which callbacks are told.
type Run struct {
	Plan *plan.Plan
	Run  *store.Run
	// Instances are those that have a row, in the order of the tasks.
	Instances iter.Seq[*store.Instance]
	// Recovery is what the run has mended, for on_recovery.
	Recovery *Recovery
}

// failed is the first failed instance of each task that has one, in the order of the tasks.
func (r Run) failed() (out []*store.Instance) {
	seen := map[string]bool{}
	for in := range r.Instances {
		if in.State == dag.Failed && !seen[in.TaskID] {
			seen[in.TaskID] = true
			out = append(out, in)
		}
	}
	return out
}

// causes are those of some failed instances that no failed task is upstream of.
func (r Run) causes(failed []*store.Instance) (out []*store.Instance) {
	if r.Plan.Graph == nil {
		return failed // nobody knows what is upstream
	}
	tasks := make([]dagrun.Task, len(failed))
	for n, in := range failed {
		tasks[n] = r.Plan.IndexOf(in.TaskID)
	}
	tops := r.Plan.Graph.Tops(tasks)
	for n, in := range failed {
		if slices.Contains(tops, tasks[n]) {
			out = append(out, in)
		}
	}
	return out
}

// owners are the owners of the tasks of some instances.
func (r Run) owners(of []*store.Instance) string {
	var names []string
	for _, in := range of {
		if task := r.Plan.DAG.Task(in.TaskID); task != nil {
			names = append(names, task.Owner)
		}
	}
	return strings.Join(names, ",")
}

// Ended is what callbacks of a DAG are told of the end of a run at a moment.
func (t *Teller) Ended(r Run, kind callbacks.Kind, at time.Time) *callbacks.Event {
	ev := t.event(kind, r.Plan.DAG)
	ev.RunID, ev.State, ev.Reason = r.Run.RunID, string(r.Run.State), r.Run.Reason
	ev.LogicalDate, ev.StartDate, ev.EndDate = render.Moment(r.Run.LogicalDate), render.Moment(r.Run.StartDate), render.Moment(at)
	return ev
}

// maxCauses is how many failures a run is said to have begun to fail with.
const maxCauses = 10

// OfRun does for callbacks of a DAG what Task does for those of a task. It adds the failed
// tasks and the causes to the event, and the error of the first cause if the event has none.
func (t *Teller) OfRun(ctx context.Context, rd store.Reader, r Run, ev *callbacks.Event, cbs []outbox.Callback) []*store.Delivery {
	bound := t.ofRun(ctx, ev.Kind, r)
	if len(cbs)+len(bound) == 0 {
		return nil
	}
	failed := r.failed()
	for _, in := range failed {
		ev.FailedTasks = append(ev.FailedTasks, in.TaskID)
	}
	// Newer Airflow gives DAG callbacks some instance of the run: the one that failed first helps most.
	var some *store.Instance
	if causes := r.causes(failed); len(causes) > 0 {
		some = causes[0]
		for _, in := range causes[:min(len(causes), maxCauses)] {
			ev.Causes = append(ev.Causes, callbacks.Cause{TaskID: in.TaskID, MapIndex: in.MapIndex, Error: in.Error})
		}
	} else {
		for some = range r.Instances {
			break
		}
	}
	var task *dag.Task
	if some != nil {
		task = r.Plan.DAG.Task(some.TaskID)
		ev.Error = cmp.Or(ev.Error, some.Error)
	}
	if len(failed) > 0 {
		t.concern(ev, r.owners(failed))
	}
	tc := t.Render.Context(ctx, rd, r.Plan.DAG, r.Run, task, some)
	if task != nil {
		t.Logs.show(tc, some)
	}
	tc.Owner = template.OwnerInfo{Name: ev.Owner, Mobiles: ev.OwnerMobiles, UserIDs: ev.OwnerUserIDs, Emails: ev.OwnerEmails}
	tc.Reason, tc.Exception = ev.Reason, ev.Error
	r.Recovery.tell(ev, tc)
	return t.prepare(r.Plan, cbs, bound, ev, tc)
}

// Paused tells that a DAG was paused, and why: its on_missed_callback, for which that is why
// ticks will not start. The on_failure_callback of the DAG is told with the run. When it has
// neither, those hear it who are told of the task that failed.
func (t *Teller) Paused(ctx context.Context, rd store.Reader, r Run, cause string) []*store.Delivery {
	cbs := r.Plan.OnMissed
	if len(cbs) == 0 && len(r.Plan.OnFailure) == 0 {
		for in := range r.Instances {
			if in.State != dag.Failed || len(cbs) > 0 {
				continue
			}
			if i := r.Plan.IndexOf(in.TaskID); i >= 0 {
				cbs = r.Plan.Tasks[i].Callbacks[callbacks.Failure]
			}
		}
	}
	ev := t.event(callbacks.Missed, r.Plan.DAG)
	ev.State, ev.Reason, ev.Paused = "paused", cause, cause
	return t.OfRun(ctx, rd, r, ev, cbs)
}

// reasonDeadline is the reason of the event about a missed deadline.
const reasonDeadline = "deadline_missed"

// Deadline tells of a deadline that a run has missed.
func (t *Teller) Deadline(ctx context.Context, rd store.Reader, p *plan.Plan, r *store.Run, l *store.RunDeadline) []*store.Delivery {
	if l.Index >= len(p.OnDeadline) {
		return nil
	}
	ev := t.event(callbacks.Deadline, p.DAG)
	ev.RunID, ev.State, ev.Reason, ev.Deadline = r.RunID, string(r.State), reasonDeadline, render.Moment(l.At)
	ev.LogicalDate, ev.StartDate, ev.EndDate = render.Moment(r.LogicalDate), render.Moment(r.StartDate), render.Moment(r.EndDate)
	tc := t.Render.Context(ctx, rd, p.DAG, r, nil, nil)
	tc.Reason = reasonDeadline
	return t.prepare(p, p.OnDeadline[l.Index], t.ofDAG(ctx, p.DAG), ev, tc)
}

// Missed lets on_missed_callback speak of recorded ticks, and tells the conversations that are bound to the DAG.
func (t *Teller) Missed(ctx context.Context, rd store.Reader, p *plan.Plan, r *store.TickRange) []*store.Delivery {
	ev := t.event(callbacks.Missed, p.DAG)
	ev.State, ev.Reason = string(r.Outcome), r.Reason
	ev.Ticks = &callbacks.Ticks{First: r.First, Last: r.Last, Count: r.Count}
	tc := t.Render.Context(ctx, rd, p.DAG, &store.Run{DAGID: p.DAG.ID, Type: dag.ScheduledRun}, nil, nil)
	tc.Reason = r.Reason
	return t.prepare(p, p.OnMissed, t.ofDAG(ctx, p.DAG), ev, tc)
}

// prepare lets callbacks of a DAG, and conversations that are bound to it, say what they have to say about an event.
func (t *Teller) prepare(p *plan.Plan, cbs, bound []outbox.Callback, ev *callbacks.Event, tc *template.Context) []*store.Delivery {
	ev.DAGFolder = p.DAG.Folder()
	t.link(ev)
	if names := ev.Names(); names != nil {
		tc.Extra = names
	}
	said := t.Outbox.Prepare(cbs, ev, tc, Renders(t.Render, p.DAG))
	return beside(said, t.Outbox.Prepare(bound, ev, tc, Renders(t.Render, p.DAG)))
}

// link adds the pages about an event.
func (t *Teller) link(ev *callbacks.Event) {
	to := t.Render.Pages
	switch {
	case ev.Kind == callbacks.ImportError:
		ev.URL = to.To("import_errors")
	case ev.TaskID != "":
		ev.URL, ev.RunURL = to.Try(ev.DAGID, ev.RunID, ev.TaskID, ev.MapIndex, ev.TryNumber), to.Run(ev.DAGID, ev.RunID)
	case ev.RunID != "":
		ev.URL = to.Run(ev.DAGID, ev.RunID)
	case ev.DAGID != "":
		ev.URL = to.To("dags", ev.DAGID)
	default:
		ev.URL = to.To()
	}
}

// Renders is what renders the templates of a DAG's callbacks.
func Renders(r *render.Renderer, d *dag.DAG) outbox.Renderer {
	return func(tc *template.Context, namesFile func(field, text string) bool) func(field, text string) (any, error) {
		return r.Field(d, tc, namesFile)
	}
}
