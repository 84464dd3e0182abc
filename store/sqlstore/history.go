package sqlstore

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlqueue"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// RunsOfDAGs tells of each DAG that has runs how old and how many they are. It goes from one DAG to the
// next by the index, and not over the runs.
func (q Queries) RunsOfDAGs(ctx context.Context, with store.Prunable, newest int) ([]*store.RunsOfDAG, error) {
	const earliest = "(SELECT min(run_after) FROM dag_run WHERE dag_id = own.id"
	first, second := earliest+")", "NULL"
	if with != 0 { // what has none of the others is in one of two places
		first = earliest + " AND pruned = 0 AND end_date IS NOT NULL)"
		second = earliest + " AND pruned = " + strconv.Itoa(int(others(with))) + " AND end_date IS NOT NULL)"
	}
	ds, err := sqlrow.Collect(ctx, q.c, func(rows sqlrow.Rows, d *store.RunsOfDAG) error {
		var also time.Time
		err := rows.Scan(&d.DAGID, sqlrow.Moment(&d.Earliest), sqlrow.Moment(&also), &d.More)
		if d.Earliest.IsZero() || !also.IsZero() && also.Before(d.Earliest) {
			d.Earliest = also
		}
		return err
	}, `WITH RECURSIVE own (id) AS (
			SELECT min(dag_id) FROM dag_run
			UNION ALL SELECT (SELECT min(dag_id) FROM dag_run WHERE dag_id > own.id) FROM own WHERE own.id IS NOT NULL
		) SELECT id, `+first+", "+second+`,
			(SELECT 1 FROM dag_run WHERE dag_id = own.id ORDER BY run_after DESC LIMIT 1 OFFSET ?) IS NOT NULL
		FROM own WHERE id IS NOT NULL`, newest)
	if err != nil {
		return nil, fmt.Errorf("list the dags with runs: %w", err)
	}
	return ds, nil
}

// others is what a run may lose besides.
func others(with store.Prunable) store.Prunable {
	return (store.PrunableLogs | store.PrunableXComs) &^ with
}

// ended is the condition that a run has ended and nothing of it is at work. A try may outlast its
// run for a moment.
const ended = `state IN ('success', 'failed') AND end_date IS NOT NULL AND NOT EXISTS (SELECT 1 FROM task_instance i
	WHERE i.run_key = dag_run.id AND i.state NOT IN ('', 'success', 'failed', 'skipped', 'upstream_failed', 'removed'))`

// EndedRuns returns runs that have ended, see [store.History].
func (q Queries) EndedRuns(ctx context.Context, f store.EndedRuns) ([]*store.Run, error) {
	upTo := store.RunPlace{RunAfter: f.Before} // a run is due before it ends
	if f.OrUpTo != nil && before(upTo, *f.OrUpTo) {
		upTo = *f.OrUpTo
	}
	if f.UpTo != nil && before(*f.UpTo, upTo) {
		upTo = *f.UpTo
	}
	var counted, behind store.RunPlace
	if f.OrUpTo != nil {
		counted = *f.OrUpTo
	}
	if f.Behind != nil {
		behind = *f.Behind
	}
	const where = `dag_id = ? AND (run_after, id) > (?, ?) AND (run_after, id) <= (?, ?) AND state IN ('success', 'failed') AND end_date IS NOT NULL
		AND (end_date < ? OR (run_after, id) <= (?, ?))`
	args := []any{
		f.DAGID, earliest(behind.RunAfter), behind.Key, earliest(upTo.RunAfter), upTo.Key,
		earliest(f.Before), earliest(counted.RunAfter), counted.Key,
	}
	var out []*store.Run
	query := func(where string, args ...any) error {
		rs, err := sqlrow.Collect(ctx, q.c, runTable.Scan, runTable.Select()+" WHERE "+where+" ORDER BY run_after, id LIMIT ?", append(args, f.Limit)...)
		out = append(out, rs...)
		return err
	}
	var err error
	if f.With == 0 {
		err = query(where, args...)
	} else {
		for _, pruned := range []store.Prunable{0, others(f.With)} {
			if err == nil {
				err = query(where+" AND pruned = ?", append(slices.Clone(args), int(pruned))...)
			}
		}
		slices.SortFunc(out, func(a, b *store.Run) int { return cmp.Or(a.RunAfter.Compare(b.RunAfter), cmp.Compare(a.Key, b.Key)) })
		out = out[:min(len(out), f.Limit)]
	}
	if err != nil {
		return nil, fmt.Errorf("list the ended runs of %s: %w", f.DAGID, err)
	}
	return out, nil
}

