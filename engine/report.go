package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/engine/plan"
	"github.com/dingdag/dingdag/engine/tell"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/worker"
)

// A process that does not lead changes no run. It says what becomes of an attempt in a report, which it writes in one
// transaction with the end of the job, and whoever leads takes it in.

// The kinds of reports.
const (
	// begun says that an attempt runs.
	begun = "begun"
	// over says what came of one, or that nobody wanted it any more.
	over = "over"
	// back says that it goes back to the queue, uncounted.
	back = "back"
)

// report is what a process says of an attempt. A program of the next version may read it: what is added must be such that an
// older one may pass over it.
type report struct {
	Kind string    `json:"kind"`
	Job  store.Job `json:"job"`
	Host string    `json:"host"`
	PID  int       `json:"pid"`
	// LogDir is the folder of task logs of the process; empty for one of an older version.
	LogDir string `json:"log_dir,omitzero"`
	// Start, First and Log are those of the attempt, for [begun].
	Start time.Time `json:"start,omitzero"`
	First time.Time `json:"first,omitzero"`
	Log   string    `json:"log,omitzero"`
	// Result is for [over]; nil for an attempt that nobody wanted.
	Result *outcome `json:"result,omitzero"`

	// at is when it was written, by the clock of its process.
	at time.Time
}

// here is when something is by the clock of this process that the one of the report has set for a time of its own: as long from
// now on as it was then. Their clocks may differ, and what waits for a moment waits here.
func (r *report) here(at, now time.Time) time.Time {
	if at.IsZero() {
		return at
	}
	return now.Add(at.Sub(r.at))
}

// outcome is a [worker.Result]: of the instance it has what the attempt decides.
type outcome struct {
	State   dag.State `json:"state"`
	Start   time.Time `json:"start"`
	First   time.Time `json:"first"`
	End     time.Time `json:"end,omitzero"`
	RetryAt time.Time `json:"retry_at,omitzero"`
	Error   string    `json:"error,omitzero"`
	Log     string    `json:"log"`
	Name    string    `json:"name,omitzero"`
	// XComs and Value are JSON, as it is: encoded as such it would lose its spaces.
	XComs map[string]string `json:"xcoms,omitzero"`
	Value string            `json:"value,omitzero"`
	// Skips are the ids of tasks.
	Skips    []string           `json:"skips,omitzero"`
	Branched bool               `json:"branched,omitzero"`
	Ask      *store.Ask         `json:"ask,omitzero"`
	Notice   *operator.Notice   `json:"notice,omitzero"`
	Rendered *store.RenderedTry `json:"rendered,omitzero"`
	// Fields are those of Rendered, which has none.
	Fields string `json:"fields,omitzero"`
}

func outcomeOf(g *dagrun.Graph, r *worker.Result) *outcome {
	in := &r.Instance
	var ids []string
	if len(r.Skips) > 0 {
		ids = g.IDs(r.Skips)
	}
	out := &outcome{
		State: in.State, Start: in.StartDate, First: in.FirstStart, End: in.EndDate, RetryAt: in.RetryAt, Error: in.Error, Log: in.Log, Name: in.RenderedMapIndex,
		Value: string(r.Value), Skips: ids, Branched: r.Branched, Ask: r.Ask, Notice: r.Notice,
	}
	if r.XComs != nil {
		out.XComs = make(map[string]string, len(r.XComs))
		for key, x := range r.XComs {
			out.XComs[key] = string(x)
		}
	}
	if r.Rendered != nil {
		rendered := *r.Rendered
		out.Rendered, out.Fields, rendered.Fields = &rendered, string(rendered.Fields), nil
	}
	return out
}

