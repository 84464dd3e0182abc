//nolint:thelper // tests, not helpers: failures belong to their lines
package storetest

import (
	"context"
	"encoding/json"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
)

func xcom(t *testing.T, open Open) {
	s := open(t, Node{})
	put := func(task string, mapIndex int, key, value string) {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return tx.PutXCom(ctx, 1, task, mapIndex, key, json.RawMessage(value))
		})
	}
	get := func(task string, mapIndex int, key string) string {
		v, err := s.XCom(t.Context(), 1, task, mapIndex, key)
		require.NoError(t, err)
		return string(v)
	}
	put("t", -1, "k", `{"a": [1, "ü"]}`)
	put("t", -1, "k", `"new"`)
	put("t", -1, "none", `null`)
	put("t", 0, "k", `0`)
	put("u", -1, "k", `1`)
	put("t", 2, "k", `2`)
	put("t", 10, "k", `10`)
	put("t", 1, "other", `1`)
	assert.Equal(t, `"new"`, get("t", -1, "k"), "a later value replaces")
	assert.Equal(t, `null`, get("t", -1, "none"), "a null is a value")
	assert.Empty(t, get("t", -1, "missing"))

	entries, err := s.RunXComs(t.Context(), 1)
	require.NoError(t, err)
	require.Len(t, entries, 7)
	assert.Equal(t, store.XCom{TaskID: "t", MapIndex: -1, Key: "k", Value: json.RawMessage(`"new"`)}, entries[0])
	assert.Equal(t, "u", entries[6].TaskID)
	one, err := s.TaskXComs(t.Context(), 1, "t", -1)
	require.NoError(t, err)
	assert.Equal(t, entries[:2], one, "those of one instance")
	all, err := s.XComs(t.Context(), 1, "t", "k")
	require.NoError(t, err)
	assert.Equal(t, []store.MappedXCom{{MapIndex: 0, Value: json.RawMessage(`0`)}, {MapIndex: 2, Value: json.RawMessage(`2`)}, {MapIndex: 10, Value: json.RawMessage(`10`)}}, all,
		"those of mapped instances, by number")

	write(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.EditXCom(ctx, 1, "t", 0, "mine", json.RawMessage(`3`), midnight)
	})
	assert.Equal(t, `3`, get("t", 0, "mine"))
	for _, there := range []bool{true, false} {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			was, err := tx.DeleteXCom(ctx, 1, "t", 0, "mine")
			assert.Equal(t, there, was)
			return err
		})
	}
	assert.Empty(t, get("t", 0, "mine"))

	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.ClearXCom(ctx, 1, "t", -1) })
	assert.Empty(t, get("t", -1, "k"))
	assert.Empty(t, get("t", -1, "none"))
	assert.Equal(t, `0`, get("t", 0, "k"), "the other map index stays")
	assert.Equal(t, `1`, get("u", -1, "k"), "the other task stays")
}

func newestRunWithXCom(t *testing.T, open Open) {
	s := open(t, Node{})
	var runs []*store.Run
	for i := range 4 {
		runs = append(runs, newRun("d", strconv.Itoa(i), midnight.AddDate(0, 0, i)))
	}
	runs = append(runs, newRun("other", "x", midnight))
	insert(t, s, runs...)
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		for _, i := range []int{0, 1, 3, 4} {
			for _, key := range []string{"k", "return_value"} {
				if err := tx.PutXCom(ctx, runs[i].Key, "t", -1, key, json.RawMessage(`1`)); err != nil {
					return err
				}
			}
		}
		return tx.PutXCom(ctx, runs[4].Key, "t", -1, "of other", json.RawMessage(`1`))
	})
	find := func(day int, task, key string) int64 {
		k, err := s.RunWithXCom(t.Context(), "d", midnight.AddDate(0, 0, day), task, key)
		require.NoError(t, err)
		return k
	}
	for _, key := range []string{"k", "return_value"} {
		assert.Equal(t, runs[1].Key, find(2, "t", key), "the run before, as the one of the day has none")
		assert.Equal(t, runs[3].Key, find(3, "t", key), "its own day counts")
		assert.Zero(t, find(-1, "t", key))
		assert.Zero(t, find(3, "u", key))
	}
	assert.Zero(t, find(3, "t", "of other"))
	assert.Zero(t, find(3, "t", "never"))
}
