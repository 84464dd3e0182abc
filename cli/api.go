package cli

import (
	"context"
	"path/filepath"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/store"
)

// api is what commands ask, on the store of the home folder, which is made unless it is there.
func (a *app) api(ctx context.Context) (*api.API, error) {
	s, err := a.openStore(ctx)
	if err != nil {
		return nil, err
	}
	return a.apiOn(s), nil
}

// look is the same for commands that make no store: where none is, nothing has run.
func (a *app) look(ctx context.Context) (*api.API, error) {
	ok, err := a.storeExists()
	if err != nil {
		return nil, err
	}
	if !ok {
		return a.apiOn(nil), nil
	}
	return a.api(ctx)
}

func (a *app) apiOn(s store.Store) *api.API {
	return api.New(api.Options{
		Store: s, Folder: dagFiles{a}, PausedAtCreation: a.cfg.PausedAtCreation, Masker: a.maskerOnce(), Clock: clock,
		LogDir: filepath.Join(a.cfg.Home, "logs"),
		Engine: func(ctx context.Context) (api.Engine, error) { return a.asker(ctx) },
	})
}

// dagFiles is the DAGs folder as the api reads it.
type dagFiles struct{ app *app }

// DAGs implements [api.Folder].
func (f dagFiles) DAGs() (all []*dag.Summary, broken bool, err error) {
	ix, err := f.app.index()
	if err != nil {
		return nil, false, err
	}
	return ix.DAGs(), ix.HasErrors(), nil
}

// DAG implements [api.Folder].
func (f dagFiles) DAG(id string) (*dag.DAG, error) { return f.app.findDAG(id) }

// Restore implements [api.Folder].
func (f dagFiles) Restore(source []byte) (*dag.DAG, error) {
	c, err := f.app.catalog()
	if err != nil {
		return nil, err
	}
	return dagfile.Restore(source, c, dagfile.Options{})
}

// moment is a moment of an answer; the zero time for null.
func moment(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// optional is a moment for JSON, in UTC, or nil.
func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC())
}