// before reports whether a run stands before another in the order of runs.
func before(a, b store.RunPlace) bool {
	return a.RunAfter.Before(b.RunAfter) || a.RunAfter.Equal(b.RunAfter) && a.Key < b.Key
}

// earliest is a moment of a comparison; a zero one is before all.
func earliest(t time.Time) int64 {
	if t.IsZero() {
		return math.MinInt64
	}
	return t.UnixMilli()
}

// RemovedRuns returns runs of which rows or logs may be left.
func (q Queries) RemovedRuns(ctx context.Context, after int64, limit int) ([]*store.RemovedRun, error) {
	rs, err := sqlrow.Collect(ctx, q.c, func(rows sqlrow.Rows, r *store.RemovedRun) error { return rows.Scan(&r.Key, &r.DAGID, &r.RunID) },
		"SELECT run_key, dag_id, run_id FROM removed_run WHERE run_key > ? ORDER BY run_key LIMIT ?", after, limit)
	if err != nil {
		return nil, fmt.Errorf("list removed runs: %w", err)
	}
	return rs, nil
}

// RowsOfRun counts the task instances and the XComs of a run.
func (q Queries) RowsOfRun(ctx context.Context, runKey int64) (store.RunRows, error) {
	n, err := sqlrow.Column[int](ctx, q.c, "SELECT count(*) FROM task_instance WHERE run_key = ? UNION ALL SELECT count(*) FROM xcom WHERE run_key = ?", runKey, runKey)
	if err != nil {
		return store.RunRows{}, fmt.Errorf("count the rows of a run: %w", err)
	}
	return store.RunRows{Instances: n[0], XComs: n[1]}, nil
}

// Identity is when the tables were made.
func (q Queries) Identity(ctx context.Context) (string, error) {
	made, err := sqlrow.Column[string](ctx, q.c, "SELECT CAST(min(tstamp) AS text) FROM goose_db_version")
	if err != nil {
		return "", fmt.Errorf("look up which store this is: %w", err)
	}
	return made[0], nil
}

// KeptLogs returns those of some runs that have their logs, see [store.History].
func (q Queries) KeptLogs(ctx context.Context, dagID string, runIDs []string) (map[string]bool, error) {
	d := q.c.Dialect()
	plain := make(map[string]string, len(runIDs)) // as the database has them
	for _, id := range runIDs {
		plain[d.Plain(id)] = id
	}
	list, err := json.Marshal(slices.AppendSeq([]string{}, maps.Keys(plain)))
	if err != nil {
		return nil, err
	}
	ids, err := sqlrow.Column[string](ctx, q.c, "SELECT run_id FROM dag_run WHERE dag_id = ? AND run_id IN ("+d.Texts()+") AND (pruned & ?) = 0",
		dagID, string(list), int(store.PrunableLogs))
	if err != nil {
		return nil, fmt.Errorf("look for the runs of %s that have logs: %w", dagID, err)
	}
	kept := make(map[string]bool, len(ids))
	for _, id := range ids {
		kept[plain[id]] = true
	}
	return kept, nil
}

// oldRows says which rows of a kind may go. The rows of a table are written in the order of their
// ids, so that the old ones are the first.
type oldRows struct {
	table string
	// written is when a row was written, done when nothing more comes of it.
	written, done string
	// free is the condition that nobody needs it.
	free string
}

// lastScheduled is when the last run of the schedule of a row's DAG was due. What became of ticks
// before it is on record.
const lastScheduled = `(SELECT r.run_after FROM dag_run r WHERE r.dag_id = o.dag_id AND r.run_type = 'scheduled' AND r.logical_date IS NOT NULL ORDER BY r.logical_date DESC LIMIT 1)`

