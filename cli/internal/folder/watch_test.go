package folder_test

import (
	"bytes"
	"context"
	"errors"
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
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/standard"
	"github.com/dingdag/dingdag/owners"
	"github.com/dingdag/dingdag/template"
)

// The scheduler hands DAGs on again when a variable has changed that a file reads, and
// only then.
func TestWatcherFollowsVariables(t *testing.T) {
	t.Parallel()
	text := "a:\n  start_date: 2 days\n  tasks:\n    - {task_id: t, operator: empty, variables_as_arguments: [{variable: owner, attribute: owner}]}\n"
	env := map[string]string{"AIRFLOW_VAR_OWNER": "first"}
	var log bytes.Buffer
	w, _ := newWatcher(t, text, env, &log)
	var owners []string
	use := func(_ context.Context, res dagfile.Result) error {
		owners = append(owners, res.DAGs[0].Owner)
		return nil
	}
	for range 2 {
		require.NoError(t, w.Refresh(t.Context(), use))
	}
	env["AIRFLOW_VAR_OWNER"] = "second"
	for range 2 {
		require.NoError(t, w.Refresh(t.Context(), use))
	}
	assert.Equal(t, []string{"first", "second"}, owners)
	assert.Equal(t, 1, w.Count())
	assert.Equal(t, 2, strings.Count(log.String(), "moves with every load"), "warnings are not told again and again")
}

// newWatcher follows a folder with a file, whose path it returns.
func newWatcher(t *testing.T, text string, env map[string]string, log io.Writer) (*folder.Watcher, string) {
	t.Helper()
	dir := t.TempDir()
	env["DINGDAG_HOME"] = dir
	h := home.New(show.IO{In: strings.NewReader(""), Out: log, Err: log, LookupEnv: func(name string) (string, bool) {
		v, ok := env[name]
		return v, ok
	}}, time.Now)
	t.Cleanup(func() { assert.NoError(t, h.Close()) })
	require.NoError(t, os.Mkdir(filepath.Join(dir, "dags"), 0o700))
	path := filepath.Join(dir, "dags", "a.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	operators, err := operator.NewRegistry(standard.Specs()...)
	require.NoError(t, err)
	notifiers, err := callbacks.NewRegistry(nil, nil)
	require.NoError(t, err)
	c := catalog.Catalog{Operators: operators, Callbacks: notifiers, Templates: template.New(template.Options{Clock: time.Now})}
	f := folder.New(h, func() (catalog.Catalog, error) { return c, nil }, func() (*owners.Book, error) { return (*owners.Book)(nil), nil }, "test")
	w, err := f.Watcher(c)
	require.NoError(t, err)
	return w, path
}

// Files are looked at after a change, after a look that failed, and now and then in any case.
func TestWatch(t *testing.T) {
	t.Parallel()
	file := func(id string) string { return id + ":\n  tasks: [{task_id: t, operator: empty}]\n" }
	w, path := newWatcher(t, file("a"), map[string]string{}, io.Discard)
	beside := filepath.Join(filepath.Dir(filepath.Dir(path)), "new")
	ctx, cancel := context.WithCancel(t.Context())
	loaded, fail, ended := make(chan string), true, make(chan struct{})
	go func() {
		defer close(ended)
		w.Watch(ctx, 2*time.Millisecond, func(_ context.Context, res dagfile.Result) error {
			loaded <- res.DAGs[0].ID
			if fail = !fail; !fail {
				return errors.New("not now")
			}
			return nil
		})
	}()
	for _, id := range []string{"a", "b", "longer"} {
		require.NoError(t, os.WriteFile(beside, []byte(file(id)), 0o600))
		require.NoError(t, os.Rename(beside, path))
		assert.Equal(t, id, <-loaded)
		assert.Equal(t, id, <-loaded, "again, for it failed")
	}
	cancel()
	<-ended
}

// An edited template file makes a new version of its DAG, and one that has settled is not read again and again.
func TestWatcherFollowsTemplateFiles(t *testing.T) {
	t.Parallel()
	w, path := newWatcher(t, "a:\n  tasks: [{task_id: t, operator: bash, bash_command: run.sh}]\n", map[string]string{}, io.Discard)
	script := filepath.Join(filepath.Dir(path), "run.sh")
	var versions []string
	use := func(_ context.Context, res dagfile.Result) error {
		require.Len(t, res.DAGs, 1, res.Diagnostics.String())
		versions = append(versions, res.DAGs[0].Version)
		return nil
	}
	for _, text := range []string{"echo 1", "echo 2"} {
		require.NoError(t, os.WriteFile(script, []byte(text), 0o600))
		for range 3 {
			require.NoError(t, w.Refresh(t.Context(), use))
		}
	}
	require.Len(t, versions, 2)
	assert.NotEqual(t, versions[0], versions[1])
	assert.True(t, w.Volatile(), "the script was written just now")
	long := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(script, long, long))
	require.NoError(t, w.Refresh(t.Context(), use))
	require.NoError(t, w.Refresh(t.Context(), use))
	assert.False(t, w.Volatile())
	assert.Equal(t, versions[1], versions[len(versions)-1])
}