// result is the outcome of an attempt at an instance, which it completes.
func (o *outcome) result(p *plan.Plan, in store.Instance) (worker.Result, error) {
	in.State, in.StartDate, in.FirstStart, in.EndDate, in.RetryAt = o.State, o.Start, o.First, o.End, o.RetryAt
	in.Error, in.Log, in.RenderedMapIndex = o.Error, o.Log, o.Name
	res := worker.Result{Instance: in, Branched: o.Branched, Ask: o.Ask, Notice: o.Notice}
	if o.Value != "" {
		res.Value = json.RawMessage(o.Value)
	}
	if o.XComs != nil {
		res.XComs = make(map[string]json.RawMessage, len(o.XComs))
		for key, x := range o.XComs {
			res.XComs[key] = json.RawMessage(x)
		}
	}
	if o.Rendered != nil {
		rendered := *o.Rendered
		rendered.Fields = json.RawMessage(o.Fields)
		res.Rendered = &rendered
	}
	for _, id := range o.Skips {
		i := p.IndexOf(id)
		if i < 0 {
			return res, fmt.Errorf("it skips task %q, which the version of the run has not", id)
		}
		res.Skips = append(res.Skips, i)
	}
	return res, nil
}

// report is what this process says of an attempt.
func (a *attempt) report(kind string) *report {
	return &report{Kind: kind, Job: a.job, Host: a.x.host, PID: os.Getpid(), LogDir: a.x.logDir, Start: a.in.StartDate, First: a.in.FirstStart, Log: a.in.Log}
}

// say writes a report in a transaction of this process, with what else belongs to it.
func (x *executor) say(ctx context.Context, r *report, with func(store.Tx) error) error {
	err := x.store.Own(ctx, func(tx store.Tx) error {
		if err := with(tx); err != nil {
			return err
		}
		said, err := r.encode(x.runs.Now())
		if err != nil {
			return err
		}
		return tx.InsertReports(ctx, said)
	})
	if err == nil {
		x.reported() // this process may lead by now
	}
	return err
}

// end ends the job of a report with it.
func (x *executor) end(ctx context.Context, r *report) error {
	said, err := r.encode(x.runs.Now())
	if err != nil {
		return err
	}
	if err := x.store.End(ctx, r.Job, said); err != nil {
		return err
	}
	x.reported() // this process may lead by now
	return nil
}

// encode makes a row of the report.
func (r *report) encode(now time.Time) (*store.Report, error) {
	payload, err := json.Marshal(r) //nolint:musttag // rows of the store in it go by the names of their fields
	if err != nil {
		return nil, fmt.Errorf("encode a report: %w", err)
	}
	return &store.Report{Payload: payload, At: now}, nil
}

// sayHeld reports of an attempt whose job goes on. It fails with [store.ErrLostLease] when this process was taken for dead
// meanwhile, as after it stood still: then another one runs the attempt, or it has failed.
func (a *attempt) sayHeld(ctx context.Context, kind string) error {
	return a.x.say(ctx, a.report(kind), func(tx store.Tx) error { return tx.HoldJob(ctx, a.job) })
}

// openAway finds what a job is to run, without the run in memory. An attempt that cannot be made here has failed, with the
// result that it returns.
func (x *executor) openAway(ctx context.Context, j store.Job) (*attempt, *worker.Result, error) {
	found, err := x.reading.read(ctx, j)
	if err != nil {
		return nil, nil, err
	}
	r, in := found.Run, found.Instance
	if r == nil || r.State != dag.RunRunning {
		return nil, nil, errNotWanted
	}
	a := &attempt{x: x, job: j, run: *r, away: true}
	if !a.wanted(in) {
		return nil, nil, errNotWanted
	}
	p, err := x.plans.Of(ctx, x.store, r.DAGID, r.Version)
	if v, ok := errors.AsType[*plan.VersionError](err); ok {
		return a, x.cannotRun(r, in, v), nil
	}
	if err != nil {
		return nil, nil, err
	}
	if a.i = p.IndexOf(j.TaskID); a.i < 0 {
		return nil, nil, errNotWanted
	}
	a.plan, a.in = p, *in
	a.prepare()
	return a, nil, nil
}

