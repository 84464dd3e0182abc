package reference

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/catalog"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/standard"
	"github.com/dingdag/dingdag/template"
)

// All operators that come with the program as YAML are sound, and none is left out.
func TestShippedOperators(t *testing.T) {
	t.Parallel()
	ops, err := operator.NewRegistry(standard.Specs()...)
	require.NoError(t, err)
	own, found := dagfile.NewLoader(catalog.Catalog{Operators: ops, Templates: template.New(template.Options{})}, dagfile.Options{}).Custom(t.TempDir())
	assert.Empty(t, found)
	var names []string
	for _, o := range own {
		names = append(names, o.Name)
		d, err := describeCustom(o)
		require.NoError(t, err)
		assert.NotEmpty(t, d.Summary, o.Name)
		for _, p := range d.Params {
			assert.NotEmpty(t, p.Doc, "%s.%s", o.Name, p.Name)
		}
	}
	assert.Equal(t, []string{"dbt_clean", "dbt_deps", "dbt_docs_generate", "dbt_run", "dbt_seed", "dbt_snapshot", "dbt_test"}, names)
}
