// Package sqllist has the SQL of lists with many filters, any order, offsets and totals.
package sqllist

import (
	"context"
	"fmt"
	"slices"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/listing"
	"github.com/dingdag/dingdag/store/sqlstore"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// Queries reads lists over one connection.
type Queries struct{ c sqlrow.Conn }

// New returns the queries over c.
func New(c sqlrow.Conn) Queries { return Queries{c} }

var _ listing.Reader = Queries{}

// updated is when a run or an instance was changed last: when it was queued, began or ended.
const updated = "coalesce(%[1]s.end_date, %[1]s.start_date, %[1]s.queued_at)"

// took is how long it took; NULL until it has ended.
const took = "(%[1]s.end_date - %[1]s.start_date)"

var runKeys = map[string]string{
	"id": "=r.id", "state": "=r.state", "dag_id": "=r.dag_id", "run_id": "=r.run_id", "dag_run_id": "=r.run_id", "logical_date": "r.logical_date",
	"run_after": "=r.run_after", "start_date": "r.start_date", "end_date": "r.end_date", "updated_at": fmt.Sprintf(updated, "r"), "conf": "r.conf",
	"duration": fmt.Sprintf(took, "r"),
}

// ListRuns implements [listing.Reader]. The ids of a page are found first, which an index alone may tell.
func (q Queries) ListRuns(ctx context.Context, f listing.Runs, p listing.Page) ([]*listing.Run, int, error) {
	w := q.where()
	wholeRunsOf(w, &f)
	from := " FROM dag_run r" + w.sql()
	n, err := sqlrow.Column[int](ctx, q.c, "SELECT count(*)"+from, w.args...)
	if err != nil {
		return nil, 0, fmt.Errorf("count runs: %w", err)
	}
	by, err := order(p, runKeys, "r.id")
	if err != nil {
		return nil, 0, err
	}
	ids, err := sqlrow.Column[int64](ctx, q.c, "SELECT r.id"+from+by, append(w.args, p.Limit, p.Offset)...)
	if err != nil {
		return nil, 0, fmt.Errorf("list runs: %w", err)
	}
	found, err := q.runs(ctx, ids)
	if err != nil {
		return nil, 0, err
	}
	out := make([]*listing.Run, 0, len(ids))
	for _, id := range ids {
		if r := found[id]; r != nil { // else it went between the two looks
			out = append(out, r)
		}
	}
	return out, n[0], nil
}

// wholeRunsOf are the conditions on runs.
func wholeRunsOf(w *where, f *listing.Runs) {
	runsOf(w, f)
	w.moments(fmt.Sprintf(updated, "r"), f.UpdatedAt)
	w.orNow("r.start_date", f.StartDate, f.Now)
	w.orNow("r.end_date", f.EndDate, f.Now)
	w.seconds("r.start_date", "r.end_date", f.Duration)
}

// runsOf are those of them that hold for the runs of task instances too.
func runsOf(w *where, f *listing.Runs) {
	in(w, "r.dag_id", f.DAGIDs)
	in(w, "r.run_id", f.RunIDs)
	states(w, f.States)
	in(w, "r.run_type", f.Types)
	w.like("r.dag_id", f.DAGIDLike)
	w.like("r.run_id", f.RunIDLike)
	w.like("r.triggering_user_name", f.UserLike)
	if f.Open {
		w.add("r.state IN ('queued', 'running')")
	}
	if f.ConfContains != "" {
		w.like("r.conf", listing.Like{f.ConfContains})
	}
	if f.VersionNumbers != nil {
		v := w.another()
		in(v, "v.number", f.VersionNumbers)
		w.add("r.version IN (SELECT v.version FROM dag_version v"+v.sql()+")", v.args...)
	}
	w.moments("r.run_after", f.RunAfter)
	w.moments("r.logical_date", f.LogicalDate)
}

// states holds for runs with one of the states, and names the part of the runs that an index has: a bound value tells
// SQLite nothing about it.
func states(w *where, of []string) {
	in(w, "r.state", of)
	all := func(some ...string) bool {
		return len(of) > 0 && !slices.ContainsFunc(of, func(s string) bool { return !slices.Contains(some, s) })
	}
	switch {
	case all("queued", "running"):
		w.add("r.state IN ('queued', 'running')")
	case all("failed"):
		w.add("r.state = 'failed'")
	case all("success"):
		w.add("r.state = 'success'")
	}
}

// runs are the runs with the given keys.
func (q Queries) runs(ctx context.Context, ids []int64) (map[int64]*listing.Run, error) {
	out := map[int64]*listing.Run{}
	if len(ids) == 0 {
		return out, nil
	}
	w := q.where()
	in(w, "id", ids)
	rows, err := sqlrow.Collect(ctx, q.c, sqlstore.RunRows().Scan, sqlstore.RunRows().Select()+w.sql(), w.args...)
	if err != nil {
		return nil, fmt.Errorf("read the runs of a list: %w", err)
	}
	for _, r := range rows {
		out[r.Key] = &listing.Run{Run: *r}
	}
	if err := q.versions(ctx, out); err != nil {
		return nil, err
	}
	notes, err := q.notes(ctx, ids, "task_id = ''")
	for _, n := range notes {
		if r := out[n.RunKey]; r != nil {
			r.Note = n
		}
	}
	return out, err
}

// notes are those of runs, and of what else there is in them.
func (q Queries) notes(ctx context.Context, ids []int64, of string, args ...any) ([]*store.Note, error) {
	w := q.where()
	in(w, "run_key", ids)
	w.add(of, args...)
	notes, err := sqlrow.Collect(ctx, q.c, sqlstore.NoteRows().Scan, sqlstore.NoteRows().Select()+w.sql(), w.args...)
	if err != nil {
		return nil, fmt.Errorf("read the notes of a list: %w", err)
	}
	return notes, nil
}

// versions fills in what is known of the versions of runs.
func (q Queries) versions(ctx context.Context, runs map[int64]*listing.Run) error {
	var names []string
	for _, r := range runs {
		names = append(names, r.Version)
	}
	w := q.where()
	in(w, "version", names)
	rows, err := sqlrow.Collect(ctx, q.c, sqlstore.VersionRows().Scan, sqlstore.VersionRows().Select()+w.sql(), w.args...)
	if err != nil {
		return fmt.Errorf("read the versions of a list: %w", err)
	}
	of := map[string]*store.Version{}
	for _, v := range rows {
		of[v.Version] = v
	}
	for _, r := range runs {
		if v := of[r.Version]; v != nil {
			r.Number, r.VersionAt = v.Number, v.CreatedAt
		}
	}
	return nil
}

// VersionsInUse implements [listing.Reader].
func (q Queries) VersionsInUse(ctx context.Context, f listing.Runs) ([]string, error) {
	return q.distinct(ctx, "r.version", &f)
}

// DAGsOfRuns implements [listing.Reader].
func (q Queries) DAGsOfRuns(ctx context.Context, f listing.Runs) ([]string, error) {
	return q.distinct(ctx, "r.dag_id", &f)
}

func (q Queries) distinct(ctx context.Context, column string, f *listing.Runs) ([]string, error) {
	w := q.where()
	wholeRunsOf(w, f)
	out, err := sqlrow.Column[string](ctx, q.c, "SELECT DISTINCT "+column+" FROM dag_run r"+w.sql(), w.args...)
	if err != nil {
		return nil, fmt.Errorf("list what runs have: %w", err)
	}
	return out, nil
}
