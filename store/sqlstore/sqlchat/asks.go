package sqlchat

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

var (
	askTable = sqlrow.Declare("ask", func(a *store.Ask) []sqlrow.Field {
		return []sqlrow.Field{
			sqlrow.Col("id", &a.ID),
			sqlrow.Col("run_key", &a.RunKey),
			sqlrow.Col("dag_id", &a.DAGID),
			sqlrow.Col("run_id", &a.RunID),
			sqlrow.Col("task_id", &a.TaskID),
			sqlrow.Col("map_index", &a.MapIndex),
			sqlrow.Col("try", &a.Try),
			sqlrow.Col("subject", &a.Subject),
			sqlrow.Col("body", &a.Body),
			sqlrow.Col("options", sqlrow.List(&a.Options)),
			sqlrow.Col("multiple", &a.Multiple),
			sqlrow.Col("defaults", sqlrow.List(&a.Defaults)),
			sqlrow.Col("params", listOf[store.AskParam]{&a.Params}),
			sqlrow.Col("assigned", listOf[store.Person]{&a.Assigned}),
			sqlrow.Col("created_at", sqlrow.Moment(&a.CreatedAt)),
			sqlrow.Col("deadline", sqlrow.Moment(&a.Deadline)),
			sqlrow.Col("state", &a.State),
			sqlrow.Col("settled_at", sqlrow.Moment(&a.SettledAt)),
			sqlrow.Col("responder", &a.RespondedBy.ID),
			sqlrow.Col("responder_name", &a.RespondedBy.Name),
			sqlrow.Col("via", &a.Via),
			sqlrow.Col("chosen", sqlrow.List(&a.Chosen)),
			sqlrow.Col("input", sqlrow.RawJSON(&a.Input)),
			sqlrow.Col("note", &a.Note),
		}
	})
	askNew     = askTable.But("id")
	askSettled = askTable.Only("state", "settled_at", "responder", "responder_name", "via", "chosen", "input", "note")
)

// AskRows are the columns of asks.
func AskRows() *sqlrow.Table[store.Ask] { return askTable }

// listOf is values as a JSON list.
type listOf[T any] struct{ values *[]T }

// Scan reads them.
func (l listOf[T]) Scan(src any) error {
	*l.values = nil
	text, ok := src.(string)
	if !ok || text == "[]" {
		return nil
	}
	return json.Unmarshal([]byte(text), l.values)
}

// Value writes them.
func (l listOf[T]) Value() (driver.Value, error) {
	if len(*l.values) == 0 {
		return "[]", nil
	}
	b, err := json.Marshal(*l.values)
	return string(b), err
}

// Ask returns one ask, or an error that wraps [store.ErrNotFound].
func (q Queries) Ask(ctx context.Context, id int64) (*store.Ask, error) {
	a, err := sqlrow.One(ctx, q.c, askTable.Scan, askTable.Select()+" WHERE id = ?", id)
	if err == nil && a == nil {
		err = store.ErrNotFound
	}
	return a, sqlrow.Wrapped(fmt.Sprintf("read ask %d", id), err)
}

// AskOf returns what a try asks, see [store.Asks].
func (q Queries) AskOf(ctx context.Context, in *store.Instance) (*store.Ask, error) {
	a, err := sqlrow.One(ctx, q.c, askTable.Scan, askTable.Select()+" WHERE run_key = ? AND task_id = ? AND map_index = ? AND try = ?",
		in.RunKey, in.TaskID, in.MapIndex, in.Try)
	return a, sqlrow.Wrapped("read what a try asks", err)
}

// AskLog returns the asks that match, newest first.
func (q Queries) AskLog(ctx context.Context, f store.AskFilter) ([]*store.Ask, error) {
	where, args := sqlrow.OneOf("dag_id", f.DAGIDs)
	with := func(condition string, values ...any) { where, args = append(where, condition), append(args, values...) }
	if f.RunKey != 0 {
		with("run_key = ?", f.RunKey)
	}
	if f.DAGID != "" {
		with("dag_id = ?", f.DAGID)
	}
	if f.RunID != "" {
		with("run_id = ?", f.RunID)
	}
	if f.TaskID != "" {
		with("task_id = ?", f.TaskID)
	}
	if len(f.States) == 1 && f.States[0] == store.AskOpen {
		with("state = 'open'") // the condition of an index
	} else if len(f.States) > 0 {
		states := make([]any, len(f.States))
		for i, s := range f.States {
			states[i] = string(s)
		}
		with("state IN ("+sqlrow.Marks(len(states))+")", states...)
	}
	if f.Behind > 0 {
		with("id < ?", f.Behind)
	}
	query := askTable.Select() + sqlrow.Conditions(where) + " ORDER BY id DESC"
	if f.Limit > 0 {
		query, args = query+" LIMIT ?", append(args, f.Limit)
	}
	as, err := sqlrow.Collect(ctx, q.c, askTable.Scan, query, args...)
	return as, sqlrow.Wrapped("list asks", err)
}

// InsertAsk adds an ask, see [store.AsksTx].
func (q Queries) InsertAsk(ctx context.Context, a *store.Ask) (bool, error) {
	ids, err := sqlrow.Column[int64](ctx, q.c, askNew.Insert()+" ON CONFLICT DO NOTHING RETURNING id", askNew.Args(a)...)
	if err != nil {
		return false, fmt.Errorf("write an ask: %w", err)
	}
	if len(ids) > 0 {
		a.ID = ids[0]
		return true, nil
	}
	before, err := q.AskOf(ctx, a.Of())
	if err == nil && before == nil {
		err = store.ErrNotFound
	}
	if err != nil {
		return false, fmt.Errorf("write an ask: %w", err)
	}
	a.ID = before.ID
	return false, nil
}

// SettleAsk writes what became of an ask, see [store.AsksTx].
func (q Queries) SettleAsk(ctx context.Context, a *store.Ask) (bool, error) {
	n, err := q.c.Exec(ctx, askSettled.Update()+" WHERE id = ? AND state = 'open'", askSettled.Args(a, a.ID)...)
	return n > 0, sqlrow.Wrapped(fmt.Sprintf("settle ask %d", a.ID), err)
}
