package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/dag/dagfile"
)

// The scheduler hands DAGs on again when a variable has changed that a file reads, and
// only then.
func TestFolderFollowsVariables(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	env := map[string]string{"DINGDAG_HOME": home, "AIRFLOW_VAR_OWNER": "first"}
	var log bytes.Buffer
	a := &app{IO: show.IO{In: strings.NewReader(""), Out: &log, Err: &log, LookupEnv: func(name string) (string, bool) {
		v, ok := env[name]
		return v, ok
	}}}
	t.Cleanup(func() { assert.NoError(t, a.close()) })
	require.NoError(t, os.Mkdir(filepath.Join(home, "dags"), 0o700))
	text := "a:\n  start_date: 2 days\n  tasks:\n    - {task_id: t, operator: empty, variables_as_arguments: [{variable: owner, attribute: owner}]}\n"
	require.NoError(t, os.WriteFile(filepath.Join(home, "dags", "a.yaml"), []byte(text), 0o600))
	c, err := a.catalog()
	require.NoError(t, err)
	f, err := a.folder(c)
	require.NoError(t, err)
	var owners []string
	use := func(_ context.Context, res dagfile.Result) error {
		owners = append(owners, res.DAGs[0].Owner)
		return nil
	}
	for range 2 {
		require.NoError(t, f.refresh(t.Context(), use))
	}
	env["AIRFLOW_VAR_OWNER"] = "second"
	for range 2 {
		require.NoError(t, f.refresh(t.Context(), use))
	}
	assert.Equal(t, []string{"first", "second"}, owners)
	assert.Equal(t, 2, strings.Count(log.String(), "moves with every load"), "warnings are not told again and again")
}
