package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

var (
	runTable = sqlrow.Declare("dag_run", func(r *store.Run) []sqlrow.Field {
		return []sqlrow.Field{
			sqlrow.Col("id", &r.Key),
			sqlrow.Col("dag_id", &r.DAGID),
			sqlrow.Col("run_id", &r.RunID),
			sqlrow.Col("run_type", &r.Type),
			sqlrow.Col("state", &r.State),
			sqlrow.Col("logical_date", sqlrow.Moment(&r.LogicalDate)),
			sqlrow.Col("interval_start", sqlrow.Moment(&r.IntervalStart)),
			sqlrow.Col("interval_end", sqlrow.Moment(&r.IntervalEnd)),
			sqlrow.Col("run_after", sqlrow.Moment(&r.RunAfter)),
			sqlrow.Col("queued_at", sqlrow.Moment(&r.QueuedAt)),
			sqlrow.Col("start_date", sqlrow.Moment(&r.StartDate)),
			sqlrow.Col("end_date", sqlrow.Moment(&r.EndDate)),
			sqlrow.Col("conf", sqlrow.RawJSON(&r.Conf)),
			sqlrow.Col("version", &r.Version),
			sqlrow.Col("reason", &r.Reason),
			sqlrow.Col("backfill_id", sqlrow.Reference(&r.BackfillID)),
			sqlrow.Col("provisional", &r.Provisional),
			sqlrow.Col("made_by", &r.MadeBy),
			sqlrow.Col("triggered_by", &r.Actor.Via),
			sqlrow.Col("triggering_user_name", &r.Actor.Name),
		}
	})
	runNew     = runTable.But("id")
	runChanges = runTable.Only("run_type", "backfill_id", "state", "queued_at", "start_date", "end_date", "reason", "made_by")
	runVersion = runTable.Only("version", "provisional")
)

// RunRows are the columns of runs.
func RunRows() *sqlrow.Table[store.Run] { return runTable }

func (q Queries) run(ctx context.Context, what, where string, args ...any) (*store.Run, error) {
	r, err := sqlrow.One(ctx, q.c, runTable.Scan, runTable.Select()+" WHERE "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read run %s: %w", what, err)
	}
	if r == nil {
		return nil, fmt.Errorf("run %s: %w", what, store.ErrNotFound)
	}
	return r, nil
}

// Run returns the run with the given key.
func (q Queries) Run(ctx context.Context, key int64) (*store.Run, error) {
	return q.run(ctx, strconv.FormatInt(key, 10), "id = ?", key)
}

// RunByID returns a run by its DAG and run id.
func (q Queries) RunByID(ctx context.Context, dagID, runID string) (*store.Run, error) {
	return q.run(ctx, dagID+"/"+runID, "dag_id = ? AND run_id = ?", dagID, runID)
}

