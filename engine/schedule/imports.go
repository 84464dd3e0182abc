package schedule

import (
	"maps"
	"slices"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// maxImportText is how many bytes of the errors of a file are kept.
const maxImportText = 4000

// errorTexts are errors by what they belong to.
type errorTexts map[string]string

// add adds an error, as far as there is room for it.
func (ts errorTexts) add(key, text string) {
	before := ts[key]
	if before == "" {
		ts[key] = text
		return
	}
	if text = before + "\n" + text; len(text) <= maxImportText {
		ts[key] = text
	}
}

// Broken is what a load could not load.
type Broken struct {
	files errorTexts // by path
	dags  errorTexts // by id, of DAGs that were known
}

// FindBroken tells the DAGs that are broken from those that are gone: the errors of a load
// name them, or the file in which they were. mask hides secrets in the errors.
func FindBroken(found dag.Diagnostics, known map[string]*store.DAGState, loaded map[string]*dag.DAG, mask func(string) string) *Broken {
	b := &Broken{files: errorTexts{}, dags: errorTexts{}}
	wholly, ofDAG := map[string][]string{}, map[string][]string{} // by path those of no DAG in particular; by id
	for _, d := range found {
		if d.Severity != dag.Error {
			continue
		}
		text := mask(d.String())
		b.files.add(d.File, text)
		if d.DAGID == "" {
			wholly[d.File] = append(wholly[d.File], text)
		} else {
			ofDAG[d.DAGID] = append(ofDAG[d.DAGID], text)
		}
	}
	for id, s := range known {
		if loaded[id] != nil || !s.Active {
			continue
		}
		for _, text := range slices.Concat(ofDAG[id], wholly[s.File]) {
			b.dags.add(id, text)
		}
	}
	return b
}

// DAG reports whether a DAG was known and can't be loaded.
func (b *Broken) DAG(id string) bool { return b.dags[id] != "" }

// text is what a record would say now, empty once it is mended.
func (b *Broken) text(i *store.ImportError) string {
	if i.DAGID != "" {
		return b.dags[i.DAGID]
	}
	return b.files[i.File]
}

// Imports is what becomes of the records of what can't be loaded.
type Imports struct {
	// Fresh are the records that begin now, Mended those that end, Changed those with other
	// errors than before.
	Fresh, Mended, Changed []*store.ImportError
	// DAGs are the records of DAGs that are broken, by id.
	DAGs map[string]*store.ImportError
}

// Record compares what is broken now with the open records. known are the DAGs that anybody
// has seen.
func (b *Broken) Record(open []*store.ImportError, known map[string]*store.DAGState, now time.Time) Imports {
	im := Imports{DAGs: map[string]*store.ImportError{}}
	seen := map[string]bool{} // files
	for _, i := range open {
		if i.DAGID == "" {
			seen[i.File] = true
		}
		switch text := b.text(i); {
		case text == "":
			i.Until = now
			im.Mended = append(im.Mended, i)
			continue
		case text != i.Text:
			i.Text = text
			im.Changed = append(im.Changed, i)
		}
		if i.DAGID != "" {
			im.DAGs[i.DAGID] = i
		}
	}
	for _, file := range slices.Sorted(maps.Keys(b.files)) {
		if !seen[file] {
			im.Fresh = append(im.Fresh, &store.ImportError{File: file, Since: now, Text: b.files[file]})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(b.dags)) {
		if im.DAGs[id] == nil {
			im.DAGs[id] = &store.ImportError{File: known[id].File, DAGID: id, Since: now, Text: b.dags[id]}
			im.Fresh = append(im.Fresh, im.DAGs[id])
		}
	}
	return im
}

// NewState is what the store keeps of a DAG that nobody knew before. pausedAtCreation holds
// for one that does not say.
func NewState(d *dag.DAG, pausedAtCreation bool) *store.DAGState {
	paused := pausedAtCreation
	if d.IsPausedUponCreation != nil {
		paused = *d.IsPausedUponCreation
	}
	return &store.DAGState{ID: d.ID, File: d.Pos.File, Version: d.Version, Paused: paused, Active: true, Assets: AssetURIs(d)}
}

// States is what a load changes of what the store keeps of DAGs.
type States struct {
	// New are DAGs that nobody knew, Changed those that are not as they were: another version,
	// file or assets, or gone.
	New, Changed []*store.DAGState
}

// CompareStates compares the DAGs that a load has found with those that are known. One that
// is neither loaded nor broken is gone.
func CompareStates(known map[string]*store.DAGState, loaded map[string]*dag.DAG, b *Broken, pausedAtCreation bool) (out States) {
	for id, d := range loaded {
		before, now := known[id], NewState(d, pausedAtCreation)
		switch {
		case before == nil:
			out.New = append(out.New, now)
		case !before.Active || before.Version != now.Version || before.File != now.File || !slices.Equal(before.Assets, now.Assets):
			out.Changed = append(out.Changed, now)
		}
	}
	for id, s := range known {
		if loaded[id] == nil && s.Active && !b.DAG(id) {
			gone := *s
			gone.Active = false
			out.Changed = append(out.Changed, &gone)
		}
	}
	return out
}
