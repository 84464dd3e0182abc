package why

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/worker"
)

// Instance says why an instance of a task has the state that it has.
type Instance struct {
	// MapIndex is -1 for an unmapped task.
	MapIndex int
	State    dag.State
	// Reason is a sentence without its end.
	Reason phrase.Text
	// Holds names the dependency that holds one that waits, as Airflow calls it; empty when nothing does.
	Holds string
}

// OfTask tells why the instances of a task of a run wait or did not run, on a copy of what the
// store of the options holds. alone says that no process works on it, and nodes are the living ones that share it, nil where
// none do. It returns ErrNotFound when the run's version of the DAG has no such task.
func OfTask(ctx context.Context, o live.Options, r *store.Run, taskID string, alone bool, nodes []*store.Node) (out []Instance, err error) {
	err = live.Look(ctx, o, r.Key, func(tx *live.Tx, lr *live.Run, f *live.RunError) error {
		if f != nil {
			out, err = whyFaulty(tx, &o, r, taskID, f)
			return err
		}
		i := lr.Plan.IndexOf(taskID)
		if i < 0 {
			return fmt.Errorf("task %q in run %s: %w", taskID, r.RunID, store.ErrNotFound)
		}
		for _, slot := range lr.Machine.Slots(i) {
			why, err := whyInstance(tx, lr, slot, alone, nodes)
			if err != nil {
				return err
			}
			by, err := holds(tx, lr, slot)
			if err != nil {
				return err
			}
			out = append(out, Instance{MapIndex: lr.Machine.MapIndex(slot), State: lr.Machine.State(slot), Reason: why, Holds: by})
		}
		by, err := changedBy(tx, r, taskID)
		for n := range out {
			out[n].Reason = phrase.All(out[n].Reason, by)
		}
		return err
	})
	return out, err
}

// changedBy says who cleared or marked a task last, as the end of a sentence, or nothing.
func changedBy(tx *live.Tx, r *store.Run, taskID string) (phrase.Text, error) {
	did := map[store.EventKind]phrase.Code{
		store.EventClear: "task.cleared", store.EventMarkSuccess: "task.marked_success", store.EventMarkFailed: "task.marked_failed",
	}
	es, err := tx.Events(tx.Ctx, store.EventFilter{DAGID: r.DAGID, RunID: r.RunID, TaskID: taskID, Kinds: slices.Collect(maps.Keys(did)), Limit: 1})
	if err != nil || len(es) == 0 {
		return phrase.Text{}, err
	}
	e := es[0]
	who := phrase.Plain(e.Actor.String())
	if who.IsZero() {
		who = phrase.Of("somebody")
	}
	return phrase.Of(did[e.Kind], who, e.At), nil
}

// whyFaulty explains the instances of a task of a run that can't be loaded.
func whyFaulty(tx *live.Tx, o *live.Options, r *store.Run, taskID string, f *live.RunError) (out []Instance, err error) {
	why := phrase.Of("task.run_faulty", f.Reason, o.Masker.Mask(f.Error()))
	is, err := tx.Instances(tx.Ctx, r.Key)
	if err != nil {
		return nil, err
	}
	for _, in := range is {
		if in.TaskID != taskID {
			continue
		}
		w := Instance{MapIndex: in.MapIndex, State: in.State, Reason: why}
		if in.State == dag.Success {
			w.Reason = phrase.Of("task.succeeded", in.EndDate)
		}
		out = append(out, w)
	}
	if len(out) > 0 {
		return out, nil
	}
	if p := o.Plans.Remains(tx.Ctx, tx, r); p != nil && p.IndexOf(taskID) < 0 {
		return nil, fmt.Errorf("task %q in run %s: %w", taskID, r.RunID, store.ErrNotFound)
	}
	return []Instance{{MapIndex: -1, Reason: why}}, nil
}

// noProcess says that nobody is at work.
func noProcess() phrase.Text { return phrase.Of("process.none") }

