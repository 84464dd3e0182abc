package sqlstore

import (
	"context"
	"fmt"

	"github.com/dingdag/dingdag/store"
)

const importColumns = "id, file, dag_id, since, until, error"

func scanImport(rows Rows, e *store.ImportError) error {
	return rows.Scan(&e.ID, &e.File, &e.DAGID, moment{&e.Since}, moment{&e.Until}, &e.Text)
}

// OpenImportErrors returns what can't be loaded now, oldest first.
func (q Queries) OpenImportErrors(ctx context.Context) ([]*store.ImportError, error) {
	es, err := collect(ctx, q.c, scanImport, "SELECT "+importColumns+" FROM import_error WHERE until IS NULL ORDER BY id")
	if err != nil {
		return nil, fmt.Errorf("list the broken dag files: %w", err)
	}
	return es, nil
}

// ImportErrors returns when a DAG could not be loaded, oldest first.
func (q Queries) ImportErrors(ctx context.Context, dagID string) ([]*store.ImportError, error) {
	es, err := collect(ctx, q.c, scanImport, "SELECT "+importColumns+" FROM import_error WHERE dag_id = ? AND dag_id <> '' ORDER BY id", dagID)
	if err != nil {
		return nil, fmt.Errorf("list when dag %s could not be loaded: %w", dagID, err)
	}
	return es, nil
}

// PutImportError adds a stretch and sets its ID, or writes the end and the text of one.
func (q Queries) PutImportError(ctx context.Context, e *store.ImportError) error {
	if e.ID != 0 {
		if _, err := q.c.Exec(ctx, "UPDATE import_error SET until = ?, error = ? WHERE id = ?", ms(e.Until), e.Text, e.ID); err != nil {
			return fmt.Errorf("note that %s is broken: %w", e.File, err)
		}
		return nil
	}
	id, err := column[int64](ctx, q.c, "INSERT INTO import_error (file, dag_id, since, until, error) VALUES ("+marks(5)+") RETURNING id",
		e.File, e.DAGID, ms(e.Since), ms(e.Until), e.Text)
	if err != nil {
		return fmt.Errorf("note that %s is broken: %w", e.File, err)
	}
	e.ID = id[0]
	return nil
}
