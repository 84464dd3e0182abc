package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/store"
)

// Which run is the newest among those that failed, and which one can mend that.
func TestBrokenCountsFailures(t *testing.T) {
	t.Parallel()
	at := func(hour int) time.Time { return time.Date(2026, 1, 31, hour, 0, 0, 0, time.UTC) }
	run := func(id string, date, start int) *store.Run {
		r := &store.Run{RunID: id, StartDate: at(start)}
		if date >= 0 {
			r.LogicalDate = at(date)
		}
		return r
	}
	b := &store.Broken{}
	b.Add(run("b", 2, 12), at(13))
	assert.Equal(t, &store.Broken{Since: at(13), Failures: 1, RunID: "b", LogicalDate: at(2), RunStart: at(12)}, b)
	for name, c := range map[string]struct {
		r    *store.Run
		want bool
	}{
		"an older date, which ran later":    {run("backfill", 1, 20), false},
		"a newer date, which began earlier": {run("c", 3, 11), true},
		"the same run, cleared":             {run("b", 2, 14), true},
		"by hand, begun earlier":            {run("hand", -1, 11), false},
		"by hand, begun later":              {run("hand", -1, 15), true},
	} {
		assert.Equal(t, c.want, b.NotBefore(c.r), name)
	}
	b.Add(run("a", 1, 14), at(15))
	assert.Equal(t, &store.Broken{Since: at(13), Failures: 2, RunID: "b", LogicalDate: at(2), RunStart: at(12)}, b, "an older run is not the newest")
	b.Add(run("hand", -1, 16), at(17))
	assert.Equal(t, &store.Broken{Since: at(13), Failures: 3, RunID: "hand", RunStart: at(16)}, b)
	assert.False(t, b.NotBefore(run("c", 9, 15)), "one of them has no date")
}
