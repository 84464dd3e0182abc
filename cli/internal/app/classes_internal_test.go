package app

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding"
	"github.com/dingdag/dingdag/operator/email"
	"github.com/dingdag/dingdag/operator/http"
	"github.com/dingdag/dingdag/operator/sql"
	"github.com/dingdag/dingdag/operator/standard"
)

// What the REST API calls an operator is the class that Airflow has for it, the first of those that are known.
func TestOperatorsHaveAirflowsClasses(t *testing.T) {
	t.Parallel()
	r, err := operator.NewRegistry(slices.Concat(standard.Specs(), http.Specs(), email.Specs(), sql.Specs(), dingding.Specs(hook.New(nil)))...)
	require.NoError(t, err)
	known := 0
	for _, s := range r.Specs() {
		if len(s.Aliases) == 0 {
			continue
		}
		known++
		path := s.Aliases[0].Path
		assert.Equal(t, path[strings.LastIndex(path, ".")+1:], browse.OperatorName(s.Name), s.Name)
	}
	assert.Greater(t, known, 25)
}
