package pyval_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dingdag/dingdag/template/internal/pyval"
)

func budget() *pyval.Budget { return &pyval.Budget{MaxText: 1 << 20, Left: 1 << 30} }

// A dict behaves as an ordered list of pairs.
func TestDictKeepsOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := pyval.NewDict()
		var keys []any
		model := map[int64]int64{}
		for i, k := range rapid.SliceOf(rapid.Int64Range(0, 6)).Draw(t, "keys") {
			if _, has := model[k]; has && i%2 == 0 {
				got, err := pyval.CallMethod(budget(), d, "pop", pyval.NewArgs("pop", []any{k}, nil, nil))
				require.NoError(t, err)
				require.Equal(t, model[k], got)
				delete(model, k)
				kept := []any{}
				for _, other := range keys {
					if other != any(k) {
						kept = append(kept, other)
					}
				}
				keys = kept
				continue
			}
			if _, has := model[k]; !has {
				keys = append(keys, k)
			}
			model[k] = int64(i)
			require.NoError(t, d.Set(k, int64(i)))
		}
		require.Len(t, d.Keys(), len(keys))
		for i, k := range keys {
			require.Equal(t, k, d.Keys()[i])
			got, ok := d.Get(float64(k.(int64))) // 1 and 1.0 are one key
			require.True(t, ok)
			require.Equal(t, model[k.(int64)], got)
		}
	})
}
