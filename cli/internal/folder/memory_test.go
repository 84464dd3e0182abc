package folder_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/catalog"
	"github.com/dingdag/dingdag/cli/internal/folder"
	"github.com/dingdag/dingdag/cli/internal/home"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/standard"
	"github.com/dingdag/dingdag/owners"
	"github.com/dingdag/dingdag/template"
)

// What the folder holds is remembered until a file changes, for a minute at most, and never what moves by itself.
func TestRemember(t *testing.T) {
	t.Parallel()
	dir, now, looks := t.TempDir(), time.Now(), 0
	env := map[string]string{"DINGDAG_HOME": dir, "AIRFLOW_VAR_OWNER": "first"}
	h := home.New(show.IO{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard, LookupEnv: func(name string) (string, bool) {
		v, ok := env[name]
		return v, ok
	}}, func() time.Time { return now })
	t.Cleanup(func() { assert.NoError(t, h.Close()) })
	dags := filepath.Join(dir, "dags")
	require.NoError(t, os.MkdirAll(filepath.Join(dags, "sub"), 0o700))
	operators, err := operator.NewRegistry(standard.Specs()...)
	require.NoError(t, err)
	notifiers, err := callbacks.NewRegistry(nil, nil)
	require.NoError(t, err)
	f := folder.New(h, func() (catalog.Catalog, error) {
		looks++
		return catalog.Catalog{Operators: operators, Callbacks: notifiers, Templates: template.New(template.Options{Clock: time.Now})}, nil
	}, func() (*owners.Book, error) { return nil, nil }, "test") //nolint:nilnil // nobody is known
	f.Remember()
	long := now.Add(-time.Hour)
	write := func(name, text string) {
		path := filepath.Join(dags, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		require.NoError(t, os.Chtimes(path, long, long))
	}
	list := func() (string, bool) {
		all, broken, err := f.DAGs()
		require.NoError(t, err)
		var b strings.Builder
		for _, d := range all {
			b.WriteString(d.ID + " by " + d.Owner + ", ")
		}
		clear(all) // the list is the caller's own
		return b.String(), broken
	}
	file := func(id string) string { return id + ":\n  tasks: [{task_id: t, operator: empty}]\n" }
	write("a.yaml", file("a"))
	for range 3 {
		text, broken := list()
		assert.Equal(t, "a by airflow, ", text)
		assert.False(t, broken)
	}
	assert.Equal(t, 1, looks)
	for _, step := range []struct {
		do   func()
		want string
	}{
		{func() { write("a.yaml", file("abc")) }, "abc by airflow, "},
		{func() { write("sub/z.yaml", file("z")) }, "abc by airflow, z by airflow, "},
		{func() { require.NoError(t, os.Remove(filepath.Join(dags, "a.yaml"))) }, "z by airflow, "},
		{func() { write("a.yaml", "a: [\n") }, "z by airflow, "},
		{func() { require.NoError(t, os.Remove(filepath.Join(dags, "a.yaml"))) }, "z by airflow, "},
	} {
		looks = 0
		step.do()
		for range 3 {
			text, broken := list()
			assert.Equal(t, step.want, text)
			_, err := os.Stat(filepath.Join(dags, "a.yaml"))
			assert.Equal(t, broken, err == nil && step.want == "z by airflow, ")
		}
		assert.Equal(t, 1, looks, step.want)
		for range 3 {
			found, err := f.Findings()
			require.NoError(t, err)
			_, err = os.Stat(filepath.Join(dags, "a.yaml"))
			assert.Equal(t, err == nil && step.want == "z by airflow, ", found.HasErrors(), step.want)
			clear(found) // the list is the caller's own
		}
		assert.Equal(t, 2, looks, "%s: what is wrong is read once", step.want)
	}
	looks = 1
	now = now.Add(time.Minute)
	list()
	assert.Equal(t, 2, looks, "after a minute")
	write("v.yaml", "v:\n  tasks: [{task_id: t, operator: empty, variables_as_arguments: [{variable: owner, attribute: owner}]}]\n")
	for _, who := range []string{"first", "second"} {
		env["AIRFLOW_VAR_OWNER"] = who
		text, _ := list()
		assert.Equal(t, "v by "+who+", z by airflow, ", text)
	}
	require.NoError(t, os.RemoveAll(dags))
	_, _, err = f.DAGs()
	require.ErrorContains(t, err, "read the DAGs folder")
	_, err = f.Findings()
	assert.ErrorContains(t, err, "read the DAGs folder")
}
