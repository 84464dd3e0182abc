package keys

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// elsewhere are the keys that the reader names outside of their declaration, too: they are
// read with others, belong to several tables, or are words of other places as well.
var elsewhere = strings.Fields(`
	tasks task_groups default_args schedule timetable start_date end_date timezone doc_md_file_path concurrency description doc_md
	on_success_callback on_failure_callback on_recovery_callback on_execute_callback on_retry_callback on_skipped_callback params
	retry_delay max_retry_delay execution_timeout trigger_rule map_index_template inlets outlets mode email
	dependencies operator task_group_name task_id group_name parent_group_name user_defined_macros deadline doc tags expand expand_kwargs partial teardown on_failure_fail_dagrun notifiers`)

// A key costs its field in package dag, one line here, which reading, the schema, the
// canonical form, dingdag keys and docs/keys.md come from, and a test.
func TestAKeyIsOneLine(t *testing.T) {
	t.Parallel()
	var source strings.Builder
	require.NoError(t, filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == "former" {
			return fs.SkipDir // what older files say, by today's names
		}
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		data, err := os.ReadFile(path)
		source.Write(data)
		return err
	}))
	count := map[string]int{}
	for _, list := range [][]Description{OfDAGs(), OfGroups(), OfTasks(), OfSensors()} {
		for _, k := range list {
			count[k.Name] = strings.Count(source.String(), strconv.Quote(k.Name))
			assert.NotEmpty(t, k.Doc, k.Name)
			assert.NotEmpty(t, k.Type, k.Name)
		}
	}
	for _, name := range elsewhere {
		assert.NotEqual(t, 1, count[name], "%s is named once: take it off this list", name)
		delete(count, name)
	}
	for name, n := range count {
		assert.Equal(t, 1, n, "%s: declare it in its table alone", name)
	}
}