// whyInstance explains the state of one instance. alone says that nobody is at work.
func whyInstance(tx *live.Tx, lr *live.Run, at dagrun.Slot, alone bool, nodes []*store.Node) (phrase.Text, error) {
	in, t, s := lr.Instance(at), lr.Task(at), lr.Machine.State(at)
	failure := phrase.Of("task.try_failed", in.Try, in.MaxTries, in.Error)
	switch s {
	case dag.Success:
		return phrase.Of("task.succeeded", in.EndDate), nil
	case dag.Failed:
		return failure, nil
	case dag.UpstreamFailed:
		return phrase.All(whyRule(lr, at, func(s dag.State) bool { return s.Finished() && s != dag.Success }), rootCause(lr, lr.Machine.Task(at))), nil
	case dag.Skipped:
		return whySkipped(tx, lr, at)
	case dag.Removed:
		return phrase.Of("task.removed"), nil
	case dag.Running:
		if t.Sensor != nil {
			return whySensor(tx, lr, in)
		}
		return phrase.Of("task.running", in.Try, in.MaxTries, in.StartDate), nil
	default: // it waits
	}
	switch {
	case lr.Row.State.Finished():
		return phrase.Of("task.run_is", phrase.State(string(lr.Row.State)), phrase.RunReason(lr.Row.Reason)), nil
	case lr.Row.State == dag.RunQueued:
		return whyQueued(tx.Ctx, tx, lr.Plan.DAG, &lr.Row, tx.Now, "")
	case s == dag.UpForRetry:
		return phrase.Of("task.retry_at", failure, in.RetryAt), nil
	case s == dag.Deferred:
		return whyDeferred(tx, in)
	case s == dag.UpForReschedule:
		why := phrase.Of("task.sensor_again", in.RetryAt)
		if lr.Plan.Work.Tasks[lr.Machine.Task(at)].Sensor == nil {
			why = phrase.Of("task.goes_on", in.RetryAt)
		}
		if in.Error != "" {
			why = phrase.Of("colon", why, in.Error)
		}
		return why, nil
	case s == dag.Queued && !alone:
		if nobody := unserved(t.Queue, nodes); !nobody.IsZero() {
			return phrase.Of("task.queued_unserved", in.QueuedAt, nobody), nil
		}
		return phrase.Of("task.queued", in.QueuedAt), nil
	case s == dag.Queued:
		return phrase.Of("task.queued_alone", in.QueuedAt, noProcess()), nil
	case s == dag.None && (lr.Machine.Holds(lr.Machine.Task(at)) || lr.Machine.Judge(lr.Machine.Task(at)) == dagrun.Waits):
		return whyRule(lr, at, func(s dag.State) bool { return !s.Finished() }), nil
	}
	if why, err := pausedNow(tx.Ctx, tx, lr.Row.DAGID); err != nil || !why.IsZero() {
		return why, err
	}
	if why := lr.Machine.Full(); !why.IsZero() {
		return why, nil
	}
	why, err := lr.Admit(tx, at)
	switch {
	case err != nil || !why.IsZero():
		return why, err
	case alone:
		return phrase.Of("task.free_alone", noProcess()), nil
	case t.MaxActiveTIsPerDAGRun > 0 || len(lr.Machine.Waiting()) > 1:
		return phrase.Of("task.free_priority"), nil
	}
	return phrase.Of("task.free"), nil
}

// unserved says that none of some processes takes tasks of a queue, and which ones they take; nothing when one does, or none is known.
func unserved(queue string, nodes []*store.Node) phrase.Text {
	if len(nodes) == 0 || slices.ContainsFunc(nodes, func(n *store.Node) bool { return n.Serves(queue) }) {
		return phrase.Text{}
	}
	var serve []phrase.Text
	for _, n := range nodes {
		switch {
		case !n.Works:
		case n.State != store.NodeWorking || n.Drain:
			serve = append(serve, phrase.Of("node.takes_none", n.ID))
		default:
			serve = append(serve, phrase.Of("node.serves", n.ID, phrase.Names(n.Queues...)))
		}
	}
	if len(serve) == 0 {
		serve = []phrase.Text{phrase.Of("node.none_works")}
	}
	return phrase.Of("queue.unserved", cmp.Or(queue, store.DefaultQueue), phrase.List(serve...))
}

// holds is the dependency that holds an instance that is in no queue yet, by the name that it has in Airflow.
func holds(tx *live.Tx, lr *live.Run, at dagrun.Slot) (string, error) {
	s := lr.Machine.State(at)
	switch {
	case s != dag.None && s != dag.Scheduled:
		return "", nil
	case lr.Row.State != dag.RunRunning:
		return "Dagrun Running", nil
	case s == dag.None && (lr.Machine.Holds(lr.Machine.Task(at)) || lr.Machine.Judge(lr.Machine.Task(at)) == dagrun.Waits):
		return "Trigger Rule", nil
	}
	paused, err := pausedNow(tx.Ctx, tx, lr.Row.DAGID)
	switch {
	case err != nil:
		return "", err
	case !paused.IsZero():
		return "Dag Not Paused", nil
	case !lr.Machine.Full().IsZero():
		return "Task Instance Slots Available", nil
	}
	why, err := lr.Admit(tx, at)
	if err != nil || why.IsZero() {
		return "", err
	}
	switch why.Code() {
	case "pool.unknown", "pool.full", "pool.full_deferred":
		return "Pool Slots Available", nil
	case "limit.max_active_tis_per_dag", "limit.max_active_tis_per_dagrun":
		return "Task Concurrency", nil
	default:
		return "Previous Dagrun State", nil
	}
}

