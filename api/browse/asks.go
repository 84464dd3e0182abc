package browse

import (
	"context"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/listing"
)

// AskFilter selects what tasks ask people.
type AskFilter = listing.Asks

// Ask is what a try of a task instance asks people.
type Ask struct {
	*store.Ask

	Instance *Instance
}

// Asks lists what the last tries of task instances ask or asked, in the DAGs that whoever asks may read.
func (b *Browser) Asks(ctx context.Context, f AskFilter, p Page) ([]*Ask, int, error) {
	if err := b.limit(ctx, &f.Runs); err != nil {
		return nil, 0, err
	}
	rows, n, err := b.o.Lists.ListAsks(ctx, f, p)
	if err != nil {
		return nil, 0, err
	}
	out := make([]*Ask, 0, len(rows))
	for _, a := range rows {
		in, err := b.Instance(ctx, a.DAGID, a.RunID, a.TaskID, a.MapIndex)
		if err != nil {
			return nil, 0, err
		}
		out = append(out, &Ask{a, in})
	}
	return out, n, nil
}

// AskOf is what a try of a task instance asks, 0 for its last one. Its error wraps [api.ErrNotFound] when it asks nothing.
func (b *Browser) AskOf(ctx context.Context, dagID, runID, taskID string, mapIndex, try int) (*Ask, error) {
	in, err := b.Instance(ctx, dagID, runID, taskID, mapIndex)
	if err != nil {
		return nil, err
	}
	if try > 0 && try != in.Try {
		all, err := b.Tries(ctx, dagID, runID, taskID, mapIndex)
		if err != nil {
			return nil, err
		}
		in = nil
		for _, t := range all {
			if t.Try == try {
				in = t
			}
		}
		if in == nil {
			return nil, store.Missing("The Task Instance with dag_id: `%s`, run_id: `%s`, task_id: `%s`, try_number: `%d` and map_index: `%d` was not found",
				dagID, runID, taskID, try, mapIndex)
		}
	}
	a, err := b.o.Store.AskOf(ctx, &in.Instance.Instance)
	if err != nil {
		return nil, err
	}
	if a == nil {
		return nil, store.Missing("Human-in-the-loop detail does not exist for Task Instance with id %s", in.ID())
	}
	return &Ask{a, in}, nil
}
