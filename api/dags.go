package api

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// DAG is one DAG of the folder with what has become of it. Moments are in UTC.
type DAG struct {
	DAGID     string       `json:"dag_id"`
	File      string       `json:"file"`
	Owner     string       `json:"owner"`
	Schedule  string       `json:"schedule"`
	Tags      []string     `json:"tags"`
	Tasks     int          `json:"tasks"`
	Paused    bool         `json:"is_paused"`
	LastRunID string       `json:"last_run_id"`
	LastState dag.RunState `json:"last_run_state"`
	LastStart *time.Time   `json:"last_run_start_date"`
	// NextRun is when the schedule makes the next run, also while the DAG is paused; null when
	// it makes none, or waits for assets.
	NextRun *time.Time `json:"next_dagrun_run_after"`
	// OnAssets says that updates of assets start it.
	OnAssets bool `json:"-"`
}

// DAGQuery selects DAGs. Zero fields select everything.
type DAGQuery struct {
	// IDs are those that are meant.
	IDs []string
	// Tags selects the DAGs that have one of them, with AllTags those that have each.
	Tags    []string
	AllTags bool
	// Paused selects the paused ones, or the others.
	Paused *bool
	// LastState selects by the state of the newest run.
	LastState dag.RunState
	Page
}

// matches reports whether the query means a DAG.
func (q *DAGQuery) matches(d *DAG) bool {
	has := func(tag string) bool { return slices.Contains(d.Tags, tag) }
	switch {
	case len(q.IDs) > 0 && !slices.Contains(q.IDs, d.DAGID):
		return false
	case q.AllTags && slices.ContainsFunc(q.Tags, func(tag string) bool { return !has(tag) }):
		return false
	case !q.AllTags && len(q.Tags) > 0 && !slices.ContainsFunc(q.Tags, has):
		return false
	case q.Paused != nil && *q.Paused != d.Paused:
		return false
	default:
		return q.LastState == "" || q.LastState == d.LastState
	}
}

// DAGs lists the DAGs of the folder, by id. broken says that some of its files are in error. The
// cursor of a page is the id of its last DAG.
func (a *API) DAGs(ctx context.Context, q DAGQuery) (out List[DAG], broken bool, err error) {
	out.Items = []DAG{}
	all, broken, err := a.o.Folder.DAGs()
	if err != nil {
		return out, false, err
	}
	var paused map[string]bool
	if q.Paused != nil { // otherwise only the DAGs of the page matter
		if paused, err = a.knownDAGs(ctx); err != nil {
			return out, false, err
		}
	}
	var newest map[string]*store.Run
	if q.LastState != "" { // otherwise only the runs of the page matter
		if newest, err = a.newest(ctx); err != nil {
			return out, false, err
		}
	}
	mine, err := a.Only(ctx)
	if err != nil {
		return out, false, err
	}
	page, seen := []*dag.Summary{}, 0
	for _, d := range all {
		if !mine.Has(d.ID) {
			continue
		}
		row := a.row(d, paused)
		row.ran(newest[d.ID])
		if !q.matches(&row) {
			continue
		}
		seen++
		if q.Cursor != "" && d.ID <= q.Cursor || seen <= q.Offset {
			continue
		}
		if q.Limit > 0 && len(page) == q.Limit {
			out.Next = page[q.Limit-1].ID
			continue
		}
		page, out.Items = append(page, d), append(out.Items, row)
	}
	if q.Count {
		out.Total = seen
	}
	return out, broken, a.fillRuns(ctx, page, out.Items)
}

// fillRuns fills in whether each DAG is paused, its newest run and the next one.
func (a *API) fillRuns(ctx context.Context, page []*dag.Summary, rows []DAG) error {
	if len(page) == 0 {
		return nil
	}
	ids := make([]string, len(page))
	for i, d := range page {
		ids[i] = d.ID
	}
	newest, err := a.newest(ctx, ids...)
	if err != nil {
		return err
	}
	paused, err := a.knownDAGs(ctx, ids...)
	if err != nil {
		return err
	}
	now := a.o.Clock()
	for i, d := range page {
		r := &rows[i]
		r.Paused = a.paused(d, paused)
		r.ran(newest[d.ID])
		if r.NextRun, err = a.nextRun(ctx, d, r.LastRunID != "", now); err != nil {
			return err
		}
	}
	return nil
}

