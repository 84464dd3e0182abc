package sqllist

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/listing"
	"github.com/dingdag/dingdag/store/sqlstore"
	"github.com/dingdag/dingdag/store/sqlstore/sqlchat"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

var versionKeys = map[string]string{"id": "created_at", "version_number": "=number", "dag_id": "=dag_id"}

// ListVersions implements [listing.Records].
func (q Queries) ListVersions(ctx context.Context, f listing.Versions, p listing.Page) ([]*store.Version, int, error) {
	w := q.where()
	in(w, "dag_id", f.DAGIDs)
	if f.Number != nil {
		w.add("number = ?", *f.Number)
	}
	if f.Version != "" {
		w.add("version = ?", f.Version)
	}
	n, err := sqlrow.Column[int](ctx, q.c, "SELECT count(*) FROM dag_version"+w.sql(), w.args...)
	if err != nil {
		return nil, 0, fmt.Errorf("count versions: %w", err)
	}
	by, err := order(p, versionKeys, "dag_id", "number")
	if err != nil {
		return nil, 0, err
	}
	out, err := sqlrow.Collect(ctx, q.c, sqlstore.VersionRows().Scan, sqlstore.VersionRows().Select()+w.sql()+by, append(w.args, p.Limit, p.Offset)...)
	if err != nil {
		return nil, 0, fmt.Errorf("list versions: %w", err)
	}
	return out, n[0], nil
}

// CountStates implements [listing.Records]. The counts of each state are told by an index alone.
func (q Queries) CountStates(ctx context.Context, dagIDs []string) ([]listing.StateCount, error) {
	var parts []string
	var args []any
	for _, states := range []string{"state = 'success'", "state = 'failed'", "state IN ('queued', 'running')"} {
		w := q.where()
		w.add(states)
		in(w, "dag_id", dagIDs)
		parts, args = append(parts, "SELECT dag_id, state, count(*) FROM dag_run"+w.sql()+" GROUP BY dag_id, state"), append(args, w.args...)
	}
	rows, err := sqlrow.Collect(ctx, q.c, func(rows sqlrow.Rows, c *listing.StateCount) error { return rows.Scan(&c.DAGID, &c.State, &c.Count) },
		strings.Join(parts, " UNION ALL ")+" ORDER BY 1, 2", args...)
	if err != nil {
		return nil, fmt.Errorf("count runs by state: %w", err)
	}
	out := make([]listing.StateCount, len(rows))
	for i, c := range rows {
		out[i] = *c
	}
	return out, nil
}

// ListXComs implements [listing.Records].
func (q Queries) ListXComs(ctx context.Context, f listing.XComs, p listing.Page) ([]*listing.XCom, int, error) {
	if len(p.Order) > 0 {
		return nil, 0, fmt.Errorf("order by %q: the order of xcoms is fixed", p.Order[0].Name)
	}
	w := q.where()
	runsOf(w, &f.Runs)
	in(w, "x.task_id", f.TaskIDs)
	w.like("x.task_id", f.TaskIDLike)
	if f.Key != nil {
		w.add("x.key = ?", *f.Key)
	}
	w.like("x.key", f.KeyLike)
	for _, indexes := range f.MapIndexes {
		in(w, "x.map_index", indexes)
	}
	from := " FROM dag_run r JOIN xcom x ON x.run_key = r.id" + w.sql()
	n, err := sqlrow.Column[int](ctx, q.c, "SELECT count(*)"+from, w.args...)
	if err != nil {
		return nil, 0, fmt.Errorf("count xcoms: %w", err)
	}
	type row struct {
		listing.XCom
		key int64
	}
	// The moments of the rows of the page alone are looked up.
	found, err := sqlrow.Collect(ctx, q.c, func(rows sqlrow.Rows, x *row) error {
		return rows.Scan(&x.key, &x.TaskID, &x.MapIndex, &x.Key, sqlrow.Moment(&x.At))
	}, `SELECT x.run_key, x.task_id, x.map_index, x.key, coalesce(x.at, (SELECT coalesce(i.end_date, i.start_date) FROM task_instance i
		WHERE i.run_key = x.run_key AND i.task_id = x.task_id AND i.map_index = x.map_index), r.start_date, r.run_after)`+from+
		" ORDER BY r.dag_id, x.task_id, r.run_id, x.map_index, x.key LIMIT ? OFFSET ?", append(w.args, p.Limit, p.Offset)...)
	if err != nil {
		return nil, 0, fmt.Errorf("list xcoms: %w", err)
	}
	var keys []int64
	for _, x := range found {
		if !slices.Contains(keys, x.key) {
			keys = append(keys, x.key)
		}
	}
	runs, err := q.runs(ctx, keys)
	if err != nil {
		return nil, 0, err
	}
	out := make([]*listing.XCom, 0, len(found))
	for _, x := range found {
		if x.Run = runs[x.key]; x.Run != nil { // else it went between the two looks
			out = append(out, &x.XCom)
		}
	}
	return out, n[0], nil
}

