package engine

import (
	"context"
	"errors"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/plan"
	"github.com/dingdag/dingdag/engine/request"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/worker"
)

// hold is what the engine does for tries while they run, see [worker.Keeper] and [worker.Runs].
type hold struct{ e *Engine }

var (
	_ worker.Keeper = hold{}
	_ worker.Runs   = hold{}
)

// KeepProgress writes it although the try is told to end meanwhile.
func (h hold) KeepProgress(ctx context.Context, in *store.Instance, key, value string) error {
	write := context.WithoutCancel(ctx)
	return persist(ctx, h.e.o.Log, func() error {
		return h.e.store.Own(write, func(tx store.Tx) error { return tx.PutTaskProgress(write, in, key, value) })
	})
}

// KeepRendered writes it with those of other tries of the DAG.
func (h hold) KeepRendered(ctx context.Context, r *store.RenderedTry) error {
	return h.e.store.Own(ctx, func(tx store.Tx) error { return tx.PutRenderedFields(ctx, r, h.e.o.RenderedRuns) })
}

// Trigger makes the run that a try asks for.
func (h hold) Trigger(ctx context.Context, t operator.TriggerRequest, by string) (string, error) {
	r, err := h.e.Trigger(ctx, t.DAGID, Trigger{
		RunID: t.RunID, LogicalDate: t.LogicalDate, NoLogicalDate: t.NoLogicalDate, Conf: t.Conf, Reset: t.Reset, By: by,
		Actor: store.Actor{Via: store.ViaOperator},
	})
	if errors.Is(err, request.ErrExists) {
		return "", errors.Join(operator.ErrRunExists, err)
	}
	if err != nil {
		return "", err
	}
	return r.RunID, nil
}

// DAG returns a DAG as it is now: as who leads has it.
func (h hold) DAG(ctx context.Context, id string) (d *dag.DAG, paused bool) {
	if !h.e.desk.follows() {
		return h.e.dags.Get(id), h.e.dags.Paused(id)
	}
	// Whoever asks can't go on without an answer; with an error its context has ended.
	_ = persist(ctx, h.e.o.Log, func() (err error) {
		d, paused, err = h.stored(ctx, id)
		return err
	})
	return d, paused
}

// stored is a DAG as the process that leads has last loaded it, nil for one that is not there.
func (h hold) stored(ctx context.Context, id string) (d *dag.DAG, paused bool, err error) {
	st, err := h.e.store.DAG(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && !st.Active {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	p, err := h.e.plans.Of(ctx, h.e.store, id, st.Version)
	if _, ok := errors.AsType[*plan.VersionError](err); ok {
		h.e.o.Log.Warn("a DAG cannot be read here, and is taken for unknown", "dag", id, "error", err)
		return nil, st.Paused, nil
	}
	if err != nil {
		return nil, false, err
	}
	return p.DAG, st.Paused, nil
}
