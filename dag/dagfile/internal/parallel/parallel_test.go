package parallel_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/dag/dagfile/internal/parallel"
)

func TestEachIsCalledOnceForAll(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 2, 1000} {
		var mu sync.Mutex
		var seen []int
		parallel.Each(n, func(i int) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, i)
		})
		slices.Sort(seen)
		want := make([]int, 0, n)
		for i := range n {
			want = append(want, i)
		}
		assert.ElementsMatch(t, want, seen)
	}
}
