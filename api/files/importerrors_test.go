package files_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api/files"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlite/sqlitetest"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant

// known is a store that knows DAGs by their files, and what can't be loaded.
func known(t *testing.T, fileOf map[string]string, wrong ...*store.ImportError) *sqlite.Store {
	t.Helper()
	s := sqlitetest.Open(t, filepath.Join(t.TempDir(), "db"), sqlite.Options{Synchronous: "NORMAL"})
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error {
		for id, file := range fileOf {
			if err := tx.PutVersion(t.Context(), id, id, []byte("{}"), now); err != nil {
				return err
			}
			if err := store.AddDAG(t.Context(), tx, &store.DAGState{ID: id, File: file, Version: id, Active: true, LoadedAt: now}, now); err != nil {
				return err
			}
		}
		for _, e := range wrong {
			if err := tx.PutImportError(t.Context(), e); err != nil {
				return err
			}
		}
		return nil
	}))
	return s
}

// only is the limit to some DAGs.
func only(t *testing.T, ids ...string) access.Only {
	t.Helper()
	mine, err := access.OnlyOf(t.Context(), visible(ids...))
	require.NoError(t, err)
	return mine
}

func visible(ids ...string) func(context.Context) ([]string, error) {
	return func(context.Context) ([]string, error) { return append([]string{}, ids...), nil }
}

func TestImportErrors(t *testing.T) {
	t.Parallel()
	s := known(t, map[string]string{"mine": "own.yaml", "theirs": "other.yaml", "shared_mine": "shared.yaml", "shared_theirs": "shared.yaml"},
		&store.ImportError{File: "mended.yaml", Since: now.Add(-time.Hour), Until: now, Text: "mended"},
		&store.ImportError{File: "own.yaml", Since: now, Text: "own.yaml:1:1: error: hush-hush"},
		&store.ImportError{File: "other.yaml", Since: now, Text: "x"},
		&store.ImportError{File: "shared.yaml", Since: now, Text: "x"},
		&store.ImportError{File: "shared.yaml", DAGID: "shared_mine", Since: now, Text: "x"},
		&store.ImportError{File: "shared.yaml", DAGID: "shared_theirs", Since: now, Text: "x"},
		&store.ImportError{File: "new.yaml", Since: now, Text: "of nobody knows whom"},
	)
	masker := connections.NewMasker()
	masker.Add("hush-hush")
	for name, c := range map[string]struct {
		limit access.Only
		want  []int64
	}{
		"all":     {access.Only{}, []int64{2, 3, 4, 5, 6, 7}},
		"some":    {only(t, "mine", "shared_mine"), []int64{2, 5}},
		"none":    {only(t), nil},
		"no file": {only(t, "unknown"), nil},
	} {
		got, err := files.ImportErrors(t.Context(), s, c.limit, masker.Mask)
		require.NoError(t, err, name)
		var ids []int64
		for _, e := range got {
			ids = append(ids, e.ID)
		}
		assert.Equal(t, c.want, ids, name)
	}
	got, err := files.ImportErrors(t.Context(), s, only(t, "mine"), masker.Mask)
	require.NoError(t, err)
	assert.Equal(t, []files.ImportError{{ID: 2, Timestamp: now, Filename: "own.yaml", StackTrace: "own.yaml:1:1: error: ***"}}, got)
	got, err = files.ImportErrors(t.Context(), nil, only(t, "mine"), masker.Mask)
	require.NoError(t, err)
	assert.Equal(t, []files.ImportError{}, got)
}

// Who is limited to some DAGs sees what is wrong with these, and nothing of a file that others have too but the finding.
func TestFindingsForWhoIsLimited(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := func(file string) string { return filepath.Join(dir, file) }
	for _, file := range []string{"own.yaml", "shared.yaml", "other.yaml"} {
		require.NoError(t, os.WriteFile(name(file), []byte("a: 1\nb: 2\n"), 0o600))
	}
	s := known(t, map[string]string{"mine": name("own.yaml"), "theirs": name("other.yaml"), "shared_mine": name("shared.yaml"), "shared_theirs": name("shared.yaml")},
		&store.ImportError{File: name("own.yaml"), Since: now, Text: "x"})
	found := dag.Diagnostics{
		{File: name("own.yaml"), Line: 1, Column: 1, Severity: dag.Error, Text: "of the file"},
		{File: name("shared.yaml"), Line: 1, Column: 1, Severity: dag.Error, Text: "of a shared file"},
		{File: name("shared.yaml"), Line: 2, Column: 1, Severity: dag.Error, DAGID: "shared_theirs", Also: []string{"shared_mine"}, Text: "of both"},
		{File: name("shared.yaml"), Line: 2, Column: 2, Severity: dag.Error, DAGID: "shared_theirs", Text: "of another"},
		{File: name("other.yaml"), Line: 1, Column: 1, Severity: dag.Error, DAGID: "theirs", Text: "of another file"},
	}
	list := func(visible func(context.Context) ([]string, error)) ([]files.File, error) {
		return files.New(files.Options{Store: s, Visible: visible, Findings: func() (dag.Diagnostics, error) { return found, nil }, Masker: connections.NewMasker()}).List(t.Context(), true)
	}
	all, err := list(visible("mine", "shared_mine"))
	require.NoError(t, err)
	require.Len(t, all, 2)
	assert.Equal(t, name("own.yaml"), all[0].Name)
	assert.Equal(t, now, *all[0].Since)
	assert.NotEmpty(t, all[0].Findings[0].Lines)
	require.Len(t, all[1].Findings, 1)
	assert.Equal(t, "of both", all[1].Findings[0].Text)
	assert.Equal(t, []string{"shared_mine"}, all[1].Findings[0].DAGs)
	assert.Empty(t, all[1].Findings[0].Lines, "its lines may be those of the other DAG")
	assert.Equal(t, "shared_theirs", found[2].DAGID, "what was found is as it was")

	all, err = list(nil)
	require.NoError(t, err)
	assert.Len(t, all, 3)
	gone := errors.New("the disk is gone")
	_, err = list(func(context.Context) ([]string, error) { return nil, gone })
	assert.ErrorIs(t, err, gone)
}
