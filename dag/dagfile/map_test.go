package dagfile

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
)

// asJSON writes a value as JSON, which shows the order of the keys of a Map.
func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

func oneKey(key string, value any) *dag.Map {
	m := &dag.Map{}
	m.Set(key, value)
	return m
}

// Templates loop over params and macros, so that the order of the keys is part of what a
// DAG says: it outlasts the stored version.
func TestOrderOfKeys(t *testing.T) {
	t.Parallel()
	one := mustParse(t, `
orders:
  schedule: [{__type__: airflow.sdk.Asset, name: a, uri: "s3://a", extra: {z: 1, a: {y: 2, b: 3}}}]
  user_defined_macros: {rates: {z: 1, a: 2.0, m: [{y: 1, b: 2}]}}
  params:
    zeta: 1
    needed: {__type__: airflow.sdk.Param, type: string, default: x}
    alpha: {z: 1, a: {y: 2, b: 3}}
  tasks:
    - {task_id: load, operator: bash, bash_command: "true", params: {second: 1, first: {z: 1, a: 2}}}
`)
	again, err := Restore(Source(one), newFakeCatalog(), testOptions())
	require.NoError(t, err)
	assert.Equal(t, one.Version, again.Version)
	for _, d := range []*dag.DAG{one, again} {
		assert.Equal(t, `{"zeta":1,"needed":"x","alpha":{"z":1,"a":{"y":2,"b":3}}}`, asJSON(t, d.Params))
		assert.Equal(t, []string{"zeta", "needed", "alpha"}, d.ParamNames)
		assert.Equal(t, `{"rates":{"z":1,"a":2.0,"m":[{"y":1,"b":2}]}}`, asJSON(t, d.UserDefinedMacros))
		assert.Equal(t, `{"second":1,"first":{"z":1,"a":2}}`, asJSON(t, d.Tasks[0].Params))
		assert.Equal(t, `{"z":1,"a":{"y":2,"b":3}}`, asJSON(t, d.Assets.Asset.Extra))
	}
	turned := mustParse(t, "d:\n  params: {a: 1, b: 2}\n  tasks: [{task_id: t, operator: empty}]\n")
	other := mustParse(t, "d:\n  params: {b: 2, a: 1}\n  tasks: [{task_id: t, operator: empty}]\n")
	assert.NotEqual(t, turned.Version, other.Version, "a template sees the order")
}

func TestMap(t *testing.T) {
	t.Parallel()
	var none *dag.Map
	assert.Zero(t, none.Len())
	assert.Equal(t, "{}", asJSON(t, none.Clone()))
	m := none.Clone()
	m.Set("b", int64(1))
	m.Set("a", nil)
	copied := m.Clone()
	copied.Set("b", []any{true, "<"})
	copied.Set("c", 0.5)
	assert.Equal(t, `{"b":1,"a":null}`, asJSON(t, m), "a copy is its own")
	var keys []string
	for k := range copied.All() {
		keys = append(keys, k)
	}
	assert.Equal(t, []string{"b", "a", "c"}, keys)
	value, found := copied.Get("a")
	assert.Nil(t, value)
	assert.True(t, found)
	_, found = none.Get("a")
	assert.False(t, found)
	assert.Len(t, slices.Collect(func(yield func(string) bool) {
		for k := range copied.All() {
			if !yield(k) {
				return
			}
		}
	}), 3)
}
