package sqlstore

import (
	"context"
	"fmt"

	"github.com/dingdag/dingdag/store"
)

var (
	importTable = declare("import_error", func(e *store.ImportError) []field {
		return []field{
			{"id", &e.ID}, {"file", &e.File}, {"dag_id", &e.DAGID}, {"since", moment{&e.Since}}, {"until", moment{&e.Until}}, {"error", &e.Text},
		}
	})
	importNew = importTable.but("id")
	importEnd = importTable.only("until", "error")
)

// OpenImportErrors returns what can't be loaded now, oldest first.
func (q Queries) OpenImportErrors(ctx context.Context) ([]*store.ImportError, error) {
	es, err := collect(ctx, q.c, importTable.scan, importTable.rows()+" WHERE until IS NULL ORDER BY id")
	if err != nil {
		return nil, fmt.Errorf("list the broken dag files: %w", err)
	}
	return es, nil
}

// ImportErrors returns when a DAG could not be loaded, oldest first.
func (q Queries) ImportErrors(ctx context.Context, dagID string) ([]*store.ImportError, error) {
	es, err := collect(ctx, q.c, importTable.scan, importTable.rows()+" WHERE dag_id = ? AND dag_id <> '' ORDER BY id", dagID)
	if err != nil {
		return nil, fmt.Errorf("list when dag %s could not be loaded: %w", dagID, err)
	}
	return es, nil
}

// PutImportError adds a stretch and sets its ID, or writes the end and the text of one.
func (q Queries) PutImportError(ctx context.Context, e *store.ImportError) error {
	if e.ID != 0 {
		if _, err := q.c.Exec(ctx, importEnd.update()+" WHERE id = ?", importEnd.args(e, e.ID)...); err != nil {
			return fmt.Errorf("note that %s is broken: %w", e.File, err)
		}
		return nil
	}
	id, err := column[int64](ctx, q.c, importNew.insert()+" RETURNING id", importNew.args(e)...)
	if err != nil {
		return fmt.Errorf("note that %s is broken: %w", e.File, err)
	}
	e.ID = id[0]
	return nil
}
