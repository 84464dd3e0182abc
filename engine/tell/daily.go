package tell

import (
	"context"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/plan"
	"github.com/dingdag/dingdag/store"
)

// Day lets those speak who are told what happened on a day.
func (t *Teller) Day(ctx context.Context, r store.Reader, day *callbacks.Day) []*store.Delivery {
	if len(t.DailyDigest) == 0 {
		return nil
	}
	ev := t.event(callbacks.DailyDigest, &dag.DAG{Location: t.Location})
	ev.State, ev.Reason, ev.Day = "success", day.Summary(), day
	if !day.Well() {
		ev.State = "failed"
	}
	if t.DailyLocation != nil {
		ev.Timezone = t.DailyLocation.String()
	}
	p := &plan.Plan{DAG: &dag.DAG{Location: t.Location}}
	tc := t.Render.Context(ctx, r, p.DAG, &store.Run{}, nil, nil)
	tc.Reason = ev.Reason
	tc.Extra = map[string]any{"state": ev.State, "day": day}
	return t.prepare(p, t.DailyDigest, t.Bound.of(ctx, everything()), ev, tc)
}
