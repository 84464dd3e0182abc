package sqlstore

import (
	"context"
	"fmt"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

var (
	importTable = sqlrow.Declare("import_error", func(e *store.ImportError) []sqlrow.Field {
		return []sqlrow.Field{
			sqlrow.Col("id", &e.ID), sqlrow.Col("file", &e.File), sqlrow.Col("dag_id", &e.DAGID), sqlrow.Col("since", sqlrow.Moment(&e.Since)), sqlrow.Col("until", sqlrow.Moment(&e.Until)), sqlrow.Col("error", &e.Text),
		}
	})
	importNew = importTable.But("id")
	importEnd = importTable.Only("until", "error")
)

// OpenImportErrors returns what can't be loaded now, oldest first.
func (q Queries) OpenImportErrors(ctx context.Context) ([]*store.ImportError, error) {
	es, err := sqlrow.Collect(ctx, q.c, importTable.Scan, importTable.Select()+" WHERE until IS NULL ORDER BY id")
	if err != nil {
		return nil, fmt.Errorf("list the broken dag files: %w", err)
	}
	return es, nil
}

// ImportErrors returns when a DAG could not be loaded, oldest first.
func (q Queries) ImportErrors(ctx context.Context, dagID string) ([]*store.ImportError, error) {
	es, err := sqlrow.Collect(ctx, q.c, importTable.Scan, importTable.Select()+" WHERE dag_id = ? AND dag_id <> '' ORDER BY id", dagID)
	if err != nil {
		return nil, fmt.Errorf("list when dag %s could not be loaded: %w", dagID, err)
	}
	return es, nil
}

// PutImportError adds a stretch and sets its ID, or writes the end and the text of one.
func (q Queries) PutImportError(ctx context.Context, e *store.ImportError) error {
	if e.ID != 0 {
		if _, err := q.c.Exec(ctx, importEnd.Update()+" WHERE id = ?", importEnd.Args(e, e.ID)...); err != nil {
			return fmt.Errorf("note that %s is broken: %w", e.File, err)
		}
		return nil
	}
	id, err := sqlrow.Column[int64](ctx, q.c, importNew.Insert()+" RETURNING id", importNew.Args(e)...)
	if err != nil {
		return fmt.Errorf("note that %s is broken: %w", e.File, err)
	}
	e.ID = id[0]
	return nil
}
