package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/store"
)

// The first to start is asked for the key, of those that have another one; older programs do not tell theirs.
func TestOtherKeys(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	node := func(id, mark string, after time.Duration) *store.Node {
		return &store.Node{ID: id, KeyMark: mark, StartedAt: at.Add(after)}
	}
	older, a, b, c := node("older", "", 0), node("a", "one", 2), node("b", "two", 1), node("c", "one", 1)
	all := []*store.Node{older, a, b, c}
	others, first := store.OtherKeys(all)
	assert.Equal(t, b, first)
	assert.Equal(t, []*store.Node{a, c}, others)
	assert.Equal(t, c, store.OtherKey(all, "two"))
	assert.Equal(t, b, store.OtherKey(all, "one"))
	assert.Equal(t, b, store.OtherKey(all, "three"))
	assert.Nil(t, store.OtherKey([]*store.Node{older, b}, "two"))
	others, first = store.OtherKeys([]*store.Node{older})
	assert.Nil(t, first)
	assert.Empty(t, others)
}
