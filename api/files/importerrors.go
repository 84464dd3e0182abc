package files

import (
	"context"
	"slices"
	"time"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// Store is what is known of DAG files beside what they hold.
type Store interface {
	store.DAGs
	store.ImportErrors
}

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

// ImportErrors lists what the process that schedules can't load now, oldest first, as far as it is for who is limited to some DAGs: see
// [Own.Shows]. What is wrong with the files as they are this moment is told by who reads them. The store may be nil: then nothing is known.
func ImportErrors(ctx context.Context, s Store, mine access.Only, mask func(string) string) ([]ImportError, error) {
	out := []ImportError{}
	if s == nil {
		return out, nil
	}
	own, err := OwnOf(ctx, s, mine)
	if err != nil {
		return nil, err
	}
	rows, err := s.OpenImportErrors(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range rows {
		if own.Shows(e.File, e.DAGID) {
			out = append(out, ImportError{e.ID, e.Since.UTC(), e.File, e.DAGID, mask(e.Text)})
		}
	}
	return out, nil
}

// Own says what is wrong with files for who is limited to some DAGs.
type Own struct {
	mine access.Only
	// has are the files that have DAGs of these, others those that have any other.
	has, others map[string]bool
}

// OwnOf reads in which files the DAGs are that the limit is of. The store may be nil: then no file is theirs.
func OwnOf(ctx context.Context, s Store, mine access.Only) (*Own, error) {
	o := &Own{mine, map[string]bool{}, map[string]bool{}}
	if !mine.Limited() || s == nil {
		return o, nil
	}
	known, err := s.DAGs(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range known {
		if mine.Has(d.ID) {
			o.has[d.File] = true
		} else {
			o.others[d.File] = true
		}
	}
	return o, nil
}

// Whole reports whether a file has DAGs of theirs alone, as far as anybody knows.
func (o *Own) Whole(file string) bool { return !o.mine.Limited() || o.has[file] && !o.others[file] }

// Shows reports whether they see what is wrong with a DAG of a file, which concerns other DAGs too. An empty id is for the file
// itself, which has to be theirs as a whole.
func (o *Own) Shows(file, dagID string, also ...string) bool {
	if dagID == "" {
		return o.Whole(file)
	}
	return o.mine.Has(dagID) || slices.ContainsFunc(also, o.mine.Has)
}

// Of are the findings that they see, with their own DAGs alone.
func (o *Own) Of(all dag.Diagnostics) dag.Diagnostics {
	if !o.mine.Limited() {
		return all
	}
	out := dag.Diagnostics{}
	for _, d := range all {
		if !o.Shows(d.File, d.DAGID, d.Also...) {
			continue
		}
		if d.DAGID != "" {
			ids := slices.DeleteFunc(append([]string{d.DAGID}, d.Also...), func(id string) bool { return !o.mine.Has(id) })
			d.DAGID, d.Also = ids[0], ids[1:]
		}
		out = append(out, d)
	}
	return out
}
