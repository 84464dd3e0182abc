package pyval_test

import (
	"cmp"
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dingdag/dingdag/template/internal/pynum"
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

// The short ways for whole numbers give what numbers of any size give.
func TestShortWaysOfWholeNumbers(t *testing.T) {
	t.Parallel()
	whole := rapid.OneOf(rapid.Int64Range(-9, 9), rapid.Int64Range(math.MinInt32-2, math.MaxInt32+2), rapid.Int64())
	rapid.Check(t, func(t *rapid.T) {
		i, j := whole.Draw(t, "i"), whole.Draw(t, "j")
		for _, op := range []string{"+", "-", "*", "//", "%"} {
			want, wantErr := pynum.IntOp(op, big.NewInt(i), big.NewInt(j))
			got, err := pyval.Binary(budget(), op, i, j)
			require.Equal(t, wantErr, err, op)
			require.Equal(t, want, got, op)
		}
		c, ok, err := pyval.Order(budget(), i, j, 0)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, cmp.Compare(i, j), c)
		text, err := pyval.Repr(budget(), i)
		require.NoError(t, err)
		require.Equal(t, big.NewInt(i).String(), text)
	})
}

// A number is text too, within the budget.
func TestTextOfNumberIsCharged(t *testing.T) {
	t.Parallel()
	b := &pyval.Budget{MaxText: 3, Left: 1 << 10}
	text, err := pyval.Str(b, int64(-12))
	require.NoError(t, err)
	require.Equal(t, "-12", text)
	require.Less(t, b.Left, int64(1<<10))
	_, err = pyval.Str(b, int64(1234))
	require.ErrorIs(t, err, pyval.ErrLimit)
	_, err = pyval.Str(&pyval.Budget{MaxText: 3}, int64(1))
	require.ErrorIs(t, err, pyval.ErrLimit)
}
