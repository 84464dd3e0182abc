// Package folder is the DAGs folder as commands and the scheduler read it.
package folder

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/catalog"
	"github.com/dingdag/dingdag/cli/internal/home"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/dag/dagfile/discover"
	"github.com/dingdag/dingdag/engine/request"
	"github.com/dingdag/dingdag/owners"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Folder is the DAGs folder of a home folder.
type Folder struct {
	home    *home.Home
	catalog func() (catalog.Catalog, error)
	owners  func() (*owners.Book, error)
	version string
	memory  *memory // nil remembers nothing
}

// New returns the DAGs folder of a home folder, whose files are checked against a catalog and the
// owners that are known. What was read of them holds for the same version of the program only.
func New(h *home.Home, c func() (catalog.Catalog, error), known func() (*owners.Book, error), version string) *Folder {
	return &Folder{home: h, catalog: c, owners: known, version: version}
}

// Read loads DAG files and folders, or the DAGs folder when none are named.
func (f *Folder) Read(paths ...string) (dagfile.Result, error) {
	if len(paths) == 0 {
		if err := f.exists(); err != nil {
			return dagfile.Result{}, err
		}
		paths = []string{f.home.Settings.DAGsFolder}
	}
	c, err := f.catalog()
	if err != nil {
		return dagfile.Result{}, err
	}
	return f.Load(c, paths...)
}

// Files lists the DAG files at and below the paths, or those of the DAGs folder when none are named.
func (f *Folder) Files(paths ...string) ([]discover.File, error) {
	o, err := f.Options()
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		paths = []string{f.home.Settings.DAGsFolder}
	}
	files, _ := discover.Files(paths, discover.Options{Root: o.Root, Syntax: o.IgnoreSyntax})
	return files, nil
}

// Find loads one DAG by id from the DAGs folder, or from the given files. What is
// wrong with its file is part of the error.
func (f *Folder) Find(id string, files ...string) (*dag.DAG, error) {
	if len(files) == 0 {
		if d, err := f.findIndexed(id); d != nil || err != nil {
			return d, err
		}
	}
	res, err := f.Read(files...)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		files = []string{f.home.Settings.DAGsFolder}
	}
	for _, d := range res.DAGs {
		if d.ID == id {
			return d, nil
		}
	}
	var broken []string
	for _, d := range res.Diagnostics {
		if d.Severity == dag.Error && d.Concerns(id) {
			broken = append(broken, d.String())
		}
	}
	if len(broken) > 0 {
		return nil, &api.BrokenError{DAGID: id, Problems: strings.Join(broken, "\n")}
	}
	ids := make([]string, len(res.DAGs))
	for i, d := range res.DAGs {
		ids[i] = d.ID
	}
	return nil, fmt.Errorf("no dag %q in %s%s", id, strings.Join(files, ", "), yamlvalue.DidYouMean(id, slices.Values(ids)))
}

// FindTask loads a DAG and one of its tasks.
func (f *Folder) FindTask(dagID, taskID string) (*dag.DAG, *dag.Task, error) {
	d, err := f.Find(dagID)
	if err != nil {
		return nil, nil, err
	}
	t := d.Task(taskID)
	if t == nil {
		ids := make([]string, len(d.Tasks))
		for i, t := range d.Tasks {
			ids[i] = t.ID
		}
		return nil, nil, fmt.Errorf("dag %q has no task %q%s", dagID, taskID, api.SuggestTask(taskID, ids))
	}
	return d, t, nil
}

// Load reads DAG files or folders with the configured defaults, checked against a catalog.
func (f *Folder) Load(c catalog.Catalog, paths ...string) (dagfile.Result, error) {
	o, err := f.Options()
	if err != nil {
		return dagfile.Result{}, err
	}
	res := supported(c, dagfile.Load(paths, c, o), slices.Equal(paths, []string{f.home.Settings.DAGsFolder}))
	f.home.MaskOutput()
	return res, nil
}

// Options are the configured defaults of DAG files, and what loading needs besides.
func (f *Folder) Options() (dagfile.Options, error) {
	cfg, err := f.home.ReadSettings()
	if err != nil {
		return dagfile.Options{}, err
	}
	loc, err := time.LoadLocation(cfg.DefaultTimezone)
	if err != nil {
		return dagfile.Options{}, fmt.Errorf("default_timezone: %w", err)
	}
	known, err := f.owners()
	if err != nil {
		return dagfile.Options{}, err
	}
	masker := f.home.Masker()
	return dagfile.Options{
		Location: loc, Root: cfg.DAGsFolder, IgnoreSyntax: discover.Syntax(cfg.IgnoreSyntax), CronIntervals: cfg.CronMode == "interval",
		CatchupByDefault: cfg.CatchupByDefault, Now: f.home.Clock, LookupEnv: f.home.LookupEnv, CheckParam: request.CheckParam, CheckOwner: known.Check,
		LookupVariable: f.home.LookupVariable(), Secret: func(value string) { masker.Add(value) },
	}, nil
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
