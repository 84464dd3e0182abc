package api

import (
	"context"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/timetable"
)

// NextRun is a run that the schedule of a DAG will make. Moments are in UTC.
type NextRun struct {
	RunAfter      time.Time `json:"run_after"`
	LogicalDate   time.Time `json:"logical_date"`
	IntervalStart time.Time `json:"data_interval_start"`
	IntervalEnd   time.Time `json:"data_interval_end"`
	// Due says that its time has come.
	Due bool `json:"due_now"`
}

func newNextRun(r timetable.Run, now time.Time) NextRun {
	return NextRun{r.RunAfter.UTC(), r.LogicalDate.UTC(), r.Interval.Start.UTC(), r.Interval.End.UTC(), !r.RunAfter.After(now)}
}

// Next is what a DAG waits for.
type Next struct {
	DAG *dag.DAG
	// Runs are those that the schedule makes next. A @continuous DAG has one at most: it runs
	// again as soon as the run before has ended.
	Runs   []NextRun
	Paused bool
	// Assets are the assets that start it, each with the moment of an update that no run has
	// taken yet.
	Assets []AwaitedAsset
}

// AwaitedAsset is an asset that a DAG waits for.
type AwaitedAsset struct {
	Name string `json:"name"`
	URI  string `json:"uri"`
	// UpdatedAt is null until it is updated.
	UpdatedAt *time.Time `json:"updated_at"`
}

// Next tells the next runs of a DAG, at most n, as the scheduler would create them.
func (a *API) Next(ctx context.Context, d *dag.DAG, n int) (*Next, error) {
	out := &Next{DAG: d, Runs: []NextRun{}}
	last, err := a.lastScheduled(ctx, d.ID)
	if err != nil {
		return nil, err
	}
	now := a.o.Clock()
	for range n {
		r, ok := scheduled(d, last, now)
		if !ok {
			break
		}
		out.Runs = append(out.Runs, newNextRun(r, now))
		last = &r.Interval
		if d.ScheduleText == "@continuous" {
			break
		}
	}
	if out.Assets, err = a.awaited(ctx, d); err != nil {
		return nil, err
	}
	out.Paused, err = a.Paused(ctx, d)
	return out, err
}

// FirstRun is the next run of a DAG from now on if it had none before; false for none.
func (a *API) FirstRun(d *dag.DAG) (NextRun, bool) {
	now := a.o.Clock()
	r, ok := scheduled(d, nil, now)
	return newNextRun(r, now), ok
}

// NextRunAfter is when the schedule makes the next run of a DAG, nil when it makes none or the DAG waits for assets.
func (a *API) NextRunAfter(ctx context.Context, d *dag.Summary) (*time.Time, error) {
	return a.nextRun(ctx, d, true, a.o.Clock())
}

// nextRun is when the schedule makes the next run of a DAG, nil when it makes none or the DAG
// waits for assets. Without any run the store is not asked for the last one.
func (a *API) nextRun(ctx context.Context, d *dag.Summary, hasRuns bool, now time.Time) (*time.Time, error) {
	if d.OnAssets {
		return nil, nil
	}
	var last *timetable.Interval
	if hasRuns {
		var err error
		if last, err = a.lastScheduled(ctx, d.ID); err != nil {
			return nil, err
		}
	}
	r, ok := d.Timetable.Next(last, timetable.Restriction{Earliest: d.StartDate, Latest: d.EndDate, Catchup: d.Catchup}, now)
	if !ok {
		return nil, nil
	}
	return optional(r.RunAfter), nil
}

// scheduled is the run that the schedule makes after the interval of its last one, or nil.
func scheduled(d *dag.DAG, last *timetable.Interval, now time.Time) (timetable.Run, bool) {
	return d.Timetable.Next(last, timetable.Restriction{Earliest: d.StartDate, Latest: d.EndDate, Catchup: d.Catchup}, now)
}

// lastScheduled is the interval of the newest run that the schedule of a DAG made, or nil.
func (a *API) lastScheduled(ctx context.Context, dagID string) (*timetable.Interval, error) {
	if a.o.Store == nil {
		return nil, nil
	}
	r, err := a.o.Store.LastScheduled(ctx, dagID)
	if err != nil || r == nil {
		return nil, err
	}
	return &timetable.Interval{Start: r.IntervalStart, End: r.IntervalEnd}, nil
}

// awaited are the assets that a DAG waits for.
func (a *API) awaited(ctx context.Context, d *dag.DAG) ([]AwaitedAsset, error) {
	var uris []string
	for _, x := range d.Assets.Assets() {
		uris = append(uris, x.URI)
	}
	var events []*store.AssetEvent
	if a.o.Store != nil && len(uris) > 0 {
		var err error
		if events, err = a.o.Store.WaitingAssetEvents(ctx, d.ID, uris); err != nil {
			return nil, err
		}
	}
	arrived := map[string]*time.Time{}
	for _, e := range events {
		arrived[e.URI] = optional(e.At)
	}
	out := []AwaitedAsset{}
	for _, x := range d.Assets.Assets() {
		out = append(out, AwaitedAsset{x.Name, x.URI, arrived[x.URI]})
	}
	return out, nil
}
