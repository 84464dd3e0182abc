// Package alter is what people make of runs: task instances that are to run again, and states
// that they set by hand. What a request means is worked out on rows that are read, and written
// in one transaction, with who wanted it.
package alter

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/engine/phase"
	"github.com/dingdag/dingdag/engine/plan"
	"github.com/dingdag/dingdag/engine/request"
	"github.com/dingdag/dingdag/engine/tell"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Runs are the runs that people alter. All fields but Discard are required.
type Runs struct {
	// Live are those under way in this process, Attempts what runs of them.
	Live     *live.Runs
	Attempts *live.Attempts
	Plans    *plan.Plans
	// Discard moves a folder of logs away, by its path below the log folder, in the transaction that removes the run with
	// the key, or a part of it. It may be nil: then the logs go with the next removal of old history.
	Discard func(folder string, runKey int64) error
	// Latest is a DAG as it is loaded now. The error, which wraps [store.ErrNotFound], says why there is none.
	Latest func(dagID string) (*dag.DAG, error)
	// Moved notes that a run goes on in a version of its DAG, with the deadlines that this has. It is called before the
	// run is written.
	Moved func(tx *live.Tx, d *dag.DAG, r *store.Run) error
}

// Clear does what a request wants.
func (rs *Runs) Clear(tx *live.Tx, r *request.Clear) (*request.Affected, error) {
	as, err := rs.cleared(tx.Ctx, tx, r)
	if err != nil {
		return nil, err
	}
	return rs.alter(tx, asked{store.EventClear, r.Actor, !r.Whole()}, as)
}

// WouldClear tells what Clear would do.
func (rs *Runs) WouldClear(ctx context.Context, rd store.Reader, r *request.Clear) (*request.Affected, error) {
	as, err := rs.cleared(ctx, rd, r)
	if err != nil {
		return nil, err
	}
	return affected(as), nil
}

// Mark does what a request wants.
func (rs *Runs) Mark(tx *live.Tx, r *request.Mark) (*request.Affected, error) {
	as, err := rs.marked(tx.Ctx, tx, r)
	if err != nil {
		return nil, err
	}
	kind := store.EventMarkSuccess
	if r.State == dag.Failed {
		kind = store.EventMarkFailed
	}
	return rs.alter(tx, asked{kind, r.Actor, r.TaskID != ""}, as)
}

// WouldMark tells what Mark would do.
func (rs *Runs) WouldMark(ctx context.Context, rd store.Reader, r *request.Mark) (*request.Affected, error) {
	as, err := rs.marked(ctx, rd, r)
	if err != nil {
		return nil, err
	}
	return affected(as), nil
}

// alteration is what a person makes of one run: its rows as they are to be. It is made
// without a transaction and changes nothing before [Runs.alter] writes it.
type alteration struct {
	// begun tells whether an attempt at an instance runs.
	begun func(*store.Instance) bool

	p    *plan.Plan
	run  store.Run
	from dag.RunState
	// rows are all instances of the run, changed those that differ from the store, and
	// was the state of each of these before.
	rows, changed []*store.Instance
	was           map[*store.Instance]dag.State
	byTask        map[string][]*store.Instance // rows
	// past are the tries that are over with that.
	past []*store.Instance
	// cleared says that the XComs of the changed instances go.
	cleared map[*store.Instance]bool
	// stop are the attempts to cancel, and why.
	stop map[live.Attempt]error
	// live says that this process has the run under way.
	live bool
	// formerly is the version that the run had which goes on in another one, before the plan of it if that can still be
	// loaded. fresh are the tasks that run because of that, or run anew, and steps counts what became of instances.
	formerly string
	before   *plan.Plan
	fresh    map[string]bool
	steps    int
}

