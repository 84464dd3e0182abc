package schedule

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// DAGs are the DAGs that a process knows: those that are loaded, those that can't be, which
// are paused, and when each is due. The zero value knows none. It is safe for concurrent use.
type DAGs struct {
	mu     sync.Mutex
	loaded map[string]*dag.DAG
	// broken are the DAGs that were known and can't be loaded now, brokenAssets what they wait for.
	broken       map[string]*store.ImportError
	brokenAssets map[string][]string
	paused       map[string]bool
	// due holds when a run of a DAG is due at the earliest, so that the sweep need not ask
	// the store before.
	due map[*dag.DAG]time.Time
}

// Get returns the DAG with an id, nil when none is loaded.
func (s *DAGs) Get(id string) *dag.DAG {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loaded[id]
}

// Add makes one more DAG known.
func (s *DAGs) Add(d *dag.DAG) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := maps.Clone(s.loaded) // the old map may have been given away
	if next == nil {
		next = map[string]*dag.DAG{}
	}
	next[d.ID] = d
	s.loaded = next
}

// Replace takes over what a load has found: the DAGs that are loaded, and those that were
// known and can't be, with the assets that they wait for.
func (s *DAGs) Replace(loaded map[string]*dag.DAG, broken map[string]*store.ImportError, brokenAssets map[string][]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loaded, s.broken, s.brokenAssets = loaded, broken, brokenAssets
	maps.DeleteFunc(s.due, func(d *dag.DAG, _ time.Time) bool { return loaded[d.ID] != d })
}

// Loaded are the DAGs that are loaded, by id. The caller must not change the map.
func (s *DAGs) Loaded() map[string]*dag.DAG {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loaded
}

// Broken is the record of a DAG that can't be loaded, or nil.
func (s *DAGs) Broken(id string) *store.ImportError {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken[id]
}

// Paused reports whether a DAG is paused.
func (s *DAGs) Paused(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.paused[id]
}

// Pause notes that a DAG is paused.
func (s *DAGs) Pause(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused == nil {
		s.paused = map[string]bool{}
	}
	s.paused[id] = true
}

// Renew notes that a DAG has lost its history, and whether it is paused now.
func (s *DAGs) Renew(d *dag.DAG, paused bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.due, d)
	if s.paused == nil {
		s.paused = map[string]bool{}
	}
	if s.paused[d.ID] = true; !paused {
		delete(s.paused, d.ID)
	}
}

// SetPaused takes over which DAGs are paused, and returns those that no longer are.
func (s *DAGs) SetPaused(ids []string) (woken []string) {
	paused := make(map[string]bool, len(ids))
	for _, id := range ids {
		paused[id] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.paused {
		if !paused[id] {
			woken = append(woken, id)
		}
	}
	s.paused = paused
	return woken
}

// Consumers lists the DAGs that wait for an asset and are not paused, by id. One whose file
// is broken still waits for the assets that it named before.
func (s *DAGs) Consumers(uri string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for id, d := range s.loaded {
		if d.Assets != nil && !s.paused[id] && slices.ContainsFunc(d.Assets.Assets(), func(a *dag.Asset) bool { return a.URI == uri }) {
			ids = append(ids, id)
		}
	}
	for id, uris := range s.brokenAssets {
		if !s.paused[id] && slices.Contains(uris, uri) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// Scheduled are the loaded DAGs with a timetable that are not paused.
func (s *DAGs) Scheduled() []*dag.DAG {
	s.mu.Lock()
	defer s.mu.Unlock()
	ds := make([]*dag.DAG, 0, len(s.loaded))
	for id, d := range s.loaded {
		if !s.paused[id] && d.Timetable != nil {
			ds = append(ds, d)
		}
	}
	return ds
}

// MaybeDue asks the timetable of a DAG whether a run may be due, without a transaction, and
// the store only when the moment has come that the timetable named before: what other
// processes may have scheduled meanwhile only moves it further away.
func (s *DAGs) MaybeDue(ctx context.Context, r store.Reader, d *dag.DAG, now time.Time) bool {
	if at, known := s.dueAt(d); known && now.Before(at) {
		return false
	}
	last, err := r.LastScheduled(ctx, d.ID)
	if err != nil {
		return true
	}
	run, due := Next(d, last, now)
	if !due {
		s.setDue(d, run.RunAfter, now)
	}
	return due || Over(d, run, now) // once: the next due moment is never
}

// dueAt is when a run of a DAG is due at the earliest, if that is known.
func (s *DAGs) dueAt(d *dag.DAG) (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, known := s.due[d]
	return at, known
}

// setDue notes when the next run of a DAG is due; zero means that there is none, ever.
func (s *DAGs) setDue(d *dag.DAG, at, now time.Time) {
	if at.IsZero() {
		at = now.AddDate(1000, 0, 0)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.loaded[d.ID] != d {
		return
	}
	if s.due == nil {
		s.due = map[*dag.DAG]time.Time{}
	}
	s.due[d] = at
}