// whyDeferred says what an instance asks, whom and until when.
func whyDeferred(tx *live.Tx, in *store.Instance) (phrase.Text, error) {
	a, err := tx.AskOf(tx.Ctx, in)
	if err != nil || a == nil {
		return phrase.Of("task.deferred"), err
	}
	if a.State != store.AskOpen {
		return phrase.Of("ask.goes_on", a.ID, a.Became()), nil
	}
	why := phrase.Of("ask.waits", a.ID, a.Subject, a.ID, phrase.Names(a.Options...))
	if len(a.Assigned) > 0 {
		names := make([]string, len(a.Assigned))
		for i, p := range a.Assigned {
			names[i] = p.String()
		}
		why = phrase.All(why, phrase.Of("ask.only", phrase.Names(names...)))
	}
	switch {
	case a.Deadline.IsZero():
	case len(a.Defaults) > 0:
		why = phrase.All(why, phrase.Of("ask.default_at", a.Deadline, phrase.Names(a.Defaults...)))
	default:
		why = phrase.All(why, phrase.Of("ask.fails_at", a.Deadline))
	}
	return why, nil
}

// whySensor explains a sensor that keeps its worker while it waits.
func whySensor(tx *live.Tx, lr *live.Run, in *store.Instance) (phrase.Text, error) {
	says, err := worker.WaitsFor(tx.Ctx, tx, in)
	why := phrase.Plain(says)
	if why.IsZero() {
		why = phrase.Of("task.see_log", lr.Row.DAGID, in.TaskID)
	}
	return phrase.Of("task.sensor", in.Try, in.MaxTries, in.StartDate, why), err
}

// whyRule names the trigger rule of a task and those of its direct upstream tasks and
// setups whose state matters.
func whyRule(lr *live.Run, at dagrun.Slot, matters func(dag.State) bool) phrase.Text {
	i := lr.Machine.Task(at)
	g := lr.Plan.Graph
	var (
		ups  []phrase.Text
		seen []string
	)
	for _, u := range slices.Concat(g.Upstream(i), g.Setups(i)) {
		slots := lr.Machine.Slots(u)
		s := lr.Machine.State(slots[0])
		for _, other := range slots[1:] {
			s = dag.Combined(s, lr.Machine.State(other))
		}
		if id := lr.Plan.DAG.Tasks[u].ID; matters(s) && !slices.Contains(seen, id) {
			seen = append(seen, id)
			ups = append(ups, phrase.Of("task.is", id, phrase.State(s.String())))
		}
	}
	rule := string(cmp.Or(g.Rule(i), dag.AllSuccess))
	if len(ups) == 0 {
		return phrase.Of("task.rule", rule)
	}
	return phrase.Of("task.rule_of", rule, phrase.List(ups...))
}

// rootCause names the instance above a task that failed first, when, and its error.
func rootCause(lr *live.Run, i dagrun.Task) phrase.Text {
	var first *store.Instance
	g := lr.Plan.Graph
	for _, u := range g.Above(slices.Concat(g.Upstream(i), g.Setups(i))...) {
		for _, at := range lr.Machine.Slots(u) {
			in := lr.Instance(at)
			if in.State == dag.Failed && (first == nil || in.EndDate.Before(first.EndDate)) {
				first = in
			}
		}
	}
	if first == nil {
		return phrase.Text{}
	}
	return phrase.Of("task.failed_first", first.Label(), first.EndDate, schedule.Brief(first.Error))
}

// whySkipped tells who skipped an instance: its trigger rule, a task before it that
// chose, the end of the run, or the task itself.
func whySkipped(tx *live.Tx, lr *live.Run, at dagrun.Slot) (phrase.Text, error) {
	i := lr.Machine.Task(at)
	if lr.Instance(at).Try > 0 {
		return phrase.Of("task.skipped_itself", lr.Row.DAGID, lr.Task(at).ID), nil
	}
	if lr.Machine.Judge(i) == dagrun.Skips {
		if lr.Plan.Graph.Rule(i) == dag.AllSkipped {
			return whyRule(lr, at, func(s dag.State) bool { return s.Finished() && s != dag.Skipped }), nil
		}
		return whyRule(lr, at, func(s dag.State) bool { return s.Finished() && s != dag.Success }), nil
	}
	for _, u := range lr.Plan.Graph.Above(lr.Plan.Graph.Upstream(i)...) {
		first := lr.Machine.Slots(u)[0]
		if lr.Machine.State(first) != dag.Success {
			continue
		}
		chosen, err := tx.XCom(tx.Ctx, lr.Row.Key, lr.Plan.DAG.Tasks[u].ID, lr.Machine.MapIndex(first), "return_value")
		if err != nil {
			return phrase.Text{}, err
		}
		if chooses(lr.Plan.Graph, u, chosen) {
			return phrase.Of("task.chose", lr.Plan.DAG.Tasks[u].ID, string(chosen)), nil
		}
	}
	if lr.Row.State.Finished() {
		return phrase.Of("task.run_ended", phrase.State(string(lr.Row.State)), phrase.RunReason(lr.Row.Reason)), nil
	}
	return phrase.Of("task.skipped_by"), nil
}
