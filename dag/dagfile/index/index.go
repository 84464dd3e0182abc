// Package index knows which DAGs a folder of DAG files holds, and reads only the files that
// have changed since it last looked: what it found lies in a file of its own. A file is
// known by its size, time and inode and those of its defaults files, by the environment
// variables that it names, and by a key for everything else that counts.
package index

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/dag/dagfile/discover"
	"github.com/dingdag/dingdag/dag/dagfile/internal/parallel"
)

// Options says what is looked at, and how.
type Options struct {
	// Folder is the folder of DAG files.
	Folder string
	// Loader reads the files.
	Loader *dagfile.Loader
	// Check finds what else is wrong with a DAG; one with an error is not listed.
	Check func(*dag.DAG) dag.Diagnostics
	// File keeps what was found for the next time. It is made if its folder exists, and
	// everything works without it. Empty for none.
	File string
	// Key is the same as long as the loader's options and catalog and the check are.
	Key string
	// LookupEnv gives the environment variables.
	LookupEnv func(name string) (string, bool)
	// Now is the clock.
	Now func() time.Time
}

// Index is what a folder holds.
type Index struct {
	files     []*file
	hasErrors bool
	// foundErrors says that looking for the files found some.
	foundErrors bool
}

// Read looks at a folder. The error says why the file of the index could not be written; the
// index is whole all the same.
func Read(o Options) (*Index, error) {
	sources, found := o.Loader.Files(o.Folder)
	ix := &Index{hasErrors: found.HasErrors(), foundErrors: found.HasErrors(), files: make([]*file, len(sources))}
	return ix, ix.read(o, sources, readCache(o))
}

// Find returns the path of the file of a folder that gives the DAG with an id, "" when none
// does. Of two such files it is the first by path, so no file behind it is looked at, unless one
// before it has changed. The error is that of [Read].
func Find(o Options, id string) (string, error) {
	sources, _ := o.Loader.Files(o.Folder)
	c := readCache(o)
	if path := c.find(sources, id); path != "" {
		return path, nil
	}
	ix := &Index{files: make([]*file, len(sources))}
	err := ix.read(o, sources, c)
	return ix.FileOf(id), err
}

func (ix *Index) read(o Options, sources []discover.File, c *cache) error {
	parallel.Each(len(sources), func(i int) { ix.files[i] = c.fresh(sources[i]) })
	var changed []discover.File
	var at []int
	for i, f := range ix.files {
		if f == nil {
			changed, at = append(changed, sources[i]), append(at, i)
		}
	}
	for n, outcome := range o.Loader.Read(changed) {
		ix.files[at[n]] = newFile(changed[n], outcome, o.Check)
		c.describe(ix.files[at[n]], outcome)
	}
	ix.sum()
	var err error
	if len(changed) > 0 || len(sources) != len(c.lines) { // else all is known
		err = c.write(ix.files)
	}
	for _, f := range ix.files {
		f.known, f.record = f.record != "", ""
	}
	return err
}

// sum finds out whether there are errors, with what all files are together.
func (ix *Index) sum() {
	first := map[string]bool{}
	for _, f := range ix.files {
		ix.hasErrors = ix.hasErrors || f.hasErrors
		for _, id := range f.ids {
			ix.hasErrors = ix.hasErrors || first[id]
			first[id] = true
		}
	}
}

// Lasts reports whether the index holds as long as no file changes.
func (ix *Index) Lasts() bool {
	return !slices.ContainsFunc(ix.files, func(f *file) bool { return !f.known })
}

// Again is what the folder holds if no file has changed since: only those are read once more that may give something else all the same.
// It is nil where a file was so new that it must be looked at first.
func (ix *Index) Again(o Options) *Index {
	var moving []discover.File
	var at []int
	for i, f := range ix.files {
		switch {
		case f.known:
		case !f.moves:
			return nil
		default:
			moving, at = append(moving, f.source), append(at, i)
		}
	}
	again := &Index{files: slices.Clone(ix.files), hasErrors: ix.foundErrors, foundErrors: ix.foundErrors}
	for n, outcome := range o.Loader.Read(moving) {
		again.files[at[n]] = newFile(moving[n], outcome, o.Check)
	}
	again.sum()
	return again
}

// HasErrors reports whether anything in the folder is in error.
func (ix *Index) HasErrors() bool { return ix.hasErrors }

// FileOf returns the path of the file that gives the DAG with an id, "" when none does.
func (ix *Index) FileOf(id string) string {
	for _, f := range ix.files {
		if slices.Contains(f.ids, id) {
			return f.path
		}
	}
	return ""
}

// DAGs returns the DAGs of the folder that can run, sorted by id.
func (ix *Index) DAGs() []*dag.Summary {
	first := map[string]*dag.Summary{}
	taken := map[string]bool{}
	parallel.Each(len(ix.files), func(i int) { ix.files[i].decode() })
	shared := newShared()
	for _, f := range ix.files {
		f.schedule(shared)
		for _, id := range f.ids {
			if !taken[id] && f.dags[id] != nil {
				first[id] = f.dags[id]
			}
			taken[id] = true
		}
	}
	return slices.SortedFunc(maps.Values(first), func(a, b *dag.Summary) int { return cmp.Compare(a.ID, b.ID) })
}

// file is what one DAG file gives.
type file struct {
	path   string
	source discover.File
	// moves says that it may give something else with every look.
	moves bool
	// ids are those of the DAGs without errors, also of those that the check refuses.
	ids       []string
	hasErrors bool
	// record is its line in the file of the index, until that is written, "" when it must be read each time; known says that there is one.
	record string
	known  bool
	// body has the summaries of the DAGs that can run, as JSON; dags those that were just made.
	body string
	dags map[string]*dag.Summary
}

func newFile(source discover.File, outcome dagfile.Outcome, check func(*dag.DAG) dag.Diagnostics) *file {
	f := &file{path: source.Path, source: source, moves: !outcome.Lasting, hasErrors: outcome.Diagnostics.HasErrors(), dags: map[string]*dag.Summary{}}
	for _, d := range outcome.DAGs {
		f.ids = append(f.ids, d.ID)
		if check(d).HasErrors() {
			f.hasErrors = true
			continue
		}
		if f.dags[d.ID] == nil {
			f.dags[d.ID] = d.Summary()
		}
	}
	return f
}
