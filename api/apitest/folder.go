// Package apitest is what tests share that ask for DAGs: a folder whose DAGs are given as text.
package apitest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/catalog"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/standard"
	"github.com/dingdag/dingdag/template"
)

// AssetFile is a file whose DAGs make assets, read them and start by them.
const AssetFile = `
maker:
  schedule: null
  tasks:
    - {task_id: make, operator: empty, outlets: [{__type__: airflow.sdk.Asset, name: orders, uri: "s3://w/orders"}, "s3://w/both"], inlets: ["s3://w/raw"]}
other:
  schedule: null
  tasks:
    - {task_id: also, operator: empty, outlets: ["s3://w/both"]}
a_reader:
  schedule: ["s3://w/orders"]
  tasks:
    - {task_id: t, operator: empty}
`

var _ api.Folder = (*Folder)(nil)

// Folder holds the DAGs of one file, dags.yaml. Tests may change it at any time.
type Folder struct {
	// Catalog has the standard operators.
	Catalog catalog.Catalog
	// All are sorted by their ids.
	All []*dag.DAG
	// Broken are the problems of DAGs that are in error, by their ids, as [api.BrokenError] has them.
	Broken map[string]string
	// Fails is the error of a folder that cannot be read.
	Fails error
}

// NewFolder returns the DAGs of a text.
func NewFolder(tb testing.TB, text string) *Folder {
	tb.Helper()
	ops, err := operator.NewRegistry(standard.Specs()...)
	require.NoError(tb, err)
	cbs, err := callbacks.NewRegistry(nil, nil)
	require.NoError(tb, err)
	f := &Folder{Catalog: catalog.Catalog{Operators: ops, Callbacks: cbs, Templates: template.New(template.Options{})}}
	f.Parse(tb, text)
	return f
}

// Write returns the DAGs of a text that is written into a folder of the test's, for those who look at the file.
func Write(tb testing.TB, text string) *Folder {
	tb.Helper()
	f := NewFolder(tb, text)
	file := filepath.Join(tb.TempDir(), "dags.yaml")
	require.NoError(tb, os.WriteFile(file, []byte(text), 0o600))
	f.parse(tb, file, text)
	return f
}

// Parse puts the DAGs of a text in the place of those before.
func (f *Folder) Parse(tb testing.TB, text string) {
	tb.Helper()
	f.parse(tb, "dags.yaml", text)
}

func (f *Folder) parse(tb testing.TB, file, text string) {
	tb.Helper()
	all, problems := dagfile.Parse(file, []byte(text), f.Catalog, dagfile.Options{})
	require.False(tb, problems.HasErrors(), problems.String())
	slices.SortFunc(all, func(a, b *dag.DAG) int { return strings.Compare(a.ID, b.ID) })
	f.All = all
}

// Of is the DAG with an id, which must be there.
func (f *Folder) Of(id string) *dag.DAG {
	d, err := f.DAG(id)
	if err != nil {
		panic(err) // a mistake of the test
	}
	return d
}

// DAGs implements [api.Folder].
func (f *Folder) DAGs() (all []*dag.Summary, broken bool, err error) {
	for _, d := range f.All {
		all = append(all, d.Summary())
	}
	return all, len(f.Broken) > 0, f.Fails
}

// Load implements [api.Folder].
func (f *Folder) Load() (all []*dag.DAG, broken bool, err error) {
	return f.All, len(f.Broken) > 0, nil
}

// DAG implements [api.Folder].
func (f *Folder) DAG(id string) (*dag.DAG, error) {
	if text, ok := f.Broken[id]; ok {
		return nil, &api.BrokenError{DAGID: id, Problems: text}
	}
	for _, d := range f.All {
		if d.ID == id {
			return d, nil
		}
	}
	return nil, fmt.Errorf("no dag %q in the folder", id)
}

// Restore implements [api.Folder].
func (f *Folder) Restore(source []byte) (*dag.DAG, error) {
	return dagfile.Restore(source, f.Catalog, dagfile.Options{})
}
