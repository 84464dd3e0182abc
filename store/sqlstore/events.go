package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

var (
	eventTable = sqlrow.Declare("event_log", func(e *store.Event) []sqlrow.Field {
		return []sqlrow.Field{
			sqlrow.Col("id", &e.ID),
			sqlrow.Col("at", sqlrow.Moment(&e.At)),
			sqlrow.Col("owner", &e.Actor.Name),
			sqlrow.Col("via", &e.Actor.Via),
			sqlrow.Col("address", &e.Actor.Address),
			sqlrow.Col("event", &e.Kind),
			sqlrow.Col("dag_id", &e.DAGID),
			sqlrow.Col("run_id", &e.RunID),
			sqlrow.Col("task_id", &e.TaskID),
			sqlrow.Col("map_index", &e.MapIndex),
			sqlrow.Col("extra", sqlrow.RawJSON(&e.Extra)),
			sqlrow.Col("operation", &e.Actor.Operation),
			sqlrow.Col("request", &e.Actor.Request),
		}
	})
	eventNew = eventTable.But("id")
)

// EventRows are the columns of events.
func EventRows() *sqlrow.Table[store.Event] { return eventTable }

// Events returns the events that match, newest first.
func (q Queries) Events(ctx context.Context, f store.EventFilter) ([]*store.Event, error) {
	where, args := matchingEvents(f)
	if f.Behind > 0 {
		where, args = append(where, "id < ?"), append(args, f.Behind)
	}
	query := eventTable.Select() + sqlrow.Conditions(where) + " ORDER BY id DESC"
	if f.Limit > 0 {
		query, args = query+" LIMIT ? OFFSET ?", append(args, f.Limit, f.Offset)
	}
	es, err := sqlrow.Collect(ctx, q.c, eventTable.Scan, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list events: %w", err)
	}
	return es, nil
}

// CountEvents counts the events that match, on whatever page.
func (q Queries) CountEvents(ctx context.Context, f store.EventFilter) (int, error) {
	where, args := matchingEvents(f)
	n, err := sqlrow.Column[int](ctx, q.c, "SELECT count(*) FROM event_log"+sqlrow.Conditions(where), args...)
	if err != nil {
		return 0, fmt.Errorf("count events: %w", err)
	}
	return n[0], nil
}

// likely escapes what LIKE would take for more than itself.
var likely = strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`) //nolint:gochecknoglobals // never changed

// matchingEvents are the conditions of a filter, without its page.
func matchingEvents(f store.EventFilter) (where []string, args []any) {
	where, args = sqlrow.OneOf("dag_id", f.DAGIDs)
	for _, c := range []struct{ column, value string }{{"dag_id", f.DAGID}, {"run_id", f.RunID}, {"owner", f.Name}} {
		if c.value != "" {
			where, args = append(where, c.column+" = ?"), append(args, c.value)
		}
	}
	if f.TaskID != "" {
		where = append(where, `(task_id = ? OR task_id = '' AND extra LIKE ? ESCAPE '\')`)
		args = append(args, f.TaskID, `%"`+likely.Replace(f.TaskID)+`"%`)
	}
	if len(f.Kinds) > 0 {
		where = append(where, "event IN ("+sqlrow.Marks(len(f.Kinds))+")")
		for _, k := range f.Kinds {
			args = append(args, string(k))
		}
	}
	if !f.Since.IsZero() {
		where, args = append(where, "at >= ?"), append(args, sqlrow.UnixMilli(f.Since))
	}
	if !f.Until.IsZero() {
		where, args = append(where, "at < ?"), append(args, sqlrow.UnixMilli(f.Until))
	}
	return where, args
}

// InsertEvents adds events and sets their IDs.
func (q Queries) InsertEvents(ctx context.Context, es ...*store.Event) error {
	for _, e := range es {
		id, err := sqlrow.Column[int64](ctx, q.c, eventNew.Insert()+" RETURNING id", eventNew.Args(e)...)
		if err != nil {
			return fmt.Errorf("write an event: %w", err)
		}
		e.ID = id[0]
		if err := q.putRef(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// putRef notes for which message a change was made, unless this transaction has done so.
func (q Queries) putRef(ctx context.Context, e *store.Event) error {
	ref := e.Actor.Ref
	if ref == "" || slices.Contains(*q.refs, ref) {
		return nil
	}
	n, err := q.c.Exec(ctx, "INSERT INTO change_ref (ref, event_id) VALUES (?, ?) ON CONFLICT DO NOTHING", ref, e.ID)
	if err != nil {
		return fmt.Errorf("write an event: %w", err)
	}
	if n == 0 {
		return fmt.Errorf("%s for %s: %w", e.Kind, ref, store.ErrRepeated)
	}
	*q.refs = append(*q.refs, ref)
	return nil
}

// EventOfRef returns what was changed for a message, see [store.Events].
func (q Queries) EventOfRef(ctx context.Context, ref string) (*store.Event, error) {
	e, err := sqlrow.One(ctx, q.c, eventTable.Scan, eventTable.Select()+" WHERE id = (SELECT event_id FROM change_ref WHERE ref = ?)", ref)
	if err == nil && e == nil {
		err = store.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read an event: %w", err)
	}
	return e, nil
}
