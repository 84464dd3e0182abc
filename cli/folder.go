package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/dingdag/dingdag/catalog"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/dag/dagfile/discover"
	"github.com/dingdag/dingdag/engine"
)

// folder is the DAGs folder: what it holds and what is wrong with it.
type folder struct {
	app     *app
	loader  *dagfile.Loader
	catalog catalog.Catalog
	loading sync.Mutex // one refresh at a time

	mu     sync.Mutex
	mark   folderMark // of the files at the last load
	result dagfile.Result
}

func (a *app) folder(c catalog.Catalog) (*folder, error) {
	o, err := a.loadOptions()
	if err != nil {
		return nil, err
	}
	return &folder{app: a, loader: dagfile.NewLoader(c, o), catalog: c, mark: none}, nil
}

// refresh loads the files if they have changed and hands the good DAGs on. A broken
// DAG is logged; its last good version stays with the runs that have it.
func (f *folder) refresh(ctx context.Context, use func(context.Context, dagfile.Result) error) error {
	f.loading.Lock()
	defer f.loading.Unlock()
	mark, err := fingerprint(f.app.cfg.DAGsFolder)
	if err != nil {
		return err
	}
	f.mu.Lock()
	same, before := mark == f.mark, f.result
	f.mu.Unlock()
	if same && !before.Volatile {
		return nil
	}
	res := supported(f.catalog, f.loader.Load(f.app.cfg.DAGsFolder), true)
	if same && sameResult(before, res) {
		return nil
	}
	for _, d := range res.Diagnostics {
		if d.Severity == dag.Error {
			f.app.log().Error("dag file", "problem", d.String())
		} else {
			f.app.log().Warn("dag file", "problem", d.String())
		}
	}
	if err := use(ctx, res); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mark != none {
		f.app.log().Info("the DAG files have changed", "dags", len(res.DAGs))
	}
	f.mark, f.result = mark, res
	return nil
}

// sameResult reports whether two loads found the same DAGs and problems.
func sameResult(a, b dagfile.Result) bool {
	return slices.EqualFunc(a.Diagnostics, b.Diagnostics, dag.Diagnostic.Equal) && slices.EqualFunc(a.DAGs, b.DAGs, func(x, y *dag.DAG) bool {
		return x.ID == y.ID && x.Version == y.Version && x.Pos == y.Pos
	})
}

func (f *folder) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.result.DAGs)
}

// reload is a refresh for those who can't wait for the next one.
func (f *folder) reload(use func(context.Context, dagfile.Result) error) func(context.Context) error {
	return func(ctx context.Context) error { return f.refresh(ctx, use) }
}

// watch refreshes until ctx ends.
func (f *folder) watch(ctx context.Context, every time.Duration, use func(context.Context, dagfile.Result) error) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if err := f.refresh(ctx, use); err != nil && ctx.Err() == nil {
				f.app.log().Error("read the dags folder", "error", err)
			}
		}
	}
}

// load reads DAG files or folders with the configured defaults.
func (a *app) load(c catalog.Catalog, paths ...string) (dagfile.Result, error) {
	o, err := a.loadOptions()
	if err != nil {
		return dagfile.Result{}, err
	}
	res := supported(c, dagfile.Load(paths, c, o), slices.Equal(paths, []string{a.cfg.DAGsFolder}))
	a.maskOut()
	return res, nil
}

// supported adds what the engine has to say about the DAGs, and drops those it can't run.
// With whole these are all that there are, so that one may miss another.
func supported(c catalog.Catalog, res dagfile.Result, whole bool) dagfile.Result {
	out := dagfile.Result{Diagnostics: slices.Clone(res.Diagnostics), Volatile: res.Volatile}
	for _, d := range res.DAGs {
		found := c.Check(d)
		out.Diagnostics = append(out.Diagnostics, found...)
		if !found.HasErrors() {
			out.DAGs = append(out.DAGs, d)
		}
	}
	for _, d := range res.Broken {
		out.Diagnostics = append(out.Diagnostics, c.CheckBroken(d)...)
	}
	if whole {
		var broken []string
		for _, d := range out.Diagnostics {
			broken = append(broken, d.DAGID)
		}
		out.Diagnostics = append(out.Diagnostics, c.CheckTogether(out.DAGs, broken)...)
	}
	slices.SortStableFunc(out.Diagnostics, func(a, b dag.Diagnostic) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return out
}

func (a *app) loadOptions() (dagfile.Options, error) {
	cfg, err := a.config()
	if err != nil {
		return dagfile.Options{}, err
	}
	loc, err := time.LoadLocation(cfg.DefaultTimezone)
	if err != nil {
		return dagfile.Options{}, fmt.Errorf("default_timezone: %w", err)
	}
	masker := a.maskerOnce()
	return dagfile.Options{
		Location: loc, Root: cfg.DAGsFolder, IgnoreSyntax: discover.Syntax(cfg.IgnoreSyntax), CronIntervals: cfg.CronMode == "interval", CatchupByDefault: cfg.CatchupByDefault, Now: clock, LookupEnv: a.LookupEnv, CheckParam: engine.CheckParam,
		LookupVariable: a.variableLookup(), Secret: func(value string) { masker.Add(value) },
	}, nil
}
