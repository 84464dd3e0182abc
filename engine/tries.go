package engine

import (
	"context"
	"errors"

	"github.com/dingdag/dingdag/dag"
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
		return h.e.store.Tx(write, func(tx store.Tx) error { return tx.PutTaskProgress(write, in, key, value) })
	})
}

// KeepRendered writes it with those of other tries of the DAG.
func (h hold) KeepRendered(ctx context.Context, r *store.RenderedTry) error {
	return h.e.store.Tx(ctx, func(tx store.Tx) error { return tx.PutRenderedFields(ctx, r, h.e.o.RenderedRuns) })
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

// DAG returns a DAG as it is now.
func (h hold) DAG(id string) (d *dag.DAG, paused bool) { return h.e.dags.Get(id), h.e.dags.Paused(id) }