// Runs returns the runs that match: oldest first, or the newest Limit ones, newest first.
func (q Queries) Runs(ctx context.Context, f store.RunFilter) ([]*store.Run, error) {
	where, args := matching(f)
	order := "run_after"
	if !f.Since.IsZero() || !f.From.IsZero() || !f.To.IsZero() || len(f.States) > 1 && allOpen(f.States) {
		order = "+run_after" // few runs ended lately, have these dates or are open: that index is the one to use
	}
	query := runTable.Select()
	if f.Limit > 0 && f.Behind != nil {
		where, args = append(where, "("+order+", id) < (?, ?)"), append(args, sqlrow.UnixMilli(f.Behind.RunAfter), f.Behind.Key)
	}
	if len(where) > 0 {
		query += " WHERE " + strings.Join(where, " AND ")
	}
	if f.Limit > 0 {
		query += " ORDER BY " + order + " DESC, id DESC LIMIT ? OFFSET ?"
		args = append(args, f.Limit, f.Offset)
	} else {
		query += " ORDER BY " + order + ", id"
	}
	rs, err := sqlrow.Collect(ctx, q.c, runTable.Scan, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	return rs, nil
}

// CountMatching counts the runs that match, on whatever page.
func (q Queries) CountMatching(ctx context.Context, f store.RunFilter) (int, error) {
	where, args := matching(f)
	query := "SELECT count(*) FROM dag_run"
	if len(where) > 0 {
		query += " WHERE " + strings.Join(where, " AND ")
	}
	n, err := sqlrow.Column[int](ctx, q.c, query, args...)
	if err != nil {
		return 0, fmt.Errorf("count runs: %w", err)
	}
	return n[0], nil
}

// matching are the conditions of a filter, without its page.
func matching(f store.RunFilter) (where []string, args []any) {
	where, args = sqlrow.OneOf("dag_id", f.DAGIDs)
	if f.DAGID != "" {
		is := "dag_id = ?"
		if !f.Since.IsZero() && f.From.IsZero() && f.To.IsZero() {
			is = "dag_id || '' = ?" // as for the order in Runs: all runs of the DAG would be read
		}
		where, args = append(where, is), append(args, f.DAGID)
	}
	if f.Type != "" {
		where, args = append(where, "run_type = ?"), append(args, f.Type)
	}
	if f.BackfillID != 0 {
		where, args = append(where, "backfill_id = ?"), append(args, f.BackfillID)
	}
	if len(f.States) > 0 {
		in, more := inStates(f.States)
		where, args = append(where, in), append(args, more...)
	}
	if !f.Since.IsZero() {
		where, args = append(where, "(end_date >= ? OR end_date IS NULL AND "+isOpen+")"), append(args, sqlrow.UnixMilli(f.Since))
	}
	if !f.From.IsZero() {
		where, args = append(where, "logical_date >= ?"), append(args, sqlrow.UnixMilli(f.From))
	}
	if !f.To.IsZero() {
		where, args = append(where, "logical_date <= ?"), append(args, sqlrow.UnixMilli(f.To))
	}
	return where, args
}

// NewestRuns returns the newest run of each of some DAGs, or of each DAG that has one.
func (q Queries) NewestRuns(ctx context.Context, dagIDs ...string) ([]*store.Run, error) {
	some, args := "", make([]any, len(dagIDs))
	for i, id := range dagIDs {
		args[i] = id
	}
	if len(args) > 0 {
		some = " WHERE dag_id IN (" + sqlrow.Marks(len(args)) + ")"
	}
	rs, err := sqlrow.Collect(ctx, q.c, runTable.Scan, runTable.Select()+` WHERE id IN (
		SELECT (SELECT id FROM dag_run AS newest WHERE newest.dag_id = dag.dag_id ORDER BY run_after DESC, id DESC LIMIT 1) FROM dag`+some+`)`, args...)
	if err != nil {
		return nil, fmt.Errorf("list the newest runs: %w", err)
	}
	return rs, nil
}

// RecentRuns returns the newest runs of each of some DAGs, see [store.Runs].
func (q Queries) RecentRuns(ctx context.Context, limit int, dagIDs ...string) ([]*store.Run, error) {
	if len(dagIDs) == 0 {
		return nil, nil
	}
	args := []any{limit}
	for _, id := range dagIDs {
		args = append(args, id)
	}
	rs, err := sqlrow.Collect(ctx, q.c, runTable.Scan, `SELECT run.* FROM dag `+q.c.Dialect().JoinBehind()+` (`+runTable.Select()+`) AS run ON run.id IN (
		SELECT id FROM dag_run AS newest WHERE newest.dag_id = dag.dag_id ORDER BY run_after DESC, id DESC LIMIT ?)
		WHERE dag.dag_id IN (`+sqlrow.Marks(len(dagIDs))+`) ORDER BY dag.dag_id, run.run_after DESC, run.id DESC`, args...)
	if err != nil {
		return nil, fmt.Errorf("list the recent runs of dags: %w", err)
	}
	return rs, nil
}

// ProvisionalRuns returns the queued runs with a provisional version, oldest first.
func (q Queries) ProvisionalRuns(ctx context.Context) ([]*store.Run, error) {
	rs, err := sqlrow.Collect(ctx, q.c, runTable.Scan, runTable.Select()+`
		WHERE provisional AND state = 'queued' AND state IN ('queued', 'running') ORDER BY run_after, id`)
	if err != nil {
		return nil, fmt.Errorf("list runs with a provisional version: %w", err)
	}
	return rs, nil
}

// RunAt returns the run with a logical date, or nil.
func (q Queries) RunAt(ctx context.Context, dagID string, logicalDate time.Time) (*store.Run, error) {
	r, err := sqlrow.One(ctx, q.c, runTable.Scan, runTable.Select()+" WHERE dag_id = ? AND logical_date = ?", dagID, sqlrow.UnixMilli(logicalDate))
	if err != nil {
		return nil, fmt.Errorf("read run of %s at %s: %w", dagID, logicalDate, err)
	}
	return r, nil
}

// NearestRun returns the run whose logical date is nearest to a moment, or nil.
func (q Queries) NearestRun(ctx context.Context, dagID string, at time.Time) (*store.Run, error) {
	r, err := sqlrow.One(ctx, q.c, runTable.Scan, runTable.Select()+` WHERE id IN (
		SELECT id FROM (SELECT id FROM dag_run WHERE dag_id = ? AND logical_date <= ? ORDER BY logical_date DESC LIMIT 1) AS before
		UNION ALL
		SELECT id FROM (SELECT id FROM dag_run WHERE dag_id = ? AND logical_date > ? ORDER BY logical_date LIMIT 1) AS later
	) ORDER BY abs(logical_date - ?), logical_date LIMIT 1`, dagID, sqlrow.UnixMilli(at), dagID, sqlrow.UnixMilli(at), sqlrow.UnixMilli(at))
	if err != nil {
		return nil, fmt.Errorf("read the run of %s nearest to %s: %w", dagID, at, err)
	}
	return r, nil
}

// LastScheduled returns the run with the newest logical date that the schedule made, or
// nil. It counts those that a backfill took over.
func (q Queries) LastScheduled(ctx context.Context, dagID string) (*store.Run, error) {
	r, err := sqlrow.One(ctx, q.c, runTable.Scan, runTable.Select()+` WHERE id IN (
		SELECT id FROM (SELECT id FROM dag_run WHERE dag_id = ? AND run_type = 'scheduled' AND logical_date IS NOT NULL ORDER BY logical_date DESC LIMIT 1) AS own
		UNION ALL
		SELECT id FROM (SELECT id FROM dag_run WHERE dag_id = ? AND run_type = 'backfill' AND substr(run_id, 1, 11) = 'scheduled__' AND logical_date IS NOT NULL
			ORDER BY logical_date DESC LIMIT 1) AS taken_over
	) ORDER BY logical_date DESC LIMIT 1`, dagID, dagID)
	if err != nil {
		return nil, fmt.Errorf("read last run of %s: %w", dagID, err)
	}
	return r, nil
}

// PreviousSuccess returns the newest successful run before r, by logical date, or nil.
func (q Queries) PreviousSuccess(ctx context.Context, r *store.Run) (*store.Run, error) {
	p, err := sqlrow.One(ctx, q.c, runTable.Scan, runTable.Select()+`
		WHERE dag_id = ? AND state = 'success' AND logical_date < ? ORDER BY logical_date DESC LIMIT 1`, r.DAGID, sqlrow.UnixMilli(r.LogicalDate))
	if err != nil {
		return nil, fmt.Errorf("read previous run of %s: %w", r.DAGID, err)
	}
	return p, nil
}

// PreviousRun returns the run of the DAG with the newest logical date before that of r, or
// for one without a logical date the run with the newest run_after before its own, among
// those that nobody triggered by hand if so asked, or nil.
func (q Queries) PreviousRun(ctx context.Context, r *store.Run, automatic bool) (*store.Run, error) {
	where, order, args := "dag_id = ? AND logical_date < ?", "logical_date DESC", []any{r.DAGID, sqlrow.UnixMilli(r.LogicalDate)}
	if r.LogicalDate.IsZero() {
		where, order = "dag_id = ? AND run_after <= ? AND (run_after < ? OR id < ?)", "run_after DESC, id DESC"
		args = []any{r.DAGID, sqlrow.UnixMilli(r.RunAfter), sqlrow.UnixMilli(r.RunAfter), r.Key}
	}
	if automatic {
		where += " AND run_type <> 'manual'"
	}
	p, err := sqlrow.One(ctx, q.c, runTable.Scan, runTable.Select()+" WHERE "+where+" ORDER BY "+order+" LIMIT 1", args...)
	if err != nil {
		return nil, fmt.Errorf("read previous run of %s: %w", r.DAGID, err)
	}
	return p, nil
}

// CountRuns counts the runs of a DAG in one of the states.
func (q Queries) CountRuns(ctx context.Context, dagID string, states ...dag.RunState) (int, error) {
	return q.countRuns(ctx, dagID, "", states)
}

// CountOwnRuns counts the runs of a DAG in one of the states without those of backfills.
func (q Queries) CountOwnRuns(ctx context.Context, dagID string, states ...dag.RunState) (int, error) {
	return q.countRuns(ctx, dagID, " AND run_type <> 'backfill'", states)
}

func (q Queries) countRuns(ctx context.Context, dagID, only string, states []dag.RunState) (int, error) {
	in, more := inStates(states)
	n, err := sqlrow.Column[int](ctx, q.c, "SELECT count(*) FROM dag_run WHERE dag_id = ?"+only+" AND "+in, append([]any{dagID}, more...)...)
	if err != nil {
		return 0, fmt.Errorf("count runs of %s: %w", dagID, err)
	}
	return n[0], nil
}

// isOpen is the condition of the index of open runs. A statement that reads open runs must
// have it word for word beside its own: SQLite uses a partial index only then, and reads the
// whole history otherwise.
const isOpen = "state IN ('queued', 'running')"

// inStates is the condition that a run has one of the states.
func inStates(states []dag.RunState) (condition string, args []any) {
	for _, s := range states {
		args = append(args, string(s))
	}
	condition = "state IN (" + sqlrow.Marks(len(states)) + ")"
	switch {
	case allOpen(states):
		condition += " AND " + isOpen
	case len(states) == 1 && states[0].Finished():
		condition += " AND state = '" + string(states[0]) + "'" // word for word, as that of isOpen
	}
	return condition, args
}

// allOpen reports whether no ended run is in one of the states.
func allOpen(states []dag.RunState) bool {
	return len(states) > 0 && !slices.ContainsFunc(states, dag.RunState.Finished)
}

// OpenRuns returns the keys of the running runs and the DAGs that have queued ones.
func (q Queries) OpenRuns(ctx context.Context) (running []int64, queued []string, err error) {
	if running, err = sqlrow.Column[int64](ctx, q.c, "SELECT id FROM dag_run WHERE state = 'running' AND "+isOpen); err == nil {
		queued, err = sqlrow.Column[string](ctx, q.c, "SELECT DISTINCT dag_id FROM dag_run WHERE state = 'queued' AND "+isOpen)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("list open runs: %w", err)
	}
	return running, queued, nil
}

// InsertRun adds a run unless its run id or logical date exists.
func (q Queries) InsertRun(ctx context.Context, r *store.Run) (bool, error) {
	key, err := sqlrow.Column[int64](ctx, q.c, runNew.Insert()+" ON CONFLICT DO NOTHING RETURNING id", runNew.Args(r)...)
	if err != nil {
		return false, fmt.Errorf("create run %s/%s: %w", r.DAGID, r.RunID, err)
	}
	if len(key) == 0 {
		return false, nil
	}
	r.Key = key[0]
	return true, nil
}

// UpdateRun writes the type, backfill, state, dates, reason and maker of a run.
func (q Queries) UpdateRun(ctx context.Context, r *store.Run) error {
	_, err := q.c.Exec(ctx, runChanges.Update()+" WHERE id = ?", runChanges.Args(r, r.Key)...)
	if err != nil {
		return fmt.Errorf("update run %s/%s: %w", r.DAGID, r.RunID, err)
	}
	if r.State.Finished() {
		return nil
	}
	_, err = q.c.Exec(ctx, "UPDATE dag_run SET pruned = 0 WHERE id = ? AND pruned <> 0", r.Key) // it will have logs and XComs again
	if err != nil {
		return fmt.Errorf("update run %s/%s: %w", r.DAGID, r.RunID, err)
	}
	return nil
}

// SetRunVersion writes the version of a run and whether it is provisional.
func (q Queries) SetRunVersion(ctx context.Context, r *store.Run) error {
	if _, err := q.c.Exec(ctx, runVersion.Update()+" WHERE id = ?", runVersion.Args(r, r.Key)...); err != nil {
		return fmt.Errorf("write the version of run %s/%s: %w", r.DAGID, r.RunID, err)
	}
	return nil
}

var (
	deadlineTable = sqlrow.Declare("run_deadline", func(l *store.RunDeadline) []sqlrow.Field {
		return []sqlrow.Field{sqlrow.Col("run_key", &l.RunKey), sqlrow.Col("position", &l.Index), sqlrow.Col("at", sqlrow.Moment(&l.At))}
	})
	deadlineAll = deadlineTable.But()
)

// DueDeadlines returns the deadlines that have passed, the earliest first.
func (q Queries) DueDeadlines(ctx context.Context, now time.Time) ([]*store.RunDeadline, error) {
	ls, err := sqlrow.Collect(ctx, q.c, deadlineTable.Scan, deadlineTable.Select()+" WHERE at <= ? ORDER BY at, run_key, position", sqlrow.UnixMilli(now))
	if err != nil {
		return nil, fmt.Errorf("read deadlines: %w", err)
	}
	return ls, nil
}

// PutDeadline notes a deadline.
func (q Queries) PutDeadline(ctx context.Context, l *store.RunDeadline) error {
	_, err := q.c.Exec(ctx, deadlineAll.Insert(), deadlineAll.Args(l)...)
	if err != nil {
		return fmt.Errorf("write deadline: %w", err)
	}
	return nil
}

// DeleteDeadline removes a deadline and reports whether it was there.
func (q Queries) DeleteDeadline(ctx context.Context, l *store.RunDeadline) (bool, error) {
	found, err := sqlrow.Column[int64](ctx, q.c, "DELETE FROM run_deadline WHERE run_key = ? AND position = ? RETURNING position", l.RunKey, l.Index)
	if err != nil {
		return false, fmt.Errorf("delete deadline: %w", err)
	}
	return len(found) > 0, nil
}

// DeleteDeadlines removes all deadlines of a run.
func (q Queries) DeleteDeadlines(ctx context.Context, runKey int64) error {
	if _, err := q.c.Exec(ctx, "DELETE FROM run_deadline WHERE run_key = ?", runKey); err != nil {
		return fmt.Errorf("delete the deadlines of a run: %w", err)
	}
	return nil
}