// alteration reads a run to change it.
func (rs *Runs) alteration(ctx context.Context, rd store.Reader, r *store.Run) (*alteration, error) {
	p, err := rs.Plans.Of(ctx, rd, r.DAGID, r.Version)
	if v, ok := errors.AsType[*plan.VersionError](err); ok {
		return nil, fmt.Errorf("run %s of dag %q cannot be changed, because its version cannot be loaded: %w; start a new run of the present version with dingdag dags trigger %s",
			r.RunID, r.DAGID, v, r.DAGID)
	}
	if err != nil {
		return nil, fmt.Errorf("run %s of dag %q: %w", r.RunID, r.DAGID, err)
	}
	return rs.altering(ctx, rd, r, p)
}

// altering reads the rows of a run to change them by a plan.
func (rs *Runs) altering(ctx context.Context, rd store.Reader, r *store.Run, p *plan.Plan) (*alteration, error) {
	rows, err := rd.Instances(ctx, r.Key)
	if err != nil {
		return nil, err
	}
	begun, err := rs.Live.Begun(ctx, rd, r.Key)
	if err != nil {
		return nil, err
	}
	a := &alteration{
		begun: begun,
		p:     p, run: *r, from: r.State, rows: rows, was: map[*store.Instance]dag.State{}, byTask: map[string][]*store.Instance{},
		cleared: map[*store.Instance]bool{}, stop: map[live.Attempt]error{}, live: r.State == dag.RunRunning && rs.Live.Working(),
		fresh: map[string]bool{},
	}
	for _, in := range rows {
		a.byTask[in.TaskID] = append(a.byTask[in.TaskID], in)
	}
	return a, nil
}

// set changes the state of an instance.
func (a *alteration) set(in *store.Instance, s dag.State) {
	if _, ok := a.was[in]; !ok {
		a.was[in] = in.State
		a.changed = append(a.changed, in)
	}
	in.State = s
}

// of are the instances of a task, a new one when there is none; a task that is not in
// the run has none.
func (a *alteration) of(t *dag.Task) []*store.Instance {
	if a.byTask[t.ID] == nil && dagrun.InWindow(t, a.run.Type, a.run.LogicalDate) {
		in := &store.Instance{RunKey: a.run.Key, TaskID: t.ID, MapIndex: -1, MaxTries: t.Retries + 1, Operator: t.Operator}
		a.rows, a.byTask[t.ID] = append(a.rows, in), []*store.Instance{in}
	}
	return a.byTask[t.ID]
}

// affected tells what the alteration changes.
func (a *alteration) affected() request.AffectedRun {
	r := request.AffectedRun{
		RunID: a.run.RunID, LogicalDate: a.run.LogicalDate, From: a.from, State: a.run.State, Latest: a.formerly != "", Instances: []request.AffectedInstance{},
	}
	for _, in := range a.changed {
		r.Instances = append(r.Instances, request.AffectedInstance{TaskID: in.TaskID, MapIndex: in.MapIndex, From: a.was[in], State: in.State})
	}
	slices.SortFunc(r.Instances, func(x, y request.AffectedInstance) int {
		return cmp.Or(cmp.Compare(a.place(x.TaskID), a.place(y.TaskID)), cmp.Compare(x.TaskID, y.TaskID), cmp.Compare(x.MapIndex, y.MapIndex))
	})
	return r
}

// place is the place of a task in the order of the file; those that are gone come last.
func (a *alteration) place(taskID string) dagrun.Task {
	if i := a.p.IndexOf(taskID); i >= 0 {
		return i
	}
	return dagrun.Task(len(a.p.DAG.Tasks))
}

func affected(as []*alteration) *request.Affected {
	all := &request.Affected{Runs: []request.AffectedRun{}}
	for _, a := range as {
		all.Runs = append(all.Runs, a.affected())
	}
	return all
}

// asked is who asked for alterations, and for what.
type asked struct {
	kind store.EventKind
	who  store.Actor
	// tasks says that tasks were meant, and not whole runs.
	tasks bool
}

