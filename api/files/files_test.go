package files_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api/files"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
)

// The place of a finding is marked, and no secret is shown.
func TestPlacesAreMarked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := filepath.Join(dir, "a.yaml")
	require.NoError(t, os.WriteFile(name, []byte("etl:\r\n  tasks:\n    - {任务: x, taskid: load, operator: bash}\n    - {token: hush-hush, nope: 1}\n"+strings.Repeat("x", 400)+"\n"), 0o600))
	masker := connections.NewMasker()
	masker.Add("hush-hush")
	missing := filepath.Join(dir, "gone.yaml")
	found := dag.Diagnostics{
		{File: name, Line: 4, Column: 26, Severity: dag.Error, DAGID: "etl", Also: []string{"b"}, Text: "unknown key hush-hush"},
		{File: name, Line: 3, Column: 15, Severity: dag.Error, DAGID: "etl", TaskID: "load", Text: "unknown key"},
		{File: name, Line: 5, Column: 999, Severity: dag.Warning, Text: "long"},
		{File: missing, Line: 1, Column: 1, Severity: dag.Error, Text: "no such file"},
		{File: dir, Line: 1, Column: 1, Severity: dag.Error, Text: "a folder"},
		{File: filepath.Join(dir, "0.yaml"), Line: 1, Column: 1, Severity: dag.Warning, Text: "odd"},
	}
	f := files.New(files.Options{Findings: func() (dag.Diagnostics, error) { return found, nil }, Masker: masker})
	all, err := f.List(t.Context(), true)
	require.NoError(t, err)
	require.Len(t, all, 4)
	assert.Equal(t, []string{dir, name, missing, filepath.Join(dir, "0.yaml")}, []string{all[0].Name, all[1].Name, all[2].Name, all[3].Name}, "errors before warnings")
	assert.Equal(t, [2]int{2, 1}, [2]int{all[1].Errors, all[1].Warnings})
	assert.Empty(t, all[2].Findings[0].Lines)

	first := all[1].Findings[0]
	require.Len(t, first.Lines, 5)
	assert.Equal(t, files.Line{Number: 1, Before: "etl:"}, first.Lines[0])
	assert.Equal(t, files.Line{Number: 3, Here: true, Before: "    - {任务: x, ", Marked: "taskid", After: ": load, operator: bash}"}, first.Lines[2], "the column counts characters")
	second := all[1].Findings[1]
	assert.Equal(t, "unknown key ***", second.Text)
	assert.Equal(t, []string{"etl", "b"}, second.DAGs)
	assert.Equal(t, files.Line{Number: 4, Here: true, Before: "    - {token: ***, nope: 1}"}, second.Lines[3])
	third := all[1].Findings[2]
	assert.Len(t, []rune(third.Lines[len(third.Lines)-1].Before), 301)

	errorsOnly, err := f.List(t.Context(), false)
	require.NoError(t, err)
	assert.Len(t, errorsOnly, 3)
	gone := errors.New("gone")
	_, err = files.New(files.Options{Findings: func() (dag.Diagnostics, error) { return nil, gone }}).List(t.Context(), true)
	assert.ErrorIs(t, err, gone)
}
