package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/dingdag/dingdag/store"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// renderedFieldsOfTheNewestRuns holds that each try has its own fields, and that only the
// runs of a DAG that rendered last keep theirs.
func renderedFieldsOfTheNewestRuns(t *testing.T, open Open) {
	t.Helper()
	s := open(t, Node{})
	now := midnight
	put := func(dagID string, run int64, mapIndex, try int) {
		now = now.Add(time.Second)
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return tx.PutRenderedFields(ctx, &store.RenderedTry{
				RunKey: run, DAGID: dagID, TaskID: "t", MapIndex: mapIndex, Try: try, At: now, Fields: json.RawMessage(fmt.Sprintf(`[%d]`, now.Unix())),
			}, 2)
		})
	}
	get := func(run int64, mapIndex, try int) string {
		v, err := s.RenderedFields(t.Context(), run, "t", mapIndex, try)
		require.NoError(t, err)
		return string(v)
	}
	put("d", 1, -1, 1)
	first := get(1, -1, 1)
	put("d", 1, -1, 2)
	assert.Equal(t, first, get(1, -1, 1), "a later try leaves the first")
	assert.NotEqual(t, first, get(1, -1, 2))
	put("d", 1, -1, 1)
	assert.NotEqual(t, first, get(1, -1, 1), "a sensor that looks again replaces its own")
	assert.Empty(t, get(1, 0, 1))
	assert.Empty(t, get(2, -1, 1))

	put("d", 2, 0, 1)
	put("other", 9, -1, 1)
	put("d", 1, 3, 1) // run 1 renders again, so that run 2 has rested longest
	put("d", 3, -1, 1)
	assert.Empty(t, get(2, 0, 1), "the run that has rested longest loses its own")
	assert.NotEmpty(t, get(1, -1, 2))
	assert.NotEmpty(t, get(1, 3, 1))
	assert.NotEmpty(t, get(3, -1, 1))
	assert.NotEmpty(t, get(9, -1, 1), "those of another DAG stay")
}