// event is what somebody had done to the run.
func (a *alteration) event(by asked, now time.Time) (*store.Event, error) {
	e := &store.Event{At: now, Actor: by.who, Kind: by.kind, DAGID: a.run.DAGID, RunID: a.run.RunID, MapIndex: -1}
	var tasks []string
	changed := a.affected().Instances
	for _, in := range changed {
		if len(tasks) == 0 || tasks[len(tasks)-1] != in.TaskID {
			tasks = append(tasks, in.TaskID)
		}
	}
	if by.tasks && len(tasks) == 1 {
		e.TaskID = tasks[0]
	}
	if by.tasks && len(changed) == 1 {
		e.MapIndex = changed[0].MapIndex
	}
	extra, err := request.Encode(struct {
		From          dag.RunState `json:"from"`
		State         dag.RunState `json:"state"`
		TaskInstances int          `json:"task_instances"`
		Tasks         []string     `json:"tasks,omitempty"`
		Latest        bool         `json:"run_on_latest_version,omitempty"`
	}{a.from, a.run.State, len(changed), tasks, a.formerly != ""})
	e.Extra = bytes.TrimSpace(extra)
	return e, err
}

// alter writes alterations and who wanted them, and lets the runs go on from there that this
// process has under way. In a process that runs nothing only the store changes.
func (rs *Runs) alter(tx *live.Tx, by asked, as []*alteration) (*request.Affected, error) {
	done := affected(as)
	for n, a := range as {
		event, err := a.event(by, tx.Now)
		if err != nil {
			return nil, err
		}
		if a.formerly != "" {
			if err := rs.Moved(tx, a.p.DAG, &a.run); err != nil {
				return nil, err
			}
		}
		if err := a.write(tx, event); err != nil {
			return nil, err
		}
		if err := a.mended(tx); err != nil {
			return nil, err
		}
		if err := replace(tx, a); err != nil {
			return nil, err
		}
		done.Runs[n].State = a.run.State // it may have ended with that
	}
	if rs.Live.Working() && len(as) > 0 {
		tx.Freed() // tasks of other runs may wait for what these instances were
		tx.Wake(as[0].run.DAGID)
	}
	return done, nil
}

// write puts an alteration into the store, with the event that tells of it.
func (a *alteration) write(tx *live.Tx, event *store.Event) error {
	if err := tx.InsertEvents(tx.Ctx, event); err != nil {
		return err
	}
	if err := a.writeRows(tx, fmt.Sprintf("%s by %s", event.Kind, cmp.Or(event.Actor.String(), "somebody"))); err != nil {
		return err
	}
	return tx.UpdateRun(tx.Ctx, &a.run)
}

// writeRows puts the instances of an alteration into the store, which was made by what is said.
func (a *alteration) writeRows(tx *live.Tx, by string) error {
	for _, in := range a.changed {
		if !a.cleared[in] {
			continue
		}
		if err := tx.ClearXCom(tx.Ctx, in.RunKey, in.TaskID, in.MapIndex); err != nil {
			return err
		}
	}
	for _, in := range a.changed {
		if a.was[in] == dag.Deferred {
			if err := tx.CloseAsk(in, by); err != nil {
				return err
			}
		}
	}
	if err := tx.PutPastTries(tx.Ctx, a.past); err != nil {
		return err
	}
	return tx.PutInstances(tx.Ctx, a.changed)
}

// mended lets on_recovery speak of what people have marked as a success.
func (a *alteration) mended(tx *live.Tx) error {
	for _, in := range a.changed {
		i := a.p.IndexOf(in.TaskID)
		if in.State != dag.Success || i < 0 {
			continue
		}
		if err := tx.Mended(tell.Try{Plan: a.p, Task: i, Run: &a.run, Instance: in}, true); err != nil {
			return err
		}
	}
	if a.run.State != dag.RunSuccess || a.from == dag.RunSuccess {
		return nil
	}
	return tx.RunMended(tell.Run{Plan: a.p, Run: &a.run, Instances: slices.Values(a.rows)})
}