// cannotRun is the result of an attempt at a version that the program of this machine cannot load.
func (x *executor) cannotRun(r *store.Run, in *store.Instance, why error) *worker.Result {
	now := x.runs.Now()
	res := &worker.Result{Instance: *in}
	out := &res.Instance
	out.State, out.StartDate, out.EndDate, out.Log = dag.Failed, now, now, worker.LogPath(r, in, 0)
	if out.FirstStart.IsZero() {
		out.FirstStart = now
	}
	out.Error = fmt.Sprintf("the program on node %s, version %s, cannot run this version of the DAG: %s: give all nodes the same program", x.host, x.version, why)
	if in.Try < in.MaxTries { // another node may be able to
		out.State, out.RetryAt = dag.UpForRetry, now
	}
	x.worker.Note(out.Log, out.Error)
	return res
}

// finishAway reports what became of the attempt, and ends its job with that.
func (a *attempt) finishAway(ctx context.Context, res *worker.Result, g *dagrun.Graph) error {
	write := context.WithoutCancel(ctx)
	if res.Instance.State == dag.Queued {
		return errors.Join(errGiveBack, a.x.persistEnd(ctx, func() error { return a.sayHeld(write, back) }))
	}
	r := a.report(over)
	r.Result = outcomeOf(g, res)
	return a.x.persistEnd(ctx, func() error { return a.x.end(write, r) })
}

// dropAway ends a job that nobody wants any more.
func (x *executor) dropAway(ctx context.Context, j store.Job) error {
	write := context.WithoutCancel(ctx)
	r := &report{Kind: over, Job: j, Host: x.host, PID: os.Getpid()}
	err := persist(ctx, x.log, func() error { return x.end(write, r) })
	if errors.Is(err, store.ErrLostLease) {
		return nil
	}
	return err
}

// batch is how many reports are taken in at once.
const batch = 200

// takeReports takes in what other processes report until ctx ends.
func (e *Engine) takeReports(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.reports:
			e.takeIn(ctx)
		}
	}
}

// takeIn takes in all reports that there are. One that can't be taken in does not hold up those of other runs; it is tried
// again with the next.
func (e *Engine) takeIn(ctx context.Context) {
	e.taking.Lock()
	defer e.taking.Unlock()
	left := map[int64]bool{} // runs of which a report could not be taken in: what follows must wait
	for after := int64(0); ctx.Err() == nil; {
		rs, err := e.store.Reports(ctx, after, batch)
		if err != nil || len(rs) == 0 {
			if err != nil && ctx.Err() == nil {
				e.o.Log.Error("read what other processes report", "error", err) // the next beat tries again
			}
			return
		}
		after = rs[len(rs)-1].ID
		if len(left) == 0 && e.executor.takeTogether(ctx, rs) == nil {
			continue
		}
		for _, r := range rs {
			e.executor.takeOne(ctx, r, left)
		}
	}
}

func readReport(r *store.Report) (*report, error) {
	said := &report{at: r.At}
	if err := json.Unmarshal(r.Payload, said); err != nil { //nolint:musttag // as they are written
		return nil, fmt.Errorf("read report %d: %w", r.ID, err)
	}
	return said, nil
}

// takeTogether takes in reports in one transaction.
func (x *executor) takeTogether(ctx context.Context, rs []*store.Report) error {
	return x.runs.Change(context.WithoutCancel(ctx), func(tx *live.Tx) error {
		ids := make([]int64, len(rs))
		for n, r := range rs {
			ids[n] = r.ID
			said, err := readReport(r)
			if err != nil {
				return err
			}
			if err := x.takeIn(tx, said); err != nil {
				return err
			}
		}
		return tx.DeleteReports(tx.Ctx, ids...)
	})
}

