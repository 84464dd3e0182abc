package folder

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/dingdag/dingdag/catalog"
	"github.com/dingdag/dingdag/cli/internal/home"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
)

// Watcher follows the DAGs folder: it hands the DAGs on whenever they have changed.
type Watcher struct {
	home    *home.Home
	loader  *dagfile.Loader
	catalog catalog.Catalog
	loading sync.Mutex // one refresh at a time
	told    *told      // of changes since the last look of Watch; nil before
	trusted int        // how often that was enough

	mu     sync.Mutex
	mark   folderMark // of the files at the last load
	result dagfile.Result
	took   time.Duration // the last load
}

// Use is what takes the DAGs of a load.
type Use func(context.Context, dagfile.Result) error

// Watcher returns what follows the folder and checks files against a catalog.
func (f *Folder) Watcher(c catalog.Catalog) (*Watcher, error) {
	o, err := f.Options()
	if err != nil {
		return nil, err
	}
	return &Watcher{home: f.home, loader: dagfile.NewLoader(c, o), catalog: c, mark: none}, nil
}

// Refresh loads the files if they have changed and hands the good DAGs on. A broken
// DAG is logged; its last good version stays with the runs that have it.
func (w *Watcher) Refresh(ctx context.Context, use Use) error {
	w.loading.Lock()
	defer w.loading.Unlock()
	return w.refresh(ctx, use, func(string) {})
}

// Anew loads the files, whether they have changed or not, and hands the good DAGs on.
func (w *Watcher) Anew(ctx context.Context, use Use) error {
	w.loading.Lock()
	defer w.loading.Unlock()
	w.mu.Lock()
	w.mark = none
	w.mu.Unlock()
	return w.refresh(ctx, use, func(string) {})
}

// refresh is Refresh; enter is called for each folder before it is read.
func (w *Watcher) refresh(ctx context.Context, use Use, enter func(dir string)) error {
	mark, err := fingerprint(w.home.Settings.DAGsFolder, enter)
	if err != nil {
		return err
	}
	w.mu.Lock()
	same, before := mark == w.mark, w.result
	w.mu.Unlock()
	if same && !before.Volatile {
		return nil
	}
	began := w.home.Clock()
	res := supported(w.catalog, w.loader.Load(w.home.Settings.DAGsFolder), true)
	took := w.home.Clock().Sub(began)
	w.mu.Lock()
	w.took = took
	w.mu.Unlock()
	if same && sameResult(before, res) {
		w.mu.Lock()
		w.result.Volatile = res.Volatile // a template file has settled
		w.mu.Unlock()
		return nil
	}
	for _, d := range res.Diagnostics {
		if d.Severity == dag.Error {
			w.home.Log().Error("dag file", "problem", d.String())
		} else {
			w.home.Log().Warn("dag file", "problem", d.String())
		}
	}
	if err := use(ctx, res); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mark != none {
		w.home.Log().Info("the DAG files have changed", "dags", len(res.DAGs))
	}
	w.mark, w.result = mark, res
	return nil
}

// sameResult reports whether two loads found the same DAGs and problems.
func sameResult(a, b dagfile.Result) bool {
	return slices.EqualFunc(a.Diagnostics, b.Diagnostics, dag.Diagnostic.Equal) && slices.EqualFunc(a.DAGs, b.DAGs, func(x, y *dag.DAG) bool {
		return x.ID == y.ID && x.Version == y.Version && x.Pos == y.Pos
	})
}

// Count is how many DAGs there are.
func (w *Watcher) Count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.result.DAGs)
}

// Took is how long the last load of all files took.
func (w *Watcher) Took() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.took
}

// Reload is a refresh for those who can't wait for the next one.
func (w *Watcher) Reload(use Use) func(context.Context) error {
	return func(ctx context.Context) error { return w.Refresh(ctx, use) }
}

// longest is how long nothing is looked at while the kernel tells of no change.
const longest = time.Minute

// Watch refreshes until ctx ends. Where the kernel tells of changes it looks at the files only
// after one, and at least once a minute.
func (w *Watcher) Watch(ctx context.Context, every time.Duration, use Use) {
	t := time.NewTicker(every)
	defer t.Stop()
	defer w.stopListening()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if err := w.look(ctx, int(longest/every), use); err != nil && ctx.Err() == nil {
				w.home.Log().Error("read the dags folder", "error", err)
			}
		}
	}
}

// look refreshes, unless the kernel told of no change since the last look, which is enough
// for so many times.
func (w *Watcher) look(ctx context.Context, times int, use Use) error {
	w.loading.Lock()
	defer w.loading.Unlock()
	w.mu.Lock()
	volatile := w.result.Volatile
	w.mu.Unlock()
	if w.trusted++; w.trusted < times && !volatile && w.told.quiet() {
		return nil
	}
	w.trusted = 0
	w.told.close()
	w.told = listen(w.home.Settings.DAGsFolder)
	err := w.refresh(ctx, use, w.told.enter)
	if err != nil {
		w.told.failed = true // so that the next look tries again
	}
	return err
}

func (w *Watcher) stopListening() {
	w.loading.Lock()
	defer w.loading.Unlock()
	w.told.close()
	w.told = nil
}
