package api

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/dingdag/dingdag/store"
)

// Try is one try of a task instance. Moments are in UTC, and null before they come.
type Try struct {
	DAGID  string `json:"dag_id"`
	RunID  string `json:"run_id"`
	TaskID string `json:"task_id"`
	// MapIndex is -1 for an unmapped task.
	MapIndex         int        `json:"map_index"`
	RenderedMapIndex string     `json:"rendered_map_index"`
	TryNumber        int        `json:"try_number"`
	State            string     `json:"state"`
	QueuedWhen       *time.Time `json:"queued_when"`
	StartDate        *time.Time `json:"start_date"`
	EndDate          *time.Time `json:"end_date"`
	// Duration is in seconds, null until the try has ended.
	Duration *float64 `json:"duration"`
	Operator string   `json:"operator"`
	// Hostname and PID say where it ran; empty and 0 when that was not recorded.
	Hostname string `json:"hostname"`
	PID      int    `json:"pid"`
	// Error is why it failed, secrets masked, or empty.
	Error string `json:"error"`
	// Log is its log, below the log folder.
	Log string `json:"log"`
}

// Tries lists the tries of a task that have begun, by map index and number: the last one of each
// instance and those before it. Those that began before this was recorded are missing. TryQuery.Try
// has no meaning here, and a MapIndex of -1 means all instances.
func (a *API) Tries(ctx context.Context, q TryQuery) ([]Try, error) {
	r, err := a.run(ctx, q.DAGID, q.RunID)
	if err != nil {
		return nil, err
	}
	is, err := a.meant(ctx, r, &q)
	if err != nil {
		return nil, err
	}
	if shown, _ := q.chosen(is); shown == nil {
		return nil, a.noLog(ctx, &q, r)
	}
	rows, err := a.o.Store.PastTries(ctx, r.Key, q.TaskID)
	if err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(append(rows, is...), func(in *store.Instance) bool { return !q.begun(in) })
	slices.SortStableFunc(rows, func(a, b *store.Instance) int {
		return cmp.Or(cmp.Compare(a.MapIndex, b.MapIndex), cmp.Compare(a.Try, b.Try))
	})
	// An instance that was cleared and waits is its last try, which is kept already.
	rows = slices.CompactFunc(rows, func(a, b *store.Instance) bool { return a.MapIndex == b.MapIndex && a.Try == b.Try })
	out := make([]Try, len(rows))
	for i, in := range rows {
		out[i] = Try{
			DAGID: r.DAGID, RunID: r.RunID, TaskID: in.TaskID, MapIndex: in.MapIndex, RenderedMapIndex: in.RenderedMapIndex, TryNumber: in.Try, State: in.State.String(),
			QueuedWhen: optional(in.QueuedAt), StartDate: optional(in.StartDate), EndDate: optional(in.EndDate), Duration: seconds(in.StartDate, in.EndDate),
			Operator: in.Operator, Hostname: in.Host, PID: in.PID, Error: in.Error, Log: in.Log,
		}
	}
	return out, nil
}
