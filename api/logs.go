package api

import (
	"context"
	"errors"
	"slices"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/tasklog"
	"github.com/dingdag/dingdag/worker"
)

// TryQuery names one try of a task.
type TryQuery struct {
	DAGID, TaskID string
	// RunID is the run, empty for the newest one.
	RunID string
	// MapIndex is the instance of a mapped task; -1 is the first one that failed, or else the
	// first.
	MapIndex int
	// Try is its number, 0 for the last.
	Try int
}

// Log is the log of one try.
type Log struct {
	Run Run
	// Label is the task id, with the number of the instance of a mapped task.
	Label string
	State dag.State
	// Instances is how many instances of the task have one.
	Instances int
	// Older says that the newest run has none, so that this is of the newest that has.
	Older bool

	try  tasklog.Try
	from *tasklog.Reader
}

// Name is where the log lies below the folder of the logs.
func (l *Log) Name() string { return l.try.Name }

// Open opens the text of the log, wherever it is. ctx is used until it is closed. Its error wraps [store.ErrNotFound] when there is
// none, or when it is on a machine that cannot be asked.
func (l *Log) Open(ctx context.Context) (*tasklog.Log, error) {
	text, err := l.from.Open(ctx, l.try)
	if gone, ok := errors.AsType[*tasklog.NodeError](err); ok {
		return nil, store.NoSuch("log.elsewhere", l.try.Name, gone.Node, gone.Err.Error())
	}
	if errors.Is(err, tasklog.ErrNone) {
		return nil, store.NoSuch("log.gone", l.from.Place(l.try.Name))
	}
	return text, err
}

// Log finds the log of a try. Without a run it is that of the newest one in which a try of the task
// has begun.
func (a *API) Log(ctx context.Context, q TryQuery) (*Log, error) {
	newest, err := a.run(ctx, q.DAGID, q.RunID)
	if err != nil {
		return nil, err
	}
	r := newest
	if q.RunID == "" {
		if r, err = a.newestWithLog(ctx, newest, q); err != nil {
			return nil, err
		}
	}
	is, err := a.meant(ctx, r, &q)
	if err != nil {
		return nil, err
	}
	shown, n := q.chosen(is)
	if shown == nil {
		return nil, a.noLog(ctx, &q, r)
	}
	if q.Try > shown.Try {
		return nil, store.NoSuch("log.not_begun",
			q.Try, shown.Label(), r.RunID, shown.Try, a.command("tasks", "tries", q.DAGID, q.TaskID, r.RunID))
	}
	try := tasklog.Try{Name: worker.LogPath(r, shown, q.Try), Node: shown.Host}
	if q.Try != 0 && q.Try != shown.Try && a.logs.Elsewhere() {
		past, err := a.o.Store.PastTries(ctx, shown.RunKey, shown.TaskID)
		if err != nil {
			return nil, err
		}
		try.Node = store.HostOf(past, shown.MapIndex, q.Try)
	}
	return &Log{runOf(r), shown.Label(), shown.State, n, r.Key != newest.Key, try, a.logs}, nil
}

// meant are the instances of a run that a query may mean: those of its task, or the one with its index. A run may have
// very many.
func (a *API) meant(ctx context.Context, r *store.Run, q *TryQuery) ([]*store.Instance, error) {
	f := store.InstanceFilter{RunKey: r.Key, TaskID: q.TaskID}
	if q.MapIndex >= 0 {
		f.MapIndex = &q.MapIndex
	}
	return a.o.Store.FindInstances(ctx, f)
}

// tasksBegun are the ids of the tasks of a run that have instances.
func (a *API) tasksBegun(ctx context.Context, r *store.Run) ([]string, []*store.TaskState, error) {
	ts, err := a.o.Store.TaskStates(ctx, []int64{r.Key})
	var ids []string
	for _, t := range ts {
		ids = append(ids, t.TaskID)
	}
	return slices.Compact(ids), ts, err
}