// knownDAGs are those of some DAGs, or of all, that a scheduler has seen; true means paused.
func (a *API) knownDAGs(ctx context.Context, ids ...string) (map[string]bool, error) {
	paused := map[string]bool{}
	if a.o.Store == nil {
		return paused, nil
	}
	known, err := a.o.Store.DAGs(ctx, ids...)
	for _, d := range known {
		paused[d.ID] = d.Paused
	}
	return paused, err
}

// newest are the newest runs of some DAGs, or of each, by their ids.
func (a *API) newest(ctx context.Context, dagIDs ...string) (map[string]*store.Run, error) {
	newest := map[string]*store.Run{}
	if a.o.Store == nil {
		return newest, nil
	}
	runs, err := a.o.Store.NewestRuns(ctx, dagIDs...)
	for _, r := range runs {
		newest[r.DAGID] = r
	}
	return newest, err
}

// row is a DAG of the folder without its runs.
func (a *API) row(d *dag.Summary, known map[string]bool) DAG {
	return DAG{
		DAGID: d.ID, File: d.Pos.File, Owner: d.Owner, Schedule: d.ScheduleSummary, Tags: append([]string{}, d.Tags...), Tasks: d.Tasks,
		OnAssets: d.OnAssets, Paused: a.paused(d, known),
	}
}

// paused reports whether a DAG is paused, by those that a scheduler has seen.
func (a *API) paused(d *dag.Summary, known map[string]bool) bool {
	if paused, seen := known[d.ID]; seen {
		return paused
	}
	return pausedWhenNew(d.IsPausedUponCreation, a.o.PausedAtCreation)
}

// ran fills in the newest run, if there is one.
func (d *DAG) ran(r *store.Run) {
	if r != nil {
		d.LastRunID, d.LastState, d.LastStart = r.RunID, r.State, optional(r.StartDate)
	}
}

func pausedWhenNew(uponCreation *bool, byDefault bool) bool {
	if uponCreation != nil {
		return *uponCreation
	}
	return byDefault
}

// PausedWhenNew reports whether a DAG is paused when it is seen for the first time.
func (a *API) PausedWhenNew(d *dag.DAG) bool {
	return pausedWhenNew(d.IsPausedUponCreation, a.o.PausedAtCreation)
}

// KnownVersion is the version of a DAG that a scheduler has seen last. Its error wraps [ErrNotFound] when
// none has.
func (a *API) KnownVersion(ctx context.Context, dagID string) (string, error) {
	if a.o.Store == nil {
		return "", store.Missing("no scheduler has seen dag %q", dagID)
	}
	st, err := a.o.Store.DAG(ctx, dagID)
	if err != nil {
		return "", err
	}
	return st.Version, nil
}

// Paused reports whether a DAG is paused, or will be when it is first seen.
func (a *API) Paused(ctx context.Context, d *dag.DAG) (bool, error) {
	if a.o.Store != nil {
		st, err := a.o.Store.DAG(ctx, d.ID)
		if !errors.Is(err, store.ErrNotFound) {
			return err == nil && st.Paused, err
		}
	}
	return a.PausedWhenNew(d), nil
}

// TellsFailures reports whether a DAG, or a task in it, has callbacks for failures by its file. One that can't be
// read may have some. An unknown DAG is an error that wraps [ErrNotFound].
func (a *API) TellsFailures(ctx context.Context, dagID string) (bool, error) {
	if err := a.known(ctx, dagID, nil); err != nil {
		return false, err
	}
	d, err := a.o.Folder.DAG(dagID)
	if err != nil {
		return true, nil //nolint:nilerr // what can't be read may have some
	}
	return len(d.OnFailure) > 0 || slices.ContainsFunc(d.Tasks, func(t *dag.Task) bool { return len(t.OnFailure) > 0 }), nil
}