// replace puts an altered run in the place of its copy in memory.
func replace(tx *live.Tx, a *alteration) error {
	for k, why := range a.stop {
		tx.Cancel(k, why)
	}
	run, err := tx.Replace(a.run, a.rows, a.live && a.run.State == dag.RunRunning)
	if err != nil {
		return err
	}
	a.run = run
	for _, in := range a.changed {
		if !tx.HasRow(in) { // the others are told of when they are written
			copied := *in
			tx.Changed(phase.Change{Run: a.run, Instance: &copied})
		}
	}
	if a.from != a.run.State {
		tx.Changed(phase.Change{Run: a.run})
	}
	return nil
}

// meant are the runs of a DAG that a request means: one by its id, with past and future those
// before and after it by logical date; without an id those with a logical date from start to
// end, which count themselves and are open when zero.
type meant struct {
	dagID, runID string
	past, future bool
	start, end   time.Time
}

// runs reads them, oldest first.
func (m meant) runs(ctx context.Context, rd store.Reader) ([]*store.Run, error) {
	f := store.RunFilter{DAGID: m.dagID, From: m.start, To: m.end}
	if m.runID != "" {
		one, err := m.one(ctx, rd)
		if err != nil || !m.past && !m.future {
			return []*store.Run{one}, err
		}
		if f, err = m.around(one); err != nil {
			return nil, err
		}
	}
	runs, err := rd.Runs(ctx, f)
	if err != nil {
		return nil, err
	}
	if len(runs) == 0 {
		if newest, err := rd.Runs(ctx, store.RunFilter{DAGID: m.dagID, Limit: 1}); err != nil || len(newest) == 0 {
			return nil, cmp.Or(err, noRun(ctx, rd, m.dagID, ""))
		}
	}
	if m.past && m.future {
		runs = slices.DeleteFunc(runs, func(r *store.Run) bool { return r.LogicalDate.IsZero() })
	}
	return runs, nil
}

// one is the run with the id.
func (m meant) one(ctx context.Context, rd store.Reader) (*store.Run, error) {
	r, err := rd.RunByID(ctx, m.dagID, m.runID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, noRun(ctx, rd, m.dagID, m.runID)
	}
	return r, err
}

// around finds the runs before and after one, as far as they are meant.
func (m meant) around(one *store.Run) (f store.RunFilter, err error) {
	if one.LogicalDate.IsZero() {
		return f, fmt.Errorf("run %s of dag %q has no logical date: there is no past or future of it", m.runID, m.dagID)
	}
	f.DAGID = m.dagID
	if !m.past {
		f.From = one.LogicalDate
	}
	if !m.future {
		f.To = one.LogicalDate
	}
	return f, nil
}

// runsSuggested is how many of the newest runs a mistyped run id is compared with.
const runsSuggested = 100

// noRun says that a DAG has no run of an id, or none at all.
func noRun(ctx context.Context, rd store.Reader, dagID, runID string) error {
	newest, err := rd.Runs(ctx, store.RunFilter{DAGID: dagID, Limit: runsSuggested})
	switch {
	case err != nil:
		return err
	case len(newest) == 0:
		return fmt.Errorf("dag %q has no runs: %w", dagID, store.ErrNotFound)
	default:
		return fmt.Errorf("dag %q has no run %q%s: %w", dagID, runID, nearest(runID, newest, func(r *store.Run) string { return r.RunID }), store.ErrNotFound)
	}
}

// nearest suggests what a person may have meant.
func nearest[T any](word string, all []T, name func(T) string) string {
	return yamlvalue.DidYouMean(word, func(yield func(string) bool) {
		for _, v := range all {
			if !yield(name(v)) {
				return
			}
		}
	})
}

// spread adds what lies above and below some tasks, ascending.
func spread(g *dagrun.Graph, tasks []dagrun.Task, upstream, downstream bool) []dagrun.Task {
	out := slices.Clone(tasks)
	if upstream {
		out = append(out, g.Above(tasks...)...)
	}
	if downstream {
		out = append(out, g.Below(tasks...)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

var errMarked = errors.New("the state was set by hand")
