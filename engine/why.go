package engine

import (
	"context"

	"github.com/dingdag/dingdag/engine/why"
	"github.com/dingdag/dingdag/store"
)

// WhyTask tells why the instances of a task of a run wait or did not run, see [why.OfTask].
func (e *Engine) WhyTask(ctx context.Context, r *store.Run, taskID string) ([]why.Instance, error) {
	alone, err := e.desk.alone(ctx)
	if err != nil {
		return nil, err
	}
	var nodes []*store.Node
	if e.o.Shared {
		if nodes, _, err = store.Living(ctx, e.store); err != nil {
			return nil, err
		}
	}
	return why.OfTask(ctx, e.liveOptions(), r, taskID, alone, nodes)
}
