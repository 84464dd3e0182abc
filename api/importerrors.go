package api

import (
	"context"
	"time"
)

// ImportError is a DAG file, or a DAG of it, that can't be loaded (Airflow, ImportErrorResponse).
type ImportError struct {
	ID int64 `json:"import_error_id"`
	// Timestamp is when that was seen first, in UTC.
	Timestamp time.Time `json:"timestamp"`
	Filename  string    `json:"filename"`
	// DAGID is a DAG that was known and can't be loaded now; empty for the file itself.
	DAGID string `json:"dag_id"`
	// StackTrace are the errors, a line each, with their places.
	StackTrace string `json:"stack_trace"`
}

// ImportErrors lists what the process that schedules can't load now, oldest first. What is wrong with the
// files as they are this moment is told by who reads them.
func (a *API) ImportErrors(ctx context.Context) ([]ImportError, error) {
	out := []ImportError{}
	if a.o.Store == nil {
		return out, nil
	}
	rows, err := a.o.Store.OpenImportErrors(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range rows {
		out = append(out, ImportError{e.ID, e.Since.UTC(), e.File, e.DAGID, a.o.Masker.Mask(e.Text)})
	}
	return out, nil
}