// begun reports whether the query means an instance, and a try of it has begun.
func (q *TryQuery) begun(in *store.Instance) bool {
	return in.TaskID == q.TaskID && in.Try > 0 && (q.MapIndex < 0 || in.MapIndex == q.MapIndex)
}

// chosen is the instance that is meant, of those that have begun, and how many these are.
func (q *TryQuery) chosen(is []*store.Instance) (shown *store.Instance, n int) {
	is = slices.DeleteFunc(slices.Clone(is), func(in *store.Instance) bool { return !q.begun(in) })
	return firstFailed(is), len(is)
}

// firstFailed is the first instance that failed, or else the first; nil of none.
func firstFailed(is []*store.Instance) *store.Instance {
	if len(is) == 0 {
		return nil
	}
	return is[max(0, slices.IndexFunc(is, func(in *store.Instance) bool { return in.State == dag.Failed }))]
}

// noLog says why there is none in a run.
func (a *API) noLog(ctx context.Context, q *TryQuery, r *store.Run) error {
	if q.MapIndex >= 0 {
		return store.NoSuch("log.map_index", q.MapIndex, q.TaskID, r.RunID)
	}
	ids, states, err := a.tasksBegun(ctx, r)
	if err != nil {
		return err
	}
	for _, t := range states {
		if t.TaskID == q.TaskID {
			return store.NoSuch("log.no_try",
				q.TaskID, r.RunID, phrase.State(t.State.String()), a.command("tasks", "why", q.DAGID, q.TaskID, r.RunID))
		}
	}
	return store.NoSuch("log.not_run", q.TaskID, r.RunID, nearTask(q.TaskID, ids))
}

// newestWithLog is the newest run in which a try of the task has begun, or newest when there is
// none among the last ones.
func (a *API) newestWithLog(ctx context.Context, newest *store.Run, q TryQuery) (*store.Run, error) {
	runs, err := a.o.Store.Runs(ctx, store.RunFilter{DAGID: newest.DAGID, Limit: runsNear})
	if err != nil {
		return nil, err
	}
	for _, r := range runs {
		is, err := a.meant(ctx, r, &q)
		if err != nil {
			return nil, err
		}
		if in, _ := q.chosen(is); in != nil {
			return r, nil
		}
	}
	return newest, nil
}

// Rendered are the templated fields of one try.
type Rendered struct {
	Run Run
	// Label is the task id, with the number of the instance of a mapped task.
	Label string
	State dag.State
	// Instances is how many instances of the task the run has; 1 when one is asked for.
	Instances int
	engine.Rendering
}

// Rendered tells what the templated fields of a try rendered to, or would render to now when
// nothing was kept of it.
func (a *API) Rendered(ctx context.Context, q TryQuery) (*Rendered, error) {
	r, err := a.run(ctx, q.DAGID, q.RunID)
	if err != nil {
		return nil, err
	}
	is, err := a.meant(ctx, r, &q)
	if err != nil {
		return nil, err
	}
	out := &Rendered{Run: runOf(r), Label: q.TaskID, Instances: len(is)}
	mapIndex := q.MapIndex
	if shown := firstFailed(is); mapIndex < 0 && shown != nil {
		mapIndex, out.Label, out.State = shown.MapIndex, shown.Label(), shown.State
	}
	e, err := a.o.Engine(ctx)
	if err != nil {
		return nil, err
	}
	found, err := e.RenderedTry(ctx, r, q.TaskID, mapIndex, q.Try)
	if errors.Is(err, store.ErrNotFound) {
		ids, _, err := a.tasksBegun(ctx, r)
		if err != nil {
			return nil, err
		}
		return nil, store.NoSuch("run.no_task_log", r.RunID, q.TaskID, nearTask(q.TaskID, ids))
	}
	if err != nil {
		return nil, err
	}
	out.Rendering = *found
	return out, nil
}
