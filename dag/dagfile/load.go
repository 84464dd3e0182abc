package dagfile

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/discover"
	"github.com/dingdag/dingdag/dag/dagfile/document"
	"github.com/dingdag/dingdag/dag/dagfile/internal/parallel"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
)

// Options says how DAG files are read. The zero value is usable.
type Options struct {
	// Location is the zone of dates and plain cron expressions where the file names
	// none. Default UTC.
	Location *time.Location
	// Root bounds the search for defaults and ignore files and the targets of symbolic
	// links, for paths in it. Default, and for other paths: each path given to Load.
	Root string
	// IgnoreSyntax is the language of .airflowignore files. Default: as in .gitignore.
	IgnoreSyntax discover.Syntax
	// Now is the clock for relative dates. Default: the system's.
	Now func() time.Time
	// CronIntervals makes plain cron strings and intervals run in data-interval mode,
	// as Airflow 2 does. Default: trigger mode, as in Airflow 3.
	CronIntervals bool
	// CatchupByDefault is catchup for DAGs that do not say. Default false, as in Airflow 3.
	CatchupByDefault bool
	// LookupEnv gives the environment variables that $NAME stands for. Default: none,
	// so that the text stays.
	LookupEnv func(name string) (string, bool)
	// LookupVariable gives the variables of variables_as_arguments; found is false for one
	// that does not exist, which leaves the task as it is. Called concurrently. Default:
	// there are none.
	LookupVariable func(name string) (text string, found bool, err error)
	// Secret is told each value of an environment variable or variable that by its name is
	// a secret and becomes part of a DAG, so that it can be masked. Called concurrently.
	Secret func(value string)
	// CheckParam checks the default of a typed param against its JSON Schema. Default:
	// no check.
	CheckParam func(schema map[string]any, value any) error
	// CheckOwner says what is wrong with the owner of a task, which is a warning then, empty
	// when nothing is. Called concurrently. Default: no check.
	CheckOwner func(owner string) string

	// restoring reads the canonical form: what was checked against the machine then is
	// not checked again.
	restoring bool
}

func (o Options) withDefaults() Options {
	o.Location = cmp.Or(o.Location, time.UTC)
	if o.Now == nil {
		o.Now = time.Now //nolint:forbidigo // the clock starts here
	}
	return o
}

// document are the options for one file.
func (o Options) document() document.Options {
	return document.Options{LookupEnv: o.LookupEnv, Secret: o.Secret, AnySize: o.restoring}
}

// Result is what Load found.
type Result struct {
	// DAGs are the DAGs without errors, sorted by id.
	DAGs []*dag.DAG
	// Broken are the DAGs with errors that could be read all the same, in the order of the
	// files.
	Broken []*BrokenDAG
	// Diagnostics are the findings in all files, sorted by file and position.
	Diagnostics dag.Diagnostics
	// Volatile says that the outcome rests on more than the files: on variables, on other
	// files that a DAG names, or on the day. It may differ although no DAG file changed.
	Volatile bool
}

// Load reads DAG files: each path is a file or a directory that is searched for .yaml
// and .yml files. A broken DAG keeps no other one from loading. See [Loader] for
// reading the same files again and again.
func Load(paths []string, catalog Catalog, opts Options) Result {
	return NewLoader(catalog, opts).Load(paths...)
}

// Parse reads the DAGs of one file whose content is data. name is its path for
// messages. The DAGs without errors come in the order of the file.
func Parse(name string, data []byte, catalog Catalog, opts Options) ([]*dag.DAG, dag.Diagnostics) {
	f := NewLoader(catalog, opts).parse(discover.File{Path: name, Root: cmp.Or(opts.Root, filepath.Dir(name))}, data)
	return f.dags, f.found
}

// Loader reads DAG files and remembers them: a file that has not changed since the
// last time is not read again. Safe for concurrent use, one load at a time.
type Loader struct {
	catalog    Catalog
	opts       Options
	zones      reading.Zones
	timetables timetableCache
	operators  operatorCache
	variables  variableCache
	custom     customCache

	mu    sync.Mutex
	files map[string]*loadedFile
}

// loadedFile is the outcome of one file and the state of the disk it rests on.
type loadedFile struct {
	// stamp is empty when the outcome is not to be remembered.
	stamp string
	// written is when the newest of its files was written.
	written time.Time
	rests   reading.Rests
	dags    []*dag.DAG
	broken  []*BrokenDAG
	found   dag.Diagnostics
}

// NewLoader returns a loader without remembered files.
func NewLoader(catalog Catalog, opts Options) *Loader {
	return &Loader{
		catalog: catalog, opts: opts.withDefaults(),
		timetables: timetableCache{made: map[dag.Schedule]map[string]builtTimetable{}},
		operators:  operatorCache{found: map[string]*operatorEntry{}},
		variables:  variableCache{known: map[string]reading.Variable{}},
		custom:     customCache{files: map[string]*customFile{}},
		files:      map[string]*loadedFile{},
	}
}