var oldKinds = map[store.OldKind]oldRows{
	store.OldAlerts: {"delivery", "created_at", "updated_at", `(o.state IN ('delivered', 'refused')
		OR o.state = 'folded' AND NOT EXISTS (SELECT 1 FROM delivery n WHERE n.id = o.digest_id AND n.state IN ('waiting', 'sending', 'uncertain'))
		OR o.state = 'silenced' AND NOT EXISTS (SELECT 1 FROM silence n WHERE n.id = o.silence_id AND n.summed_up IS NULL))`},
	store.OldSilences: {"silence", "since", "summed_up", "NOT EXISTS (SELECT 1 FROM delivery d WHERE d.silence_id > 0 AND d.silence_id = o.id)"},
	store.OldEvents:   {"event_log", "at", "at", "TRUE"},
	store.OldChat:     {"chat_message", "received_at", "done_at", "TRUE"},
	store.OldRequests: {"request", "created_at", "done_at", "TRUE"},
	store.OldTicks: {"tick_range", "recorded_at", "recorded_at", `EXISTS (SELECT 1 FROM tick_range n
		WHERE n.dag_id = o.dag_id AND n.last_tick > o.last_tick)`},
	store.OldAssetEvents: {"asset_event", "at", "at", `EXISTS (SELECT 1 FROM asset_event n WHERE n.uri = o.uri AND n.id > o.id)
		AND NOT EXISTS (SELECT 1 FROM asset_queue w WHERE w.event_id = o.id)`},
	store.OldBackfills: {"backfill", "created_at", "completed_at", "NOT EXISTS (SELECT 1 FROM dag_run r WHERE r.backfill_id = o.id)"},
	store.OldLives:     {"scheduler_life", "started_at", "seen_at", "o.id < (SELECT max(id) FROM scheduler_life)"},
	store.OldPauses: {"dag_pause", "at", "at", `EXISTS (SELECT 1 FROM dag_pause p WHERE p.dag_id = o.dag_id AND p.id < o.id)
		AND EXISTS (SELECT 1 FROM dag_pause n WHERE n.dag_id = o.dag_id AND n.id > o.id AND n.at <= ` + lastScheduled + `)`},
	store.OldImportErrors: {"import_error", "since", "until", "(o.dag_id = '' OR o.until < " + lastScheduled + ")"},
}

// OldRows returns the first rows of a kind that may go, see [store.History].
func (q Queries) OldRows(ctx context.Context, f store.OldRows) (*store.OldPage, error) {
	if f.Kind == store.OldJobs {
		return sqlqueue.Old(ctx, q.c, f)
	}
	k, ok := oldKinds[f.Kind]
	if !ok {
		return nil, fmt.Errorf("this store has no old rows of kind %q", f.Kind)
	}
	upTo := int64(math.MinInt64)
	if f.Newest > 0 {
		newest, err := sqlrow.Column[int64](ctx, q.c, "SELECT coalesce(max(id), 0) FROM "+k.table)
		if err != nil {
			return nil, fmt.Errorf("look for old %s: %w", f.Kind, err)
		}
		upTo = newest[0] - int64(f.Newest)
	}
	type row struct {
		id       int64
		old, out bool
	}
	at := earliest(f.Before)
	rows, err := sqlrow.Collect(ctx, q.c, func(rows sqlrow.Rows, r *row) error { return rows.Scan(&r.id, &r.old, &r.out) },
		"SELECT id, "+k.written+" < ? OR id <= ?, CASE WHEN o."+k.done+" IS NOT NULL AND (o."+k.done+" < ? OR id <= ?) AND "+k.free+
			" THEN TRUE ELSE FALSE END FROM "+k.table+" o WHERE id > ? ORDER BY id LIMIT ?", at, upTo, at, upTo, f.After, f.Limit)
	if err != nil {
		return nil, fmt.Errorf("look for old %s: %w", f.Kind, err)
	}
	p := &store.OldPage{}
	for _, r := range rows {
		if !r.old {
			return &store.OldPage{IDs: p.IDs}, nil
		}
		if r.out {
			p.IDs = append(p.IDs, r.id)
		}
		p.Next = r.id
	}
	if len(rows) < f.Limit {
		p.Next = 0
	}
	return p, nil
}

// UnusedVersions returns DAG versions that nothing refers to, see [store.History].
func (q Queries) UnusedVersions(ctx context.Context, after string, limit int) (unused []string, last string, err error) {
	type row struct {
		version string
		used    bool
	}
	rows, err := sqlrow.Collect(ctx, q.c, func(rows sqlrow.Rows, r *row) error { return rows.Scan(&r.version, &r.used) },
		`SELECT v.version, EXISTS (SELECT 1 FROM dag_run r WHERE r.version = v.version)
			OR EXISTS (SELECT 1 FROM backfill b WHERE b.version = v.version)
			OR EXISTS (SELECT 1 FROM dag d WHERE d.dag_id = v.dag_id AND d.version = v.version)
		FROM dag_version v WHERE v.version > ? ORDER BY v.version LIMIT ?`, after, limit)
	if err != nil {
		return nil, "", fmt.Errorf("look for unused dag versions: %w", err)
	}
	for _, r := range rows {
		if !r.used {
			unused = append(unused, r.version)
		}
		last = r.version
	}
	if len(rows) < limit {
		last = ""
	}
	return unused, last, nil
}

