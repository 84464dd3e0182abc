package hook_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dingdag/dingdag/hook"
)

// Whatever the sizes of the pages, All returns the first limit items and says whether
// there are more.
func TestAllPages(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.IntRange(0, 4), 1, 6).Draw(t, "sizes")
		limit := rapid.IntRange(1, 30).Draw(t, "limit")
		total := 0
		for _, n := range sizes {
			total += n
		}
		next := 0
		items, left, err := hook.All(context.Background(), limit, 0, func(_ context.Context, cursor int) ([]int, int, bool, error) {
			page := make([]int, sizes[cursor])
			for i := range page {
				page[i] = next
				next++
			}
			return page, cursor + 1, cursor+1 < len(sizes), nil
		})
		require.NoError(t, err)
		require.Len(t, items, min(limit, total))
		for i, item := range items {
			require.Equal(t, i, item)
		}
		if total > limit {
			require.True(t, left)
		}
		if !left {
			require.Len(t, items, total)
		}
	})
}

func TestAllPagesStops(t *testing.T) {
	t.Parallel()
	items, left, err := hook.All(t.Context(), 0, "", func(context.Context, string) ([]string, string, bool, error) {
		return []string{"x"}, "same", true, nil
	})
	require.ErrorContains(t, err, "named the page same twice")
	assert.Len(t, items, 2)
	assert.True(t, left)

	broken := errors.New("broken")
	before, _, err := hook.All(t.Context(), 0, 0, func(_ context.Context, cursor int) ([]int, int, bool, error) {
		if cursor == 1 {
			return nil, 0, false, broken
		}
		return []int{1}, 1, true, nil
	})
	require.ErrorIs(t, err, broken)
	assert.Equal(t, []int{1}, before, "what was read before stays")
}