// answered holds for an ask that people or its defaults have answered.
const answered = "a.state IN ('answered', 'defaulted')"

var askKeys = map[string]string{
	"ti_id": "=a.id", "subject": "=a.subject", "responded_at": "CASE WHEN " + answered + " THEN a.settled_at END", "created_at": "=a.created_at",
	"responded_by_user_id": "nullif(a.responder, '')", "responded_by_user_name": "nullif(a.responder_name, '')", "dag_id": "=a.dag_id", "run_id": "=a.run_id",
	"task_display_name": "=a.task_id", "run_after": "=r.run_after", "rendered_map_index": "nullif(ti.rendered_map_index, '')", "task_instance_operator": "=ti.operator",
	"task_instance_state": "nullif(ti.state, '')",
}

// ListAsks implements [listing.Records].
func (q Queries) ListAsks(ctx context.Context, f listing.Asks, p listing.Page) ([]*store.Ask, int, error) {
	w := q.where()
	runsOf(w, &f.Runs)
	in(w, "a.task_id", f.TaskIDs)
	w.like("a.task_id", f.TaskIDLike)
	if f.MapIndex != nil {
		w.add("a.map_index = ?", *f.MapIndex)
	}
	in(w, "ti.state", f.States)
	if f.Answered != nil {
		if *f.Answered {
			w.add(answered)
		} else {
			w.add("NOT " + answered)
		}
	}
	in(w, "a.responder", f.ByID)
	in(w, "a.responder_name", f.ByName)
	w.like("a.subject", f.Subject)
	w.like("a.body", f.BodyLike)
	w.moments("a.created_at", f.CreatedAt)
	from := ` FROM ask a JOIN dag_run r ON r.id = a.run_key
		JOIN task_instance ti ON ti.run_key = a.run_key AND ti.task_id = a.task_id AND ti.map_index = a.map_index AND ti.try = a.try` + w.sql()
	n, err := sqlrow.Column[int](ctx, q.c, "SELECT count(*)"+from, w.args...)
	if err != nil {
		return nil, 0, fmt.Errorf("count asks: %w", err)
	}
	by, err := order(p, askKeys, "a.id")
	if err != nil {
		return nil, 0, err
	}
	ids, err := sqlrow.Column[int64](ctx, q.c, "SELECT a.id"+from+by, append(w.args, p.Limit, p.Offset)...)
	if err != nil || len(ids) == 0 {
		return nil, n[0], sqlrow.Wrapped("list asks", err)
	}
	some := q.where()
	in(some, "id", ids)
	rows, err := sqlrow.Collect(ctx, q.c, sqlchat.AskRows().Scan, sqlchat.AskRows().Select()+some.sql(), some.args...)
	slices.SortFunc(rows, func(x, y *store.Ask) int { return cmp.Compare(slices.Index(ids, x.ID), slices.Index(ids, y.ID)) })
	return rows, n[0], sqlrow.Wrapped("read the asks of a list", err)
}