// cardsOfRun are the cards that follow a removed run. Those of messages go with these.
const cardsOfRun = `SELECT c.out_track_id FROM removed_run m JOIN card c ON c.delivery_id = 0 AND c.dag_id = m.dag_id AND c.run_id = m.run_id WHERE m.run_key = ?`

// RemoveRun removes a run that has ended, see [store.HistoryTx].
func (q Queries) RemoveRun(ctx context.Context, runKey int64) (bool, error) {
	n, err := q.c.Exec(ctx, "INSERT INTO removed_run (run_key, dag_id, run_id) SELECT id, dag_id, run_id FROM dag_run WHERE id = ? AND "+ended, runKey)
	if err != nil || n == 0 {
		return false, sqlrow.Wrapped("remove a run", err)
	}
	for _, statement := range []string{
		"DELETE FROM dag_run WHERE id = ?",
		"DELETE FROM run_deadline WHERE run_key = ?",
		"DELETE FROM asset_queue WHERE run_key = ?",
		"DELETE FROM rendered_run WHERE run_key = ?",
		"DELETE FROM card_press WHERE out_track_id IN (" + cardsOfRun + ")",
		"DELETE FROM card WHERE out_track_id IN (" + cardsOfRun + ")",
	} {
		if _, err := q.c.Exec(ctx, statement, runKey); err != nil {
			return false, fmt.Errorf("remove a run: %w", err)
		}
	}
	return true, nil
}

// rowsOfRuns are the tables with many rows of a run, and what tells these apart.
var rowsOfRuns = []struct {
	table, key string
	count      func(*store.RunRows) *int
}{
	{"task_instance", "run_key, task_id, map_index", func(r *store.RunRows) *int { return &r.Instances }},
	{"xcom", "run_key, task_id, map_index, key", func(r *store.RunRows) *int { return &r.XComs }},
	{"task_instance_history", "run_key, task_id, map_index, try", func(r *store.RunRows) *int { return &r.Others }},
	{"rendered_fields", "run_key, task_id, map_index, try", func(r *store.RunRows) *int { return &r.Others }},
	{"task_progress", "run_key, task_id, map_index, key", func(r *store.RunRows) *int { return &r.Others }},
	{"note", "run_key, task_id, map_index", func(r *store.RunRows) *int { return &r.Others }},
	{"ask", "run_key, task_id, map_index, try", func(r *store.RunRows) *int { return &r.Others }},
}

// RemoveRowsOfRun removes rows of a removed run, see [store.HistoryTx].
func (q Queries) RemoveRowsOfRun(ctx context.Context, runKey int64, limit int) (out store.RunRows, err error) {
	for _, t := range rowsOfRuns {
		left := limit - out.Total()
		if left <= 0 {
			break
		}
		n, err := q.c.Exec(ctx, "DELETE FROM "+t.table+" WHERE ("+t.key+") IN (SELECT "+t.key+" FROM "+t.table+" WHERE run_key = ? LIMIT ?)", runKey, left)
		if err != nil {
			return out, fmt.Errorf("remove rows of a run: %w", err)
		}
		*t.count(&out) += int(n)
	}
	return out, nil
}

// RemoveInstance removes a task instance, see [store.HistoryTx].
func (q Queries) RemoveInstance(ctx context.Context, in *store.Instance) error {
	for _, t := range rowsOfRuns {
		if _, err := q.c.Exec(ctx, "DELETE FROM "+t.table+" WHERE run_key = ? AND task_id = ? AND map_index = ?", in.RunKey, in.TaskID, in.MapIndex); err != nil {
			return fmt.Errorf("remove a task instance: %w", err)
		}
	}
	return nil
}

