package folder_test

import (
	"bytes"
	"context"
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
	"github.com/dingdag/dingdag/template"
)

// The scheduler hands DAGs on again when a variable has changed that a file reads, and
// only then.
func TestWatcherFollowsVariables(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	env := map[string]string{"DINGDAG_HOME": dir, "AIRFLOW_VAR_OWNER": "first"}
	var log bytes.Buffer
	h := home.New(show.IO{In: strings.NewReader(""), Out: &log, Err: &log, LookupEnv: func(name string) (string, bool) {
		v, ok := env[name]
		return v, ok
	}}, time.Now)
	t.Cleanup(func() { assert.NoError(t, h.Close()) })
	require.NoError(t, os.Mkdir(filepath.Join(dir, "dags"), 0o700))
	text := "a:\n  start_date: 2 days\n  tasks:\n    - {task_id: t, operator: empty, variables_as_arguments: [{variable: owner, attribute: owner}]}\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "dags", "a.yaml"), []byte(text), 0o600))
	operators, err := operator.NewRegistry(standard.Specs()...)
	require.NoError(t, err)
	notifiers, err := callbacks.NewRegistry(nil, nil)
	require.NoError(t, err)
	c := catalog.Catalog{Operators: operators, Callbacks: notifiers, Templates: template.New(template.Options{Clock: time.Now})}
	f := folder.New(h, func() (catalog.Catalog, error) { return c, nil }, "test")
	w, err := f.Watcher(c)
	require.NoError(t, err)
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