// takeOne takes in one report, unless one of its run before it could not be.
func (x *executor) takeOne(ctx context.Context, r *store.Report, left map[int64]bool) {
	said, err := readReport(r)
	if err != nil {
		x.log.Error("a report cannot be read and is dropped", "report", r.ID, "error", err)
		said = &report{Kind: "unreadable"}
	}
	key := said.Job.RunKey
	if left[key] {
		return
	}
	err = persistFaults(func() error {
		return x.runs.ChangeOf(context.WithoutCancel(ctx), key, func(tx *live.Tx) error {
			if err := x.takeIn(tx, said); err != nil {
				return err
			}
			return tx.DeleteReports(tx.Ctx, r.ID)
		})
	})
	if err != nil {
		left[key] = true
		x.runs.LogOnce(key, "take in what became of a try of task "+said.Job.TaskID, err)
	}
}

// persistFaults tries again what failed with a run, which has failed then: another try finds nothing left to do.
func persistFaults(change func() error) error {
	err := change()
	if _, ok := errors.AsType[*live.RunError](err); ok {
		err = change()
	}
	return err
}

// takeIn changes a run by what was reported of an attempt.
func (x *executor) takeIn(tx *live.Tx, said *report) error {
	x.tell.Logs.Note(said.Host, said.PID, said.LogDir)
	lr, err := tx.Live(said.Job.RunKey)
	if err != nil {
		return err
	}
	i := dagrun.Task(-1)
	if lr != nil {
		i = lr.Plan.IndexOf(said.Job.TaskID)
	}
	if i < 0 {
		if said.Kind == over {
			return tx.Restarted(said.Job) // nobody has to end it any more
		}
		return nil
	}
	_, row := lr.Find(i, said.Job.MapIndex)
	a := &attempt{x: x, job: said.Job, plan: lr.Plan, i: i, run: lr.Row}
	if !a.wanted(row) {
		if said.Kind == over {
			return tx.Restarted(said.Job)
		}
		return nil
	}
	a.in = *row
	switch said.Kind {
	case begun:
		a.in.StartDate, a.in.FirstStart, a.in.Log = said.Start, said.First, said.Log
		if err := a.beginAt(tx, lr, said.Host, said.PID); err != nil {
			return err
		}
		_, in := lr.Find(i, said.Job.MapIndex)
		tx.Message(x.tell.Task(tx.Ctx, tx, callbacks.Execute, lr.Try(i, in))...)
		return nil
	case back:
		in := lr.Set(tx, a.slot(lr), dag.Queued)
		in.StartDate = time.Time{}
		return nil
	case over:
		return x.takeOutcome(tx, lr, a, said)
	default:
		return nil // of a newer version, which it does not harm to pass over
	}
}

// takeOutcome ends an attempt as it was reported.
func (x *executor) takeOutcome(tx *live.Tx, lr *live.Run, a *attempt, said *report) error {
	if said.Result == nil { // it was not wanted, and is again
		return nil
	}
	if a.in.State == dag.Queued { // it was too short for a report that it runs
		a.in.StartDate, a.in.FirstStart, a.in.Log = said.Result.Start, said.Result.First, said.Result.Log
		if err := a.beginAt(tx, lr, said.Host, said.PID); err != nil {
			return err
		}
		_, in := lr.Find(a.i, said.Job.MapIndex)
		tx.Message(x.tell.Task(tx.Ctx, tx, callbacks.Execute, lr.Try(a.i, in))...)
		a.in = *in
	}
	res, err := said.Result.result(lr.Plan, a.in)
	if err != nil {
		return fmt.Errorf("take in what became of task %q: %w", said.Job.TaskID, err)
	}
	if s := res.Instance.State; s == dag.UpForRetry || s == dag.UpForReschedule {
		res.Instance.RetryAt = said.here(res.Instance.RetryAt, tx.Now)
	}
	in, err := lr.Apply(tx, a.i, &res)
	if err != nil {
		return err
	}
	var told []*store.Delivery
	if k := tell.EndOfTry(in.State); k != "" {
		told = x.tell.Task(tx.Ctx, tx, k, lr.Try(a.i, in))
	}
	return lr.Ended(tx, in, told)
}