// Load reads the files and directories like the function [Load].
func (l *Loader) Load(paths ...string) Result {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.variables.forget()
	l.custom.forget()
	sources, found := l.Files(paths...)
	loaded := make([]*loadedFile, len(sources))
	parallel.Each(len(sources), func(i int) { loaded[i] = l.readFile(sources[i], l.files[sources[i].Path]) })
	l.files = make(map[string]*loadedFile, len(sources))
	for i, f := range loaded {
		l.files[sources[i].Path] = f
	}
	return collect(sources, loaded, found)
}

// Files lists the DAG files at and below the paths in the order in which Load reads them:
// of two DAGs with one id the first counts.
func (l *Loader) Files(paths ...string) ([]discover.File, dag.Diagnostics) {
	return discover.Files(paths, discover.Options{Root: l.opts.Root, Syntax: l.opts.IgnoreSyntax})
}

// Outcome is what one file gives.
type Outcome struct {
	// DAGs are those without errors, in the order of the file.
	DAGs []*dag.DAG
	// Diagnostics are the findings, sorted by position.
	Diagnostics dag.Diagnostics
	// Environment are the environment variables that the file names, sorted.
	Environment []string
	// Stamp is the [discover.File.Stamp] from before the file was read, Written when the newest of its
	// files was written.
	Stamp   string
	Written time.Time
	// Lasting says that the outcome is the same as long as Stamp, the options, the catalog and
	// the variables of Environment are, none of which is a secret.
	Lasting bool
}

// Read reads files, several at once, without remembering them.
func (l *Loader) Read(sources []discover.File) []Outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.variables.forget()
	l.custom.forget()
	outcomes := make([]Outcome, len(sources))
	parallel.Each(len(sources), func(i int) {
		f := l.readFile(sources[i], nil)
		outcomes[i] = Outcome{
			DAGs: f.dags, Diagnostics: f.found, Environment: slices.Sorted(maps.Keys(f.rests.Environment)), Stamp: f.stamp, Written: f.written,
		}
		outcomes[i].Lasting = f.stamp != "" && !f.rests.OnDisk && f.rests.Files == nil && len(f.rests.Variables) == 0 && !slices.ContainsFunc(outcomes[i].Environment, document.IsSecret)
	})
	return outcomes
}

// readFile returns the outcome of one file, the former one when nothing has changed.
func (l *Loader) readFile(src discover.File, former *loadedFile) *loadedFile {
	stamp, written, err := src.Stamp()
	if err == nil && former != nil && former.stamp == stamp && l.sameVariables(former.rests.Variables) && sameFiles(former.rests.Files) {
		return former
	}
	data, err := document.ReadFile(src.Path)
	if err != nil {
		return &loadedFile{found: dag.Diagnostics{{File: src.Path, Severity: dag.Error, Text: "read the file: " + document.ErrorText(err)}}}
	}
	f := l.parse(src, data)
	if l.settle(&f.rests); !f.rests.Volatile {
		f.stamp, f.written = stamp, written
	}
	return f
}

// collect joins the outcomes of all files. Of two DAGs with one id the first in the
// order of the files stays.
func collect(sources []discover.File, loaded []*loadedFile, found dag.Diagnostics) Result {
	result := Result{Diagnostics: slices.Clone(found)}
	first := map[string]*dag.DAG{}
	for i, f := range loaded {
		result.Volatile = result.Volatile || f.rests.Volatile || f.rests.Files != nil && f.rests.Files.Outside || len(f.rests.Variables) > 0
		result.Diagnostics = append(result.Diagnostics, f.found...)
		result.Broken = append(result.Broken, f.broken...)
		for _, d := range f.dags {
			if other, twice := first[d.ID]; twice {
				result.Diagnostics = append(result.Diagnostics, dag.Diagnostic{
					File: sources[i].Path, Line: d.Pos.Line, Column: d.Pos.Column, Severity: dag.Error, DAGID: d.ID,
					Text: fmt.Sprintf("the DAG is already in %s:%d:%d: give one of them another id",
						other.Pos.File, other.Pos.Line, other.Pos.Column),
				})
				result.Broken = append(result.Broken, &BrokenDAG{DAG: d})
				continue
			}
			first[d.ID] = d
			result.DAGs = append(result.DAGs, d)
		}
	}
	slices.SortFunc(result.DAGs, func(a, b *dag.DAG) int { return cmp.Compare(a.ID, b.ID) })
	result.Diagnostics.Sort()
	// A finding in a defaults file is one for each file that it applies to.
	result.Diagnostics = slices.CompactFunc(result.Diagnostics, dag.Diagnostic.Equal)
	return result
}