// RemoveDAG removes what is known of a DAG, see [store.HistoryTx].
func (q Queries) RemoveDAG(ctx context.Context, dagID string) error {
	for _, statement := range []string{
		"DELETE FROM backfill_date WHERE backfill_id IN (SELECT id FROM backfill WHERE dag_id = ?)",
		"DELETE FROM backfill WHERE dag_id = ?",
		"DELETE FROM asset_queue WHERE dag_id = ?",
		"DELETE FROM tick_range WHERE dag_id = ?",
		"DELETE FROM dag_pause WHERE dag_id = ?",
		"DELETE FROM import_error WHERE dag_id = ?",
		"DELETE FROM broken WHERE dag_id = ?",
		"DELETE FROM favorite WHERE dag_id = ?",
		"DELETE FROM rendered_run WHERE dag_id = ?",
		"DELETE FROM dag WHERE dag_id = ?",
	} {
		if _, err := q.c.Exec(ctx, statement, dagID); err != nil {
			return fmt.Errorf("remove dag %s: %w", dagID, err)
		}
	}
	versions, err := sqlrow.Column[string](ctx, q.c, "SELECT version FROM dag_version WHERE dag_id = ? ORDER BY version", dagID)
	if err != nil {
		return fmt.Errorf("remove dag %s: %w", dagID, err)
	}
	return q.RemoveVersions(ctx, versions)
}

// ForgetRun says that nothing of a removed run is left.
func (q Queries) ForgetRun(ctx context.Context, runKey int64) error {
	_, err := q.c.Exec(ctx, "DELETE FROM removed_run WHERE run_key = ?", runKey)
	return sqlrow.Wrapped("forget a removed run", err)
}

// RemoveXComs removes XComs of a run that stays, see [store.HistoryTx].
func (q Queries) RemoveXComs(ctx context.Context, runKey int64, limit int) (int, error) {
	n, err := q.c.Exec(ctx, `DELETE FROM xcom WHERE (run_key, task_id, map_index, key) IN (
		SELECT run_key, task_id, map_index, key FROM xcom WHERE run_key = ? AND EXISTS (SELECT 1 FROM dag_run WHERE id = ? AND `+ended+`) LIMIT ?)`,
		runKey, runKey, limit)
	return int(n), sqlrow.Wrapped("remove the xcoms of a run", err)
}

// MarkPruned notes that a run has no logs or no XComs any more.
func (q Queries) MarkPruned(ctx context.Context, runKey int64, what store.Prunable) (bool, error) {
	n, err := q.c.Exec(ctx, "UPDATE dag_run SET pruned = pruned | ? WHERE id = ? AND "+ended, int(what), runKey)
	return n > 0, sqlrow.Wrapped("note what a run has lost", err)
}

// RemoveRows removes rows of a kind.
func (q Queries) RemoveRows(ctx context.Context, kind store.OldKind, ids []int64) error {
	if kind == store.OldJobs {
		return sqlqueue.Remove(ctx, q.c, ids)
	}
	k, ok := oldKinds[kind]
	if !ok {
		return fmt.Errorf("this store has no old rows of kind %q", kind)
	}
	statements := []string{"DELETE FROM " + k.table + " WHERE id = ?"}
	switch kind {
	case store.OldBackfills:
		statements = append(statements, "DELETE FROM backfill_date WHERE backfill_id = ?")
	case store.OldAlerts:
		statements = append(statements, "DELETE FROM delivery_attempt WHERE delivery_id = ?",
			"DELETE FROM card_press WHERE out_track_id IN (SELECT out_track_id FROM card WHERE delivery_id = ?)", "DELETE FROM card WHERE delivery_id = ?")
	case store.OldEvents:
		statements = append(statements, "DELETE FROM change_ref WHERE event_id = ?")
	default: // nothing belongs to the rows
	}
	for _, id := range ids {
		for _, statement := range statements {
			if _, err := q.c.Exec(ctx, statement, id); err != nil {
				return fmt.Errorf("remove old %s: %w", kind, err)
			}
		}
	}
	return nil
}

// RemoveVersions removes DAG versions, see [store.HistoryTx].
func (q Queries) RemoveVersions(ctx context.Context, versions []string) error {
	for _, v := range versions {
		for _, statement := range removeVersion {
			if _, err := q.c.Exec(ctx, statement, v); err != nil {
				return fmt.Errorf("remove a dag version: %w", err)
			}
		}
	}
	return nil
}

// removeVersion are the statements that remove a version: the contents first that it alone has.
var removeVersion = []string{
	`DELETE FROM template_file WHERE hash IN (SELECT f.hash FROM dag_version_file f WHERE f.version = ?
		AND NOT EXISTS (SELECT 1 FROM dag_version_file o WHERE o.hash = f.hash AND o.version <> f.version))`,
	"DELETE FROM dag_version_file WHERE version = ?",
	"DELETE FROM dag_version WHERE version = ?",
}
