package sqlstore

import (
	"context"
	"fmt"
	"strings"

	"github.com/dingdag/dingdag/store"
)

var (
	eventTable = declare("event_log", func(e *store.Event) []field {
		return []field{
			{"id", &e.ID},
			{"at", moment{&e.At}},
			{"owner", &e.Actor.Name},
			{"via", &e.Actor.Via},
			{"event", &e.Kind},
			{"dag_id", &e.DAGID},
			{"run_id", &e.RunID},
			{"task_id", &e.TaskID},
			{"map_index", &e.MapIndex},
			{"extra", rawJSON{&e.Extra}},
		}
	})
	eventNew = eventTable.but("id")
)

// Events returns the events that match, newest first.
func (q Queries) Events(ctx context.Context, f store.EventFilter) ([]*store.Event, error) {
	where, args := matchingEvents(f)
	if f.Behind > 0 {
		where, args = append(where, "id < ?"), append(args, f.Behind)
	}
	query := eventTable.rows() + conditions(where) + " ORDER BY id DESC"
	if f.Limit > 0 {
		query, args = query+" LIMIT ? OFFSET ?", append(args, f.Limit, f.Offset)
	}
	es, err := collect(ctx, q.c, eventTable.scan, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list events: %w", err)
	}
	return es, nil
}

// CountEvents counts the events that match, on whatever page.
func (q Queries) CountEvents(ctx context.Context, f store.EventFilter) (int, error) {
	where, args := matchingEvents(f)
	n, err := column[int](ctx, q.c, "SELECT count(*) FROM event_log"+conditions(where), args...)
	if err != nil {
		return 0, fmt.Errorf("count events: %w", err)
	}
	return n[0], nil
}

// conditions are the end of a statement that holds all of them.
func conditions(all []string) string {
	if len(all) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(all, " AND ")
}

// likely escapes what LIKE would take for more than itself.
var likely = strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`) //nolint:gochecknoglobals // never changed

// matchingEvents are the conditions of a filter, without its page.
func matchingEvents(f store.EventFilter) (where []string, args []any) {
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
		where = append(where, "event IN ("+marks(len(f.Kinds))+")")
		for _, k := range f.Kinds {
			args = append(args, string(k))
		}
	}
	if !f.Since.IsZero() {
		where, args = append(where, "at >= ?"), append(args, ms(f.Since))
	}
	if !f.Until.IsZero() {
		where, args = append(where, "at < ?"), append(args, ms(f.Until))
	}
	return where, args
}

// InsertEvents adds events and sets their IDs.
func (q Queries) InsertEvents(ctx context.Context, es ...*store.Event) error {
	for _, e := range es {
		id, err := column[int64](ctx, q.c, eventNew.insert()+" RETURNING id", eventNew.args(e)...)
		if err != nil {
			return fmt.Errorf("write an event: %w", err)
		}
		e.ID = id[0]
	}
	return nil
}
