package browse

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/listing"
)

// Run is a run with the DAG of its version.
type Run struct {
	listing.Run

	// DAG is nil when the version can't be read any more.
	DAG *dag.DAG
}

// DisplayName is how people call its DAG.
func (r *Run) DisplayName() string {
	if r.DAG == nil {
		return r.DAGID
	}
	return cmp.Or(r.DAG.DisplayName, r.DAGID)
}

// Runs lists runs of the DAGs that whoever asks may read. A DAG that is named and unknown has none.
func (b *Browser) Runs(ctx context.Context, f RunFilter, p Page) ([]*Run, int, error) {
	if err := b.limit(ctx, &f); err != nil {
		return nil, 0, err
	}
	rows, n, err := b.o.Lists.ListRuns(ctx, f, p)
	if err != nil {
		return nil, 0, err
	}
	out := make([]*Run, len(rows))
	for i, r := range rows {
		out[i] = &Run{*r, b.restored(ctx, r.Version)}
	}
	return out, n, nil
}

// limit narrows a filter down to the DAGs that whoever asks may read.
func (b *Browser) limit(ctx context.Context, f *RunFilter) (err error) {
	f.DAGIDs, err = b.visible(ctx, f.DAGIDs)
	f.Now = b.o.Clock()
	return err
}

// KnownDAG is nil when there is a DAG, or was one; otherwise its error wraps [api.ErrNotFound].
func (b *Browser) KnownDAG(ctx context.Context, dagID string) error { return b.known(ctx, dagID) }

// Run is one run. Its error wraps [api.ErrNotFound] when there is none.
func (b *Browser) Run(ctx context.Context, dagID, runID string) (*Run, error) {
	row, err := b.o.Store.RunByID(ctx, dagID, runID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, store.Missing("The DagRun with dag_id: `%s` and run_id: `%s` was not found", dagID, runID)
	}
	if err != nil {
		return nil, err
	}
	return b.runOf(ctx, row)
}

func (b *Browser) runOf(ctx context.Context, row *store.Run) (*Run, error) {
	r := &Run{Run: listing.Run{Run: *row}, DAG: b.restored(ctx, row.Version)}
	v, err := b.o.Store.VersionInfo(ctx, row.Version)
	switch {
	case err == nil:
		r.Number, r.VersionAt = v.Number, v.CreatedAt
	case !errors.Is(err, store.ErrNotFound):
		return nil, err
	}
	notes, err := b.o.Store.Notes(ctx, row.Key)
	if i := slices.IndexFunc(notes, func(n *store.Note) bool { return n.TaskID == "" }); i >= 0 {
		r.Note = notes[i]
	}
	return r, err
}

// space is where the UUIDs of rows are.
var space = uuid.MustParse("5f1d9c0e-8a1b-4c35-9a55-6d1f4a3b2c10") //nolint:gochecknoglobals // a constant

// VersionID is the UUID of a version of a DAG.
func VersionID(version string) string {
	return uuid.NewSHA1(space, []byte("version "+version)).String()
}
